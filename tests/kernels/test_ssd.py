import pytest
import torch
from operator_conformance import CUDA, DEVICE, Inputs, RecurrentConformance

from ssmts_kernels import backend
from ssmts_kernels.selective_scan import selective_scan
from ssmts_kernels.ssd import ssd, ssd_step


def with_last_state(**inputs):
    return ssd(**inputs, return_last_state=True)


class TestSSD(RecurrentConformance):
    operator = with_last_state
    chunk = 64
    triton_max_length = 140
    backends = ("cpu", "numba", "triton")
    differentiable = (
        "x", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state", "intervals",
    )  # fmt: skip
    sequence = ("x", "delta", "B", "C", "z", "intervals")
    batched = (*sequence, "initial_state")
    half_inputs = ("x", "delta", "B", "C", "z")
    hold = "euler"
    heads, groups = 4, 2

    def build(self, length, dtype=torch.float64, seed=0, lengths=False, initial=True) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        batch, heads, groups, p, n = 3, self.heads, self.groups, 3, 2

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)

        inputs = {
            "x": normal(batch, length, heads, p),
            "delta": normal(batch, length, heads) - 1,
            "A": -2 * normal(heads).abs(),
            "B": normal(batch, length, groups, n),
            "C": normal(batch, length, groups, n),
            "D": normal(heads),
            "z": normal(batch, length, heads, p),
            "delta_bias": 0.1 * normal(heads),
            "delta_softplus": True,
            "intervals": normal(batch, length).abs(),
            "hold": self.hold,
        }
        if initial:
            inputs["initial_state"] = normal(batch, heads, p, n)
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def carry(self, inputs, outputs, end):
        return {"initial_state": outputs[1]}

    def extremes(self):
        inputs = {k: v for k, v in self.build(150, torch.float32).items() if k not in ("delta_bias", "z")}
        inputs["delta_softplus"] = False
        delta = inputs["delta"] = inputs["delta"].abs()
        reset = delta.clone()
        reset[:, 20] = 1e6
        return {
            "tiny steps": {**inputs, "delta": 1e-6 * delta},
            "long steps": {**inputs, "delta": 1e3 * delta},
            "no step": {**inputs, "delta": 0 * delta},
            "one step that wipes the state out": {**inputs, "delta": reset, "A": 0.01 * inputs["A"]},
            "fast decay": {**inputs, "A": inputs["A"] - 1e4},
            "modes at zero": {**inputs, "A": 0 * inputs["A"]},
            "slow modes": {**inputs, "A": 1e-6 * inputs["A"]},
            "large inputs": {**inputs, "x": 1e4 * inputs["x"]},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "x of three dimensions": ("x", {**inputs, "x": inputs["x"][0]}),
            "short delta": ("delta", {**inputs, "delta": inputs["delta"][:, 1:]}),
            "A per mode": ("A", {**inputs, "A": inputs["x"][0, 0]}),
            "complex A": ("A", {**inputs, "A": inputs["A"] + 0j}),
            "groups that do not divide": ("B", {
                **inputs, "B": inputs["x"][:, :, :3, :2], "C": inputs["x"][:, :, :3, :2],
            }),
            "C of other modes": ("C", {**inputs, "C": inputs["C"][..., 1:]}),
            "D of two dimensions": ("D", {**inputs, "D": inputs["x"][0, 0]}),
            "short z": ("z", {**inputs, "z": inputs["z"][:, 1:]}),
            "bias of other heads": ("delta_bias", {**inputs, "delta_bias": inputs["D"][1:]}),
            "integer x": ("x", {**inputs, "x": inputs["x"].long()}),
            "intervals per head": ("intervals", {**inputs, "intervals": inputs["delta"]}),
            "state transposed": ("initial_state", {**inputs, "initial_state": inputs["initial_state"].mT}),
            "float lengths": ("lengths", {**inputs, "lengths": torch.ones(3)}),
            "unknown hold": ("hold", {**inputs, "hold": "foh"}),
            "other device": ("delta", {**inputs, "delta": inputs["delta"].to("meta")}),
        }  # fmt: skip

    def opcheck_calls(self):
        inputs = self.build(70)
        step = inputs["delta"].exp()
        tensors = [inputs["x"], step * inputs["A"], step, inputs["B"], inputs["C"]]
        optional = [inputs["D"], inputs["initial_state"]]
        leaves = [t.clone().requires_grad_() for t in (*tensors, *optional)]
        op = torch.ops.ssmts.ssd.default
        return [(op, (*leaves, True, "cpu")), (op, (*leaves[:5], None, None, True, "cpu"))]


