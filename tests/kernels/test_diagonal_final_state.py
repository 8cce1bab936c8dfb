import pytest
import torch
from operator_conformance import DEVICE, Inputs, RecurrentConformance

from ssmts_kernels import backend, diagonal_final_state, diagonal_scan
from ssmts_kernels.diagonal_scan import final_state


class TestDiagonalFinalState(RecurrentConformance):
    operator = diagonal_final_state
    chunk = 16
    differentiable = ("u", "intervals", "A", "B", "delta", "initial_state", "initial_input")
    sequence = ("u", "intervals")
    batched = ("u", "intervals", "initial_state", "initial_input")
    half_inputs = ("u",)
    outputs_with_time = ()
    hold = "foh"
    modes = (torch.complex64, torch.complex128)

    def build(self, length, dtype=torch.float64, seed=0, lengths=False, initial=True) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        batch, channels, n = 3, 2, 4

        def normal(*shape, dtype=dtype):
            return torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)

        mode = self.modes[dtype == torch.float64]
        A = normal(channels, n, dtype=mode)
        inputs = {
            "u": normal(batch, length, channels),
            "intervals": self.intervals(normal(batch, length)),
            "A": A - 2 * A.real.clamp(min=0) - 0.05,
            "B": normal(channels, n, dtype=mode),
            "delta": normal(channels).abs() + 0.1,
            "hold": self.hold,
        }
        if initial:
            inputs["initial_state"] = normal(batch, channels, n, dtype=mode)
            inputs["initial_input"] = normal(batch, channels)
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def intervals(self, normal):
        return 0.2 + normal.abs()

    def carry(self, inputs, outputs, end):
        return {"initial_state": outputs[0], "initial_input": inputs["u"][:, -1]}

    def extremes(self):
        inputs = self.build(50, torch.float32)
        A, intervals = inputs["A"], inputs["intervals"]
        gaps = intervals.clone()
        gaps[1, 30] = 1e3
        return {
            "tiny intervals": {**inputs, "intervals": 1e-6 * intervals},
            "long intervals": {**inputs, "intervals": 1e3 * intervals},
            "no time passes": {**inputs, "intervals": 0 * intervals},
            "one wide gap": {**inputs, "intervals": gaps},
            "fast decay": {**inputs, "A": A - 1e3},
            "modes at zero": {**inputs, "A": 0 * A},
            "large inputs": {**inputs, "u": 1e4 * inputs["u"]},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "u of two dimensions": ("u", {**inputs, "u": inputs["u"][0]}),
            "too few intervals": ("intervals", {**inputs, "intervals": inputs["intervals"][:, 1:]}),
            "another D": ("B", {**inputs, "B": inputs["B"][:1]}),
            "unknown hold": ("hold", {**inputs, "hold": "cubic"}),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        names = ("u", "intervals", "A", "B", "initial_state", "initial_input")
        tensors = [inputs[k].clone().requires_grad_() for k in names]
        return [(torch.ops.ssmts.diagonal_final_state.default, (*tensors, self.hold, "cpu"))]


class TestOneClock(TestDiagonalFinalState):
    """All rows observed at the same instants: one GEMM."""

    def intervals(self, normal):
        return (normal[:1].abs() + 0 * normal).contiguous()


@pytest.mark.parametrize("hold", ["zoh", "bilinear", "bilinear_s4"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("real", [True, False])
def test_other_holds_and_real_modes(hold, shared, real):
    case = TestOneClock() if shared else TestDiagonalFinalState()
    inputs = {**case.build(19), "hold": hold}
    if real:
        modes = ("A", "B", "initial_state")
        inputs |= {k: inputs[k].real.contiguous() for k in modes}
    case.assert_agrees("cpu", inputs)


@pytest.mark.parametrize("fastest", [0.3, 3.0, 12.0])
@pytest.mark.parametrize("first", [0.0, 0.5])
def test_moments_agree_with_the_scan(monkeypatch, fastest, first):
    """Spans of 8, 4 and 2 observations, as the fastest mode allows."""
    spans = []
    run = final_state._Expansion.run
    monkeypatch.setattr(
        final_state._Expansion, "run", lambda self, *args: spans.append(args[-1]) or run(self, *args)
    )
    generator = torch.Generator().manual_seed(0)
    A = torch.complex(
        -0.1 * torch.rand(2, 5, generator=generator), fastest * torch.rand(2, 5, generator=generator)
    )
    A[:, 0], A[:, 1] = 1j * fastest, 0
    B = torch.randn(2, 5, generator=generator, dtype=torch.complex64)
    u = torch.randn(4, 101, 2, generator=generator)
    intervals = 0.2 + torch.rand(4, 101, generator=generator)
    intervals[:, 0] = first
    last = diagonal_final_state(u, intervals, A, B)
    wide = (u.double(), intervals.double(), A.to(torch.complex128), B.to(torch.complex128))
    _, expected = diagonal_scan(*wide, wide[-1], return_last_state=True)
    assert spans, "the moments were not used"
    assert (last - expected).abs().max() < 3e-5 * expected.abs().max()


def test_remembered_weights_follow_the_values():
    """A clock seen before is not computed anew; a changed mode, weight or clock is another one."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, 9, 1, generator=generator)
    A = torch.complex(-torch.rand(1, 3, generator=generator), torch.randn(1, 3, generator=generator))
    B, clock = torch.ones_like(A), torch.ones(2, 9)

    def check():
        found = diagonal_final_state(u, clock, A, B)
        with backend("reference"):
            torch.testing.assert_close(found, diagonal_final_state(u, clock, A, B))
        return found

    first = check()
    assert torch.equal(check(), first)
    for tensor, factor in ((A, 2.0), (B, 3.0), (clock, 0.5)):
        tensor.mul_(factor)
        assert not torch.allclose(check(), first)
    for k in range(2 * final_state._REMEMBERED):
        clock.fill_(1.0 + k)
        check()
    assert len(final_state._seen) <= final_state._REMEMBERED


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("length", [8, 9])
def test_one_row_of_another_clock_is_noticed(length, dtype):
    """Wherever it is, and whether or not the first state and input are given."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(5, length, 2, generator=generator, dtype=dtype)
    A = -torch.rand(2, 3, generator=generator, dtype=dtype)
    clock = torch.rand(1, length, generator=generator, dtype=dtype)
    zeros = {
        "initial_state": torch.zeros(5, 2, 3, dtype=dtype),
        "initial_input": torch.zeros(5, 2, dtype=dtype),
    }
    for row in (None, 0, 2, 4):
        intervals = clock.repeat(5, 1)
        if row is not None:
            intervals[row, -1] += 1
        for layout in (intervals, intervals.T.contiguous().T):
            assert final_state._shared(layout) == (row is None)
            for given in ({}, zeros):
                found = diagonal_final_state(u, layout, A, A, **given)
                with backend("reference"):
                    expected = diagonal_final_state(u, layout, A, A, **given)
                torch.testing.assert_close(found, expected)
