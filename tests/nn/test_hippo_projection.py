"""Online projections against coefficients by quadrature and against functions that they can hold exactly."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmts.nn import HiPPOProjection
from ssmts.nn.hippo import HIPPO

NODES, WEIGHTS = np.polynomial.legendre.leggauss(300)


def feed(projection, times, values):
    for k, value in enumerate(values):
        projection.update(value, 0.0 if k == 0 else (times[k] - times[k - 1]).item())
    return projection


def clock(length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    gaps = torch.rand(length, generator=generator, dtype=torch.float64) + 0.1
    gaps[0] = 0
    return gaps.cumsum(0)


def legendre_coefficients(function, start, end, d_state):
    """Of a function on [start, end], by quadrature."""
    values = function(0.5 * (end - start) * (NODES + 1) + start)
    basis = np.polynomial.legendre.legvander(NODES, d_state - 1) * np.sqrt(2 * np.arange(d_state) + 1)
    return torch.from_numpy(0.5 * (WEIGHTS * values) @ basis)


@pytest.mark.parametrize("d_state", [1, 2, 8, 64])
def test_legs_holds_lines_exactly(d_state):
    """Coefficients of a + b s over [0, t]: a + b t / 2 and b t / (2 sqrt 3), whatever the instants."""
    times = clock(20)
    projection = feed(HiPPOProjection("legs", d_state), times, 0.7 - 1.3 * times)
    end = times[-1].item()
    expected = torch.zeros(d_state, dtype=torch.float64)
    line = [0.7 - 1.3 * end / 2, -1.3 * end / (2 * math.sqrt(3))]
    expected[:2] = torch.tensor(line, dtype=torch.float64)[:d_state]
    torch.testing.assert_close(projection.coefficients, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("hold", ["foh", "zoh"])
@pytest.mark.parametrize("d_state", [5, 48])
def test_legs_is_the_projection_of_the_held_function(hold, d_state):
    times = clock(12)
    values = torch.randn(12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    projection = feed(HiPPOProjection("legs", d_state, hold=hold), times, values)
    pieces, t = [], times.numpy()
    for k in range(1, 12):  # quadrature piece by piece: the held function has kinks and jumps
        s = 0.5 * (t[k] - t[k - 1]) * (NODES + 1) + t[k - 1]
        left = values[k - 1].item() if hold == "foh" else values[k].item()
        u = left + (values[k].item() - left) * (s - t[k - 1]) / (t[k] - t[k - 1])
        basis = np.polynomial.legendre.legvander(2 * s / t[-1] - 1, d_state - 1)
        share = 0.5 * (t[k] - t[k - 1]) / t[-1]
        pieces.append(share * (WEIGHTS * u) @ (basis * np.sqrt(2 * np.arange(d_state) + 1)))
    torch.testing.assert_close(projection.coefficients, torch.from_numpy(sum(pieces)), atol=1e-12, rtol=1e-10)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-6, 1e6))
def test_legs_knows_no_unit_of_time(scale):
    times = clock(10)
    one = feed(HiPPOProjection("legs", 16), times, times.sin())
    other = feed(HiPPOProjection("legs", 16), scale * times, times.sin())
    torch.testing.assert_close(one.coefficients, other.coefficients, atol=1e-10, rtol=1e-9)


def test_legs_coefficients_of_a_polynomial():
    """Of s³ on [0, 2], sampled finely enough for the linear interpolant to be it."""
    times = torch.linspace(0, 2, 501, dtype=torch.float64)
    projection = feed(HiPPOProjection("legs", 6), times, times**3)
    expected = legendre_coefficients(lambda s: s**3, 0.0, 2.0, 6)
    torch.testing.assert_close(projection.coefficients, expected, atol=5e-5, rtol=0)
    assert expected[4:].abs().max() < 1e-12


def test_legt_holds_lines_once_its_window_is_full():
    """The window's start is forgotten up to what N coefficients cannot tell."""
    times = torch.linspace(0, 30, 600, dtype=torch.float64)
    projection = feed(HiPPOProjection("legt", 10, window=2.0), times, 3 + 0.5 * times)
    expected = legendre_coefficients(lambda s: 3 + 0.5 * s, 28.0, 30.0, 10)
    torch.testing.assert_close(projection.coefficients, expected, atol=1e-6, rtol=0)