class TestZeroOrderHold(TestSSD):
    """The hold is settled before the paths part."""

    hold = "zoh"
    backends = ("cpu",)


class TestOneGroup(TestSSD):
    groups = 1
    backends = ("cpu", "numba")


@pytest.fixture
def inputs():
    return TestZeroOrderHold().build(71)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_is_selective_scan_with_one_mode_a_head(inputs, hold, name):
    """Head by head: P channels that share step, gate weights and the scalar mode."""
    inputs["hold"] = hold
    with backend(name):
        y, last_state = with_last_state(**inputs)
    for head in range(4):
        group = head // 2
        common = {k: inputs[k] for k in ("delta_softplus", "intervals", "hold")}
        expected, expected_state = selective_scan(
            inputs["x"][:, :, head],
            inputs["delta"][:, :, head, None].expand(-1, -1, 3),
            inputs["A"][head].expand(3, 2),
            inputs["B"][:, :, group],
            inputs["C"][:, :, group],
            D=inputs["D"][head].expand(3),
            z=inputs["z"][:, :, head],
            delta_bias=inputs["delta_bias"][head].expand(3),
            initial_state=inputs["initial_state"][:, head],
            return_last_state=True,
            **common,
        )
        torch.testing.assert_close(y[:, :, head], expected)
        torch.testing.assert_close(last_state[:, head], expected_state)


def test_halved_intervals_with_a_held_input_change_nothing(inputs):
    """Zero-order hold is exact: two half intervals of the same input are one interval of it."""
    y, last_state = with_last_state(**inputs)
    held = {k: v.repeat_interleave(2, 1) for k, v in inputs.items() if k in TestSSD.sequence}
    fine, fine_state = with_last_state(**{**inputs, **held, "intervals": held["intervals"] / 2})
    torch.testing.assert_close(fine[:, 1::2], y)
    torch.testing.assert_close(fine_state, last_state)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_steps_are_the_scan(inputs, hold, name):
    inputs["hold"] = hold
    y, last_state = with_last_state(**inputs)
    state = inputs["initial_state"]
    with backend(name):
        for k in range(71):
            now = {n: inputs[n][:, k] for n in ("x", "delta", "B", "C", "z")}
            rest = {n: inputs[n] for n in ("A", "D", "delta_bias", "delta_softplus", "hold")}
            given, before = state, state.clone()
            out, state = ssd_step(state, **now, **rest, interval=inputs["intervals"][:, k])
            assert torch.equal(given, before), "the given state is not modified"
            torch.testing.assert_close(out, y[:, k])
    torch.testing.assert_close(state, last_state)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
def test_step_is_differentiable_and_takes_a_number(inputs, hold):
    names = ("x", "delta", "A", "B", "C")
    leaves = [inputs[n] if n == "A" else inputs[n][:, 0] for n in names]
    leaves = [t.clone().requires_grad_() for t in (inputs["initial_state"], *leaves)]
    assert torch.autograd.gradcheck(
        lambda *args: ssd_step(*args, delta_softplus=True, interval=0.7, hold=hold), leaves
    )


def test_step_errors_name_the_argument(inputs):
    now = {n: inputs[n][:, 0] for n in ("x", "delta", "B", "C")}
    with pytest.raises(ValueError, match="ssd_step: interval"):
        ssd_step(inputs["initial_state"], **now, A=inputs["A"], interval=torch.ones(2, device=DEVICE))
    three = {n: torch.ones(3, 3, 2, device=DEVICE) for n in ("B", "C")}
    with pytest.raises(
        ValueError, match="ssd_step: B must have a number of groups that divides H=4, got G=3"
    ):
        ssd_step(inputs["initial_state"], **{**now, **three}, A=inputs["A"])


