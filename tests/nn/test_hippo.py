"""HiPPO systems against the projections that define them."""

import math

import numpy as np
import pytest
import torch

from ssmts.nn.discretization import discretize
from ssmts.nn.hippo import (
    DIAGONAL_INITS,
    HIPPO,
    diagonal_init,
    hippo_dplr,
    hippo_fourier,
    hippo_lagt,
    hippo_legs,
    hippo_legt,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)
AGE = 0.5 * (1 - NODES)  # 0 is now, 1 the far end of the window


def legendre(n):
    return math.sqrt(2 * n + 1) * np.polynomial.legendre.Legendre.basis(n)(NODES)


def fourier(n):
    m = (n + 1) // 2
    angle = 2 * math.pi * m * AGE
    return np.ones_like(AGE) if n == 0 else math.sqrt(2) * (np.cos(angle) if n % 2 else np.sin(angle))


def project(values, basis, d_state):
    return torch.tensor([0.5 * np.sum(WEIGHTS * values * basis(n)) for n in range(d_state)])


def test_legs_matrix_is_the_published_one():
    A, B = hippo_legs(3)
    r = math.sqrt
    expected = [[-1, 0, 0], [-r(3), -2, 0], [-r(5), -r(15), -3]]
    torch.testing.assert_close(A, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(B, torch.tensor([1, r(3), r(5)], dtype=torch.float64))


@pytest.mark.parametrize("degree", [0, 1, 4, 7])
def test_legs_follows_polynomials_exactly(degree):
    """x' = (A x + B u)/t: the coefficients of t du/dt for a polynomial of degree below N."""
    t, d_state = 3.0, 8
    s = t * (1 - AGE)
    A, B = hippo_legs(d_state)
    x = project(s**degree, legendre, d_state)
    torch.testing.assert_close(A @ x + B * t**degree, project(degree * s**degree, legendre, d_state))


@pytest.mark.parametrize("degree", [0, 1, 4, 7])
def test_legt_follows_polynomials_exactly(degree):
    """The window slides: x' holds the coefficients of du/dt for a polynomial of degree below N."""
    t, d_state = 1.7, 8
    s = t - AGE
    A, B = hippo_legt(d_state)
    x = project(s**degree, legendre, d_state)
    slope = degree * s ** max(degree - 1, 0)
    torch.testing.assert_close(A @ x + B * t**degree, project(slope, legendre, d_state), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("frequency", [0, 1, 3])
def test_fourier_follows_its_own_harmonics_exactly(frequency):
    t, d_state, w = 0.3, 9, 2 * math.pi * frequency
    A, B = hippo_fourier(d_state)
    x = project(np.cos(w * (t - AGE) + 0.4), fourier, d_state)
    slope = project(-w * np.sin(w * (t - AGE) + 0.4), fourier, d_state)
    torch.testing.assert_close(A @ x + B * math.cos(w * t + 0.4), slope, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("degree", [0, 1, 4])
def test_lagt_follows_polynomials_exactly(degree):
    """x' holds the Laguerre coefficients of du/dt, by quadrature over the ages with weight exp(-age)."""
    t, d_state = 1.3, 8
    ages, weights = np.polynomial.laguerre.laggauss(30)
    basis = np.polynomial.laguerre.lagvander(ages, d_state - 1)

    def coefficients(values):
        return torch.from_numpy((weights * values) @ basis)

    A, B = hippo_lagt(d_state)
    x = coefficients((t - ages) ** degree)
    slope = degree * (t - ages) ** max(degree - 1, 0)
    torch.testing.assert_close(A @ x + B * t**degree, coefficients(slope), atol=1e-9, rtol=1e-9)


def test_legt_projects_online():
    """From an empty state, fed by samples, the state becomes the Legendre coefficients of the window."""
    d_state, step = 12, 1e-3
    A, B = hippo_legt(d_state)
    signal = lambda t: np.sin(3 * t) + 0.5 * np.cos(7 * t)  # noqa: E731
    A_bar, B_previous, B_current = discretize(A, B, torch.tensor(step), "foh")
    times = np.arange(4001) * step
    u = torch.from_numpy(signal(times))
    x = torch.zeros(d_state, dtype=torch.float64)
    for k in range(1, len(times)):
        x = A_bar @ x + B_previous * u[k - 1] + B_current * u[k]
    expected = project(signal(times[-1] - AGE), legendre, d_state)
    assert (x - expected).abs().max() < 5e-3 * expected.abs().max()


@pytest.mark.parametrize("measure", list(HIPPO))
@pytest.mark.parametrize("d_state", [2, 8, 64])
def test_dplr_form_rebuilds_the_matrix(measure, d_state):
    A, B = HIPPO[measure](d_state)
    Lambda, P, B_hat, V = hippo_dplr(measure, d_state)
    low_rank = 2 * (V @ P).real
    rebuilt = 2 * (V @ torch.diag(Lambda) @ V.conj().T).real - low_rank @ low_rank.T
    assert (rebuilt - A).abs().max() < 1e-10 * A.abs().max()
    assert (2 * (V @ B_hat).real - B).abs().max() < 1e-10
    unitary = torch.cat([V, V.conj()], dim=1)
    torch.testing.assert_close(unitary.conj().T @ unitary, torch.eye(d_state, dtype=torch.complex128))


@pytest.mark.parametrize(
    ("measure", "real_part"), [("legs", -0.5), ("legt", 0.0), ("lagt", -0.5), ("fourier", 0.0)]
)
def test_normal_part_has_one_decay(measure, real_part):
    Lambda = hippo_dplr(measure, 32).Lambda
    assert Lambda.shape == (16,)
    assert (Lambda.real - real_part).abs().max() < 1e-12
    assert (Lambda.imag >= 0).all()


def test_fourier_of_even_size_is_the_odd_one_and_a_zero():
    A, B = hippo_fourier(8)
    odd, odd_B = hippo_fourier(7)
    torch.testing.assert_close(A[:7, :7], odd)
    torch.testing.assert_close(B[:7], odd_B)
    assert (A[7] == 0).all()
    assert (A[:, 7] == 0).all()
    assert B[7] == 0


def test_fourier_modes_are_the_harmonics():
    expected = 2 * math.pi * torch.arange(8, dtype=torch.float64)
    torch.testing.assert_close(hippo_dplr("fourier", 16).Lambda.imag, expected)


def test_diagonal_inits_have_their_formulas():
    n = torch.arange(4, dtype=torch.float64)
    torch.testing.assert_close(
        diagonal_init("lin", 8)[0], torch.complex(torch.full((4,), -0.5).double(), math.pi * n)
    )
    torch.testing.assert_close(diagonal_init("real", 8)[0], torch.complex(-(n + 1), torch.zeros(4).double()))
    inv = diagonal_init("inv", 8)[0]
    assert inv[0].item() == pytest.approx(complex(-0.5, 8 / math.pi * 7))
    assert inv[3].item() == pytest.approx(complex(-0.5, 8 / math.pi * (8 / 7 - 1)))
    for name in DIAGONAL_INITS:
        A, B = diagonal_init(name, 8)
        assert A.shape == B.shape == (4,)
        assert (A.real < 0).all()


@pytest.mark.parametrize("decay", [0.5, 1.0, 3.0])
def test_diagonal_legs_tends_to_legs(decay):
    """Without its low-rank term and with half the input, LegS answers exp(-decay t) alike as N grows."""

    def error(d_state):
        A, B = hippo_legs(d_state)
        V = hippo_dplr("legs", d_state).V
        modes, weights = diagonal_init("legs", d_state)
        dense = torch.linalg.solve(decay * torch.eye(d_state) - A, B)[:3]
        diagonal = 2 * (V @ (weights / (decay - modes))).real[:3]
        return (dense - diagonal).abs().max().item()

    assert error(256) < 0.02


@pytest.mark.parametrize("d_state", [0, 3, -2])
def test_odd_sizes_are_refused(d_state):
    with pytest.raises(ValueError, match="d_state must be even"):
        hippo_dplr("legs", d_state)
    with pytest.raises(ValueError, match="d_state must be even"):
        diagonal_init("lin", d_state)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'legs', 'legt', 'lagt', 'fourier'"):
        hippo_dplr("chebt", 8)
    with pytest.raises(ValueError, match="init must be one of"):
        diagonal_init("random", 8)
