"""Hold weights against dense exponentials, series against high precision, gradients and float32 extremes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts.nn.discretization import HOLDS, discretize, hold_weights, phi1, phi2, start_intervals

PHASES = (0.5, 0.6, 0.75, 1.0)  # of pi: from undamped to purely decaying


def taylor(z, order):
    """φ_order by its own series in double, for |z| <= 1."""
    return sum(z**n * (1 / math.factorial(n + order)) for n in range(25))


def oscillators(dtype=torch.complex128):
    sizes = torch.logspace(-8, 3, 45, dtype=torch.float64)
    angles = math.pi * torch.tensor(PHASES, dtype=torch.float64)
    return torch.polar(sizes[:, None], angles.expand(len(sizes), -1)).to(dtype)


@pytest.mark.parametrize("hold", HOLDS)
@pytest.mark.parametrize("delta", [0.0, 1e-6, 0.02, 1.0, 30.0])
def test_weights_are_those_of_the_dense_system(hold, delta):
    """A diagonal matrix handed to the dense rules: one augmented matrix exponential or one solve."""
    A = torch.tensor([-0.5 + 3j, -0.01 + 0.2j, -4.0, 1j, 0.0], dtype=torch.complex128)
    B = torch.tensor([1, 2j, -0.3, 1 + 1j, 1], dtype=torch.complex128)
    interval = torch.tensor(delta, dtype=torch.float64)
    A_bar, previous, current = hold_weights(A, interval, hold)
    dense = discretize(torch.diag(A), B, interval, hold)
    torch.testing.assert_close(torch.diag(A_bar), dense[0], atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(B * previous, dense[1], atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(B * current, dense[2], atol=1e-11, rtol=1e-11)


def test_dense_foh_integrates_a_ramp():
    """Against the integral of exp(A (δ - s)) B (u0 + (u1 - u0) s/δ) by fine quadrature."""
    A = torch.tensor([[-1.0, 2.0, 0], [-2, -0.5, 1], [0, 0, -3]], dtype=torch.float64)
    B = torch.tensor([1.0, 0, 2], dtype=torch.float64)
    delta, before, after = 0.8, 0.7, -1.3
    nodes, weights = torch.linspace(0, delta, 2001, dtype=torch.float64), torch.full((2001,), delta / 2000)
    weights[[0, -1]] /= 2
    held = before + (after - before) * nodes / delta
    moved = torch.linalg.matrix_exp((delta - nodes)[:, None, None] * A) @ B
    expected = ((weights * held)[:, None] * moved).sum(0)
    A_bar, previous, current = discretize(A, B, torch.tensor(delta, dtype=torch.float64), "foh")
    torch.testing.assert_close(previous * before + current * after, expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(A_bar, torch.linalg.matrix_exp(delta * A))


def test_dense_weights_take_many_intervals():
    A = torch.tensor([[-1.0, 2.0], [-2, -0.5]], dtype=torch.float64)
    B = torch.tensor([1.0, 2.0], dtype=torch.float64)
    intervals = torch.tensor([[0.1, 2.0, 0.0], [1.0, 0.3, 5.0]], dtype=torch.float64)
    for hold in HOLDS:
        together = discretize(A, B, intervals, hold)
        alone = discretize(A, B, intervals[1, 2], hold)
        for many, one in zip(together, alone):
            torch.testing.assert_close(many[1, 2], one)


@pytest.mark.parametrize(("function", "order"), [(phi1, 1), (phi2, 2)])
def test_phi_matches_its_series_near_zero(function, order):
    z = oscillators()
    z = z[z.abs() <= 1]
    torch.testing.assert_close(function(z), taylor(z, order), atol=0, rtol=1e-15 * 8)
    real = -torch.logspace(-8, 0, 30, dtype=torch.float64)
    torch.testing.assert_close(function(real), taylor(real, order), atol=0, rtol=1e-15 * 8)


@pytest.mark.parametrize("function", [phi1, phi2])
def test_phi_has_correct_first_and_second_derivatives(function):
    """Across the change of formula at |z| = 1 and at zero itself."""
    z = [0, 1e-9, -1e-4, -0.3 + 0.2j, 0.999j, 1.001j, -1.001, -0.6 + 0.81j, -7 + 3j, -200 + 40j]
    z = torch.tensor(z, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(function, z)
    assert torch.autograd.gradgradcheck(function, z, atol=1e-4)
    real = torch.tensor([0.0, -1e-9, -0.5, -0.9999, -1.0001, -30], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, real)


@pytest.mark.parametrize("hold", HOLDS)
def test_weights_have_correct_gradients_in_modes_and_intervals(hold):
    A = torch.tensor([[-0.5 + 3j, -0.01 + 0.2j, -1e-9 + 0j]], dtype=torch.complex128, requires_grad=True)
    intervals = torch.tensor([[1e-9], [0.4], [2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, t: hold_weights(a, t, hold), (A, intervals))


@pytest.mark.parametrize("hold", HOLDS)
def test_float32_weights_are_right_from_1e_minus_8_to_1e3(hold):
    A = oscillators(torch.complex64)
    one = torch.ones(())
    exact = hold_weights(A.to(torch.complex128), one.double(), hold)
    for weight, truth in zip(hold_weights(A, one, hold), exact):
        torch.testing.assert_close(weight.to(truth.dtype), truth, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize("hold", HOLDS)
def test_float32_gradients_are_finite_and_right(hold):
    def gradient(dtype):
        A = oscillators(torch.complex64).to(dtype).requires_grad_()
        t = torch.ones((), dtype=dtype.to_real(), requires_grad=True)
        A_bar, previous, current = hold_weights(A, t, hold)
        (A_bar + 2 * previous + 3 * current).real.sum().backward()
        return A.grad

    single, double = gradient(torch.complex64), gradient(torch.complex128)
    assert torch.isfinite(torch.view_as_real(single)).all()
    torch.testing.assert_close(single.to(torch.complex128), double, atol=2e-6, rtol=1e-5)


def test_phase_survives_long_intervals_in_float32():
    """Im a * interval of a million radians: the product is formed and reduced in double."""
    A = torch.tensor([-1e-7 + 98.7654j], dtype=torch.complex64)
    interval = torch.tensor([10_000.25], dtype=torch.float32)
    exact = torch.exp(A.to(torch.complex128) * interval.double())
    assert (hold_weights(A, interval, "foh")[0] - exact).abs().max() < 3e-7
    assert (torch.exp(A * interval) - exact).abs().max() > 1e-3  # what it would be without


@settings(max_examples=40, deadline=None)
@given(
    real=st.floats(-20, 0),
    imaginary=st.floats(-30, 30),
    first=st.floats(0, 5),
    second=st.floats(0, 5),
    hold=st.sampled_from(["foh", "zoh"]),
)
def test_two_intervals_make_one(real, imaginary, first, second, hold):
    """A constant input over two intervals is the constant input over their sum."""
    A = torch.tensor(complex(real, imaginary), dtype=torch.complex128)

    def from_constant(t):
        A_bar, previous, current = hold_weights(A, torch.tensor(t, dtype=torch.float64), hold)
        return A_bar, previous + current

    (decay1, gain1), (decay2, gain2), (decay, gain) = map(from_constant, (first, second, first + second))
    torch.testing.assert_close(decay2 * decay1, decay, atol=1e-13, rtol=1e-12)
    torch.testing.assert_close(decay2 * gain1 + gain2, gain, atol=1e-12, rtol=1e-11)


def test_first_observation():
    intervals = torch.tensor([[0.0, 2.0, 3.0], [4.0, 0.0, 1.0]])
    for hold in ("foh", "bilinear"):
        assert start_intervals(intervals, hold) is intervals
    for hold in ("zoh", "bilinear_s4"):
        expected = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]])
        torch.testing.assert_close(start_intervals(intervals, hold), expected)
        assert start_intervals(intervals[:, :0], hold).shape == (2, 0)


def test_unknown_hold_is_refused():
    one = torch.ones(1)
    with pytest.raises(ValueError, match="'foh', 'zoh', 'bilinear', 'bilinear_s4', got 'linear'"):
        hold_weights(-one, one, "linear")
    with pytest.raises(ValueError, match="got 'linear'"):
        discretize(-one[None], one, one, "linear")