@pytest.mark.parametrize("shape", [(0, 5, 4, 3, 2), (2, 0, 4, 3, 2), (2, 5, 4, 0, 2), (2, 5, 4, 3, 0)])
def test_empty(shape):
    batch, length, heads, p, n = shape
    x = torch.ones(batch, length, heads, p, device=DEVICE, requires_grad=True)
    state = torch.ones(batch, heads, p, n, device=DEVICE, requires_grad=True)
    delta, B = torch.ones(batch, length, heads, device=DEVICE), torch.ones(batch, length, 2, n, device=DEVICE)
    y, last_state = ssd(
        x, delta, -torch.ones(heads, device=DEVICE), B, B, initial_state=state, return_last_state=True
    )
    assert y.shape == x.shape
    assert last_state.shape == state.shape
    (y.sum() + last_state.sum()).backward()
    assert x.grad.shape == x.shape
    if length == 0:
        assert (state.grad == 1).all()


def test_65536_steps_stay_within_rounding_of_float64():
    """The bound: 1e-5 of the largest value, for modes from undamped to gone within a step."""
    generator = torch.Generator().manual_seed(5)
    length, heads = 65_536, 4
    x = torch.randn(1, length, heads, 2, generator=generator)
    delta = 0.1 * torch.rand(1, length, heads, generator=generator)
    A = -torch.tensor([0.0, 1e-3, 1.0, 1e3])
    B, C = torch.randn(2, 1, length, 1, 4, generator=generator).unbind()
    y = ssd(x, delta, A, B, C, hold="zoh")
    exact = ssd(*(t.double() for t in (x, delta, A, B, C)), hold="zoh")
    assert (y - exact).abs().max() < 1e-5 * exact.abs().max()


def test_steps_after_a_reset_keep_their_digits():
    """A step of 1e6 in the chunk must not cost the small steps behind it their decays."""
    case = TestSSD()
    inputs = case.extremes()["one step that wipes the state out"]
    after = slice(21, 64)
    wide = {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in inputs.items()}
    muted = [{**v, "x": torch.where(torch.arange(150, device=DEVICE)[None, :, None, None] > 20, v["x"], 0)}
             for v in (inputs, wide)]  # fmt: skip
    y, exact = case.run("cpu", muted[0])[0][:, after], case.run("reference", muted[1])[0][:, after]
    assert (y - exact).abs().max() < 1e-5 * exact.abs().max()


def test_gradients_are_the_same_bits_every_time():
    case = TestSSD()
    inputs = case.build(100, torch.float32)
    first, second = (case.gradients("auto" if CUDA else "cpu", inputs)[1] for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.skipif(CUDA, reason="the device multiplies bfloat16 itself")
@pytest.mark.slow
def test_states_stay_float32_where_products_take_halves(monkeypatch):
    """float16 stands in for bfloat16, which the interpreter cannot multiply."""
    triton_path = pytest.importorskip("ssmts_kernels.ssd.triton")
    monkeypatch.setattr(triton_path, "OPERANDS", {torch.bfloat16: triton_path.tl.float16})
    TestSSD().test_half_inputs_float_states("triton")


@pytest.mark.skipif(CUDA, reason="tile sizes are tried in the interpreter")
@pytest.mark.parametrize("block_p", [16, 64])
@pytest.mark.slow
def test_every_tile_size_agrees(monkeypatch, block_p):
    triton_path = pytest.importorskip("ssmts_kernels.ssd.triton")
    monkeypatch.setattr(triton_path, "BLOCK_P", block_p)
    case = TestZeroOrderHold()
    inputs = case.build(65, lengths=True)
    wider = {k: inputs[k].repeat_interleave(7, -1) for k in ("x", "z")}
    wider["initial_state"] = inputs["initial_state"].repeat_interleave(7, -2)
    case.assert_agrees("triton", {**inputs, **wider})
