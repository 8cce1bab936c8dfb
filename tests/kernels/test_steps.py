"""What every `*_step` promises, beside being one turn of its scan: the conformance of one observation."""

import pytest
import torch
from operator_conformance import DEVICE, _strided

from ssmts_kernels import backend, diagonal_step, selective_scan_step, ssd_step

INTERVALS = ["number", "rows"]


def diagonal(dtype=torch.float64, batch=3):
    mode = torch.complex128 if dtype == torch.float64 else torch.complex64
    normal, A = _normal(dtype), _normal(mode)(2, 4)
    return diagonal_step, {
        "state": _normal(mode)(batch, 2, 4), "u": normal(batch, 2), "A": A - 2 * A.real.clamp(min=0) - 0.05,
        "B": _normal(mode)(2, 4), "C": _normal(mode)(2, 4), "D": normal(2), "delta": normal(2).abs() + 0.1,
        "previous_input": normal(batch, 2),
    }  # fmt: skip


def selective(dtype=torch.float64, batch=3):
    normal = _normal(dtype)
    return selective_scan_step, {
        "state": normal(batch, 2, 4), "u": normal(batch, 2), "delta": normal(batch, 2).abs(),
        "A": -normal(2, 4).abs() - 0.05, "B": normal(batch, 4), "C": normal(batch, 4), "D": normal(2),
        "z": normal(batch, 2), "delta_bias": normal(2).abs(),
    }  # fmt: skip


def dual(dtype=torch.float64, batch=3):
    normal = _normal(dtype)
    return ssd_step, {
        "state": normal(batch, 4, 3, 2), "x": normal(batch, 4, 3), "delta": normal(batch, 4).abs(),
        "A": -normal(4).abs() - 0.05, "B": normal(batch, 2, 2), "C": normal(batch, 2, 2), "D": normal(4),
        "z": normal(batch, 4, 3), "delta_bias": normal(4).abs(),
    }  # fmt: skip


def _normal(dtype, generator=torch.Generator().manual_seed(11)):  # noqa: B008 (one stream for all)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)


def gap(kind, named, dtype=torch.float64):
    return 0.7 if kind == "number" else torch.linspace(0.2, 2, len(named["state"]), dtype=dtype).to(DEVICE)


def agrees(step, named, interval, tolerance=1e-10, **options):
    found = step(**named, interval=interval, **options)
    with backend("reference"):
        expected = step(**named, interval=interval, **options)
    for a, e in zip(found, expected, strict=True):
        assert a.dtype == e.dtype
        assert a.isfinite().all()
        assert a.shape == e.shape
        if e.numel():
            assert (a - e).abs().max() <= tolerance * e.abs().max()


@pytest.mark.parametrize("call", [diagonal, selective, dual])
def test_autocast_changes_nothing(call):
    step, named = call(torch.float32)
    expected = step(**named, interval=gap("rows", named, torch.float32))
    with torch.autocast(DEVICE, torch.bfloat16):
        cast = step(**named, interval=gap("rows", named, torch.float32))
    for a, e in zip(cast, expected, strict=True):
        assert a.dtype == e.dtype
        assert torch.equal(a, e)


@pytest.mark.parametrize("call", [diagonal, selective, dual])
class TestEveryStep:
    @pytest.mark.parametrize("interval", INTERVALS)
    @pytest.mark.parametrize("hold", ["zoh", "default"])
    def test_gradcheck(self, call, interval, hold):
        step, named = call()
        hold = {} if hold == "default" else {"hold": hold}
        names = list(named)
        leaves = [named[n].clone().requires_grad_() for n in names]
        assert torch.autograd.gradcheck(
            lambda *values: step(**dict(zip(names, values)), interval=gap(interval, named), **hold), leaves
        )

    @pytest.mark.parametrize("interval", INTERVALS)
    def test_layouts_do_not_matter(self, call, interval):
        step, named = call()
        length = gap(interval, named)
        agrees(step, {k: _strided(v) for k, v in named.items()}, length)
        agrees(step, {k: v[:1].expand(v.shape) for k, v in named.items()}, length)
        agrees(step, {k: v.conj() for k, v in named.items()}, length)

    @pytest.mark.parametrize("interval", INTERVALS)
    def test_no_rows(self, call, interval):
        step, named = call(batch=0)
        agrees(step, named, gap(interval, named))

    @pytest.mark.parametrize("interval", [0.0, 1e-6, 1e3, 1e5])
    @pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
    def test_extremes(self, call, interval, scale):
        step, named = call(torch.float32)
        signal = "x" if "x" in named else "u"
        named |= {"A": scale * named["A"], signal: 1e4 * named[signal]}
        agrees(step, named, interval, tolerance=1e-4, hold="zoh")

    def test_halves_and_float_states(self, call):
        step, named = call(torch.float32)
        signal = "x" if "x" in named else "u"
        halves = {**named, signal: named[signal].bfloat16()}
        y, state = step(**halves, interval=0.7)
        wide, expected = step(**{**halves, signal: halves[signal].float()}, interval=0.7)
        assert y.dtype == torch.bfloat16
        assert state.dtype == expected.dtype
        torch.testing.assert_close(state, expected)
        torch.testing.assert_close(y.float(), wide, rtol=1e-2, atol=1e-2)

    def test_wrong_shapes_dtypes_and_devices_name_the_argument(self, call):
        step, named = call()
        for name, value in named.items():
            for wrong in (value[..., None], value.long() if not value.is_complex() else value.real.long()):
                with pytest.raises(ValueError, match=rf"{step.__name__}: {name} must have "):
                    step(**{**named, name: wrong}, interval=0.7)
            with pytest.raises(ValueError, match=rf"{step.__name__}: .* is on .* but .* is on"):
                step(**{**named, name: value.to("meta")}, interval=0.7)
        with pytest.raises(ValueError, match=rf"{step.__name__}: interval "):
            step(**named, interval=torch.ones(7, device=DEVICE))
        with pytest.raises(ValueError, match=rf"{step.__name__}: hold "):
            step(**named, interval=0.7, hold="none")

    @pytest.mark.parametrize("interval", INTERVALS)
    @pytest.mark.slow
    def test_compile(self, call, interval):
        torch._dynamo.reset()
        step, named = call()
        length = gap(interval, named)
        compiled = torch.compile(
            lambda values: step(**values, interval=length), backend="aot_eager", fullgraph=True
        )
        for a, e in zip(compiled(named), step(**named, interval=length), strict=True):
            torch.testing.assert_close(a, e)
