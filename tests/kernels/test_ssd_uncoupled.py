import torch
from operator_conformance import DEVICE, Inputs, RecurrentConformance

from ssmts_kernels import ssd, ssd_uncoupled


def with_last_state(**inputs):
    return ssd_uncoupled(**inputs, return_last_state=True)


class TestUncoupled(RecurrentConformance):
    """The Triton kernels are `ssd`'s and tested there."""

    operator = with_last_state
    chunk = 64
    backends = ("cpu", "numba")
    differentiable = ("x", "exponent", "gain", "B", "C", "D", "initial_state")
    sequence = ("x", "exponent", "gain", "B", "C")
    batched = (*sequence, "initial_state")
    half_inputs = ("x", "B", "C")

    def build(self, length, dtype=torch.float64, seed=0, lengths=False, initial=True) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        batch, heads, groups, p, n = 3, 4, 2, 3, 2

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)

        inputs = {
            "x": normal(batch, length, heads, p),
            "exponent": -normal(batch, length, heads).abs(),
            "gain": normal(batch, length, heads),
            "B": normal(batch, length, groups, n),
            "C": normal(batch, length, groups, n),
            "D": normal(heads),
        }
        if initial:
            inputs["initial_state"] = normal(batch, heads, p, n)
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def carry(self, inputs, outputs, end):
        return {"initial_state": outputs[1]}

    def extremes(self):
        inputs = self.build(70, torch.float32)
        return {
            "no decay": {**inputs, "exponent": 0 * inputs["exponent"]},
            "nothing remains": {**inputs, "exponent": inputs["exponent"] - 1e4},
            "large gains": {**inputs, "gain": 1e4 * inputs["gain"]},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "short exponent": ("exponent", {**inputs, "exponent": inputs["exponent"][:, 1:]}),
            "complex exponent": ("exponent", {**inputs, "exponent": inputs["exponent"] + 0j}),
            "gain per channel": ("gain", {**inputs, "gain": inputs["x"]}),
            "groups that do not divide": (
                "B",
                {**inputs, "B": inputs["x"][:, :, :3, :2], "C": inputs["x"][:, :, :3, :2]},
            ),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        leaves = [inputs[k].clone().requires_grad_() for k in self.differentiable]
        return [(torch.ops.ssmts.ssd.default, (*leaves, True, "cpu"))]


def test_one_step_in_both_places_is_ssd():
    inputs = TestUncoupled().build(70)
    step, A = inputs.pop("gain").abs(), -torch.arange(4.0, device=DEVICE, dtype=torch.float64)
    expected = ssd(**{k: v for k, v in inputs.items() if k != "exponent"}, delta=step, A=A)
    torch.testing.assert_close(ssd_uncoupled(**{**inputs, "exponent": step * A, "gain": step}), expected)