def test_lagt_coefficients_of_an_exponential():
    """∫ e^{-c τ} L_n(τ) e^{-τ} dτ = c^n / (1 + c)^{n+1}, for u = e^{c t} that began long ago."""
    c, theta, d_state = 0.5, 2.0, 8
    times = torch.linspace(-40, 0, 2001, dtype=torch.float64)
    projection = feed(HiPPOProjection("lagt", d_state, window=theta), times, torch.exp(c * times / theta))
    n = torch.arange(d_state, dtype=torch.float64)
    torch.testing.assert_close(projection.coefficients, c**n / (1 + c) ** (n + 1), atol=1e-4, rtol=0)


def test_fourier_holds_its_own_harmonics():
    times = torch.linspace(0, 8, 1601, dtype=torch.float64)
    projection = feed(HiPPOProjection("fourier", 9), times, torch.cos(4 * math.pi * times))
    expected = torch.zeros(9, dtype=torch.float64)
    expected[3] = math.sqrt(0.5)  # cos(4π age) at an integer time
    torch.testing.assert_close(projection.coefficients, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("measure", "d_state", "window", "youngest", "oldest", "error"),
    [
        ("legs", 48, 1.0, 0.0, 6.0, 1e-3),
        ("legt", 48, 2.0, 0.0, 1.9, 1e-3),
        ("lagt", 48, 0.4, 0.0, 0.8, 0.05),  # its weight of old ages is small
        ("fourier", 47, 2.0, 0.4, 1.6, 0.05),  # it rings at both ends of the window
        ("fourier", 48, 2.0, 0.4, 1.6, 0.05),
    ],
)
def test_reconstruction_recovers_the_recent_past(measure, d_state, window, youngest, oldest, error):
    signal = lambda t: torch.sin(2 * t) + 0.3 * torch.cos(5 * t)  # noqa: E731
    times = clock(700) * 0.02
    projection = feed(HiPPOProjection(measure, d_state, window=window), times, signal(times))
    assert projection.time == pytest.approx(times[-1].item())
    wanted = torch.linspace(projection.time - oldest, projection.time - youngest, 40, dtype=torch.float64)
    assert (projection.reconstruct(wanted) - signal(wanted)).abs().max() < error


@pytest.mark.parametrize("measure", list(HIPPO))
def test_many_functions_at_once(measure):
    times = clock(15)
    values = torch.randn(15, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    together = feed(HiPPOProjection(measure, 7, window=3.0), times, values)
    alone = feed(HiPPOProjection(measure, 7, window=3.0), times, values[:, 1, 2])
    assert together.coefficients.shape == (2, 3, 7)
    torch.testing.assert_close(together.coefficients[1, 2], alone.coefficients)
    wanted = torch.tensor([together.time - 0.5, together.time], dtype=torch.float64)
    assert together.reconstruct(wanted).shape == (2, 3, 2)


@pytest.mark.parametrize("measure", list(HIPPO))
def test_an_observation_on_the_line_between_two_says_nothing_new(measure):
    sparse = HiPPOProjection(measure, 12, window=2.0).update(1.0).update(3.0, 0.4).update(0.0, 1.0)
    dense = HiPPOProjection(measure, 12, window=2.0).update(1.0).update(2.0, 0.2).update(3.0, 0.2)
    dense.update(0.75, 0.75).update(0.0, 0.25)
    torch.testing.assert_close(dense.coefficients, sparse.coefficients, atol=1e-11, rtol=1e-10)


def test_one_observation_is_remembered_as_it_is():
    projection = HiPPOProjection("legs", 4).update(2.5)
    assert projection.coefficients.tolist() == [2.5, 0, 0, 0]
    assert projection.reconstruct(torch.tensor([0.0])).item() == 2.5


def test_bad_arguments_name_themselves():
    with pytest.raises(ValueError, match="measure must be one of"):
        HiPPOProjection("chebt", 4)
    with pytest.raises(ValueError, match="hold must be one of 'foh', 'zoh'"):
        HiPPOProjection("legs", 4, hold="bilinear")
    with pytest.raises(ValueError, match="d_state must be at least 1"):
        HiPPOProjection("legs", 0)
    with pytest.raises(ValueError, match="window must be positive"):
        HiPPOProjection("legt", 4, window=0.0)
    projection = HiPPOProjection("legs", 4).update(1.0)
    with pytest.raises(ValueError, match="interval must be at least 0"):
        projection.update(1.0, -1.0)
    with pytest.raises(ValueError, match="value must keep its shape"):
        projection.update(torch.zeros(2), 1.0)
