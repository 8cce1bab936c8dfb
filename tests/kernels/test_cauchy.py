import math

import pytest
import torch
from operator_conformance import DEVICE, Inputs, OperatorConformance

from ssmts_kernels import backend, cauchy
from ssmts_kernels.cauchy.roots import order


def roots(length, dtype):
    angle = -2 * math.pi * torch.arange(length, dtype=torch.float64) / max(length, 1)
    return torch.polar(torch.ones_like(angle), angle).to(dtype).to(DEVICE)


class TestCauchy(OperatorConformance):
    operator = cauchy
    chunk = 16
    backends = ("cpu", "triton")
    differentiable = ("v", "A")
    leading = (4,)

    def build(self, length, dtype=torch.float64, seed=0, **options) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        mode = torch.complex64 if dtype == torch.float32 else torch.complex128
        A = torch.randn(3, 5, generator=generator, dtype=mode)
        return {
            "v": torch.randn(*self.leading, 3, 5, generator=generator, dtype=mode).to(DEVICE),
            "omega": roots(length, mode),
            "A": (A - 2 * A.real.clamp(min=0) - 0.1).to(DEVICE),
        }

    def extremes(self):
        inputs = self.build(65_536, torch.float32)
        A = inputs["A"]
        return {
            "long": inputs,
            "slow modes": {**inputs, "A": 1e-3 * A},
            "fast modes": {**inputs, "A": 1e3 * A},
            "lightly damped": {**inputs, "A": torch.complex(0.01 * A.real, 10 * A.imag)},
            "large numerators": {**inputs, "v": 1e4 * inputs["v"]},
        }

    extreme_tolerance = (
        2e-3  # A pole at |A| = 10 and Re A = 0.001: its distance from a point is known to ε |A|.
    )

    def invalid(self):
        inputs = self.build(4)
        return {
            "v with a missing mode": ("v", {**inputs, "v": inputs["v"][..., 1:]}),
            "v of one dimension": ("v", {**inputs, "v": inputs["v"].flatten()}),
            "real A": ("A", {**inputs, "A": inputs["A"].real}),
            "mixed precision": ("omega", {**inputs, "omega": inputs["omega"].to(torch.complex64)}),
            "omega off the circle": ("omega", {**inputs, "omega": 2 * inputs["omega"]}),
            "omega to be learned": ("omega", {**inputs, "omega": inputs["omega"].clone().requires_grad_()}),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        v, A = inputs["v"].view(-1, 3, 5).requires_grad_(), inputs["A"].requires_grad_()
        return [(torch.ops.ssmts.cauchy.default, (v, inputs["omega"], A, "cpu"))]


@pytest.mark.parametrize("name", ["cpu", "triton"])
@pytest.mark.parametrize("leading", [(), (2, 2)])
def test_numerators_lead(name, leading):
    case = TestCauchy()
    inputs = case.build(9)
    shape = inputs["v"].shape[1:]
    case.assert_agrees(name, {**inputs, "v": inputs["v"].view(2, 2, *shape) if leading else inputs["v"][0]})


class TestCauchyAtAnyPoint(TestCauchy):
    """Points that are no roots of unity take the direct path."""

    backends = ("cpu",)

    def build(self, length, dtype=torch.float64, seed=0, **options):
        inputs = super().build(length, dtype, seed)
        turn = torch.polar(*torch.tensor([[1.0], [0.1]], dtype=torch.float64))
        inputs["omega"] = inputs["omega"] * turn.to(inputs["omega"])
        return inputs


@pytest.mark.parametrize("n", [2, 3, 8, 9])
@pytest.mark.parametrize("half", [True, False])
def test_roots_of_unity_go_by_fft(n, half):
    omega = roots(n, torch.complex64)[: n // 2 + 1 if half else n]
    A = torch.tensor([[-0.5 + 1j]])
    expected = None if len(omega) < 2 else n
    assert order(omega, A) == expected
    assert order(omega, torch.tensor([[-2 + 0j]])) is None
    assert order(omega.roll(1), A) is None


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_is_the_spectrum_of_the_bilinear_impulse_response(name):
    """Σ_k ω^k 2 Re(v Ā^k (1 - A/2)^-1) is a geometric series; here it is summed until it has died out."""
    generator = torch.Generator().manual_seed(1)
    A = torch.complex(
        -0.5 - torch.rand(2, 3, generator=generator), torch.randn(2, 3, generator=generator)
    ).to(torch.complex128)
    v = torch.randn(2, 3, generator=generator, dtype=torch.complex128)
    omega = roots(8, torch.complex128)
    A_bar, expected = (1 + A / 2) / (1 - A / 2), torch.zeros(2, 8, dtype=torch.complex128)
    for k in range(200):
        tap = 2 * (v / (1 - A / 2) * A_bar**k).sum(-1).real
        expected += tap[:, None] * omega**k
    with backend(name):
        torch.testing.assert_close(cauchy(v, omega, A), expected)


def test_minus_one_is_a_point_like_any_other():
    v = torch.tensor([[1.5 + 2j]])
    A = torch.tensor([[-0.3 + 0.7j]])
    value = cauchy(v, torch.tensor([-1.0 + 0j]), A)
    torch.testing.assert_close(value, torch.tensor([[1.5 + 0j]]))


def test_no_modes_and_no_rows():
    empty = torch.zeros(2, 3, 0, dtype=torch.complex64)
    assert (cauchy(empty, roots(4, torch.complex64), empty[0]) == 0).all()
    assert cauchy(empty[:, :0], roots(4, torch.complex64), empty[0, :0]).shape == (2, 0, 4)


@pytest.mark.parametrize("config", range(4))
def test_every_triton_configuration(config, every_triton_configuration):
    every_triton_configuration("cauchy", config, TestCauchy(), TestCauchy().build(70))
