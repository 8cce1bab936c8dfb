r"""HiPPO: systems whose state is the best polynomial (or Fourier) approximation of the past input.

Each system :math:`x' = A x + B u` keeps the coefficients of the past of u in an orthonormal basis. All
are normal plus low rank, :math:`A = V \Lambda V^* - P P^T`, which is what S4 needs, and dropping the
low-rank term leaves the diagonal system of S4D.

Everything here is computed in float64; layers round once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "DIAGONAL_INITS",
    "DPLR",
    "HIPPO",
    "diagonal_init",
    "hippo_dplr",
    "hippo_fourier",
    "hippo_lagt",
    "hippo_legs",
    "hippo_legt",
]


class DPLR(NamedTuple):
    r"""A real system of size N in diagonal-plus-low-rank form, one of each conjugate pair kept.

    The real system is :math:`A = 2\,\mathrm{Re}(V \Lambda V^*) - \hat P \hat P^T` and :math:`\hat B`, where
    :math:`\hat P = 2\,\mathrm{Re}(V P)` and :math:`\hat B = 2\,\mathrm{Re}(V B)`.

    Attributes
    ----------
    Lambda : Tensor
        (N/2,) complex128, eigenvalues of the normal part.
    P : Tensor
        (N/2, rank) complex128, low-rank factor in the eigenbasis.
    B : Tensor
        (N/2,) complex128, input vector in the eigenbasis.
    V : Tensor
        (N, N/2) complex128, eigenvectors; together with their conjugates a unitary matrix.
    """

    Lambda: Tensor
    P: Tensor
    B: Tensor
    V: Tensor


def hippo_legs(d_state: int) -> tuple[Tensor, Tensor]:
    r"""Scaled Legendre (LegS): the whole past on [0, t], stretched as t grows.

    :math:`x' = (A x + B u)/t` keeps :math:`x_n = \frac{1}{t}\int_0^t u(s) \sqrt{2n+1} P_n(2s/t - 1)\,ds`. S4
    uses the same matrices without 1/t, which makes the memory fade exponentially.

    Parameters
    ----------
    d_state : int
        Number of coefficients N.

    Returns
    -------
    A, B : Tensor
        (N, N) and (N,), float64.

    References
    ----------
    Gu, Dao, Ermon, Rudra and Ré, "HiPPO", NeurIPS 2020, theorem 2.
    """
    norm = _legendre_norm(d_state)
    A = -torch.tril(torch.outer(norm, norm), diagonal=-1)
    return A - torch.diag(torch.arange(1, d_state + 1, dtype=torch.float64)), norm


def hippo_legt(d_state: int) -> tuple[Tensor, Tensor]:
    r"""Translated Legendre (LegT): a sliding window of length 1 (divide A and B by θ for length θ).

    The state is :math:`x_n(t) = \int_{t-1}^t u(s) \sqrt{2n+1} P_n(2(s - t) + 1)\,ds`, exactly for
    polynomials of degree below N. See :func:`hippo_legs` for parameters and result.

    References
    ----------
    HiPPO (2020), theorem 1; Voelker, Kajić and Eliasmith, "Legendre Memory Units", NeurIPS 2019.
    """
    norm = _legendre_norm(d_state)
    n = torch.arange(d_state)
    above = n[None, :] > n[:, None]
    odd = (n[None, :] + n[:, None]) % 2 == 1
    sign = torch.where(above & odd, -1.0, 1.0).to(torch.float64)
    return -sign * torch.outer(norm, norm), norm


def hippo_lagt(d_state: int) -> tuple[Tensor, Tensor]:
    r"""Translated Laguerre (LagT): the whole past, weighted by exp(-age).

    The state is :math:`x_n(t) = \int_0^\infty u(t - \tau) L_n(\tau) e^{-\tau}\,d\tau` with the Laguerre
    polynomials :math:`L_n` (the paper's α = 0, β = 1). Divide A and B by θ for a memory of about θ. See
    :func:`hippo_legs` for parameters and result.

    References
    ----------
    HiPPO (2020), theorem 1 (LagT).
    """
    ones = torch.ones(d_state, dtype=torch.float64)
    return -torch.tril(torch.outer(ones, ones)), ones


def hippo_fourier(d_state: int) -> tuple[Tensor, Tensor]:
    r"""Truncated Fourier (FouT): a sliding window of length 1 in 1, √2 cos 2πmτ, √2 sin 2πmτ (τ = age).

    An even N holds the frequencies 0 to N/2 - 1 in full and ends with a coefficient that stays 0: a cosine
    without its sine could not follow the window. See :func:`hippo_legs` for parameters and result.

    References
    ----------
    Gu, Johnson, Timalsina, Rudra and Ré, "How to Train Your HiPPO", ICLR 2023 (FouT).
    """
    at_zero = torch.zeros(d_state, dtype=torch.float64)
    at_zero[1 : d_state - 1 : 2] = math.sqrt(2)
    at_zero[0] = 1
    A = -2 * torch.outer(at_zero, at_zero)
    for cosine in range(1, d_state - 1, 2):
        frequency = math.pi * (cosine + 1)
        A[cosine, cosine + 1] -= frequency
        A[cosine + 1, cosine] += frequency
    return A, 2 * at_zero


HIPPO: dict[str, Callable[[int], tuple[Tensor, Tensor]]] = {
    "legs": hippo_legs,
    "legt": hippo_legt,
    "lagt": hippo_lagt,
    "fourier": hippo_fourier,
}


def hippo_dplr(measure: str, d_state: int) -> DPLR:
    r"""Diagonal-plus-low-rank form of a HiPPO system.

    A + P Pᵀ is a multiple of the identity plus a skew-symmetric matrix, which has orthonormal eigenvectors:
    the form is as accurate as float64, whereas A itself (LegS) cannot be diagonalised in floating point.

    Parameters
    ----------
    measure : {"legs", "legt", "lagt", "fourier"}
        Which system; the rank is 2 for "legt" and 1 for the others.
    d_state : int
        N, even.

    Returns
    -------
    DPLR
        Lambda, P, B and V. Re Lambda is -1/2 (LegS, LagT) or 0.

    Raises
    ------
    ValueError
        If the measure is unknown or d_state is not even and positive.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022, theorem 1
    and appendix C.
    """
    check_measure(measure)
    _check_even(d_state)
    A, B = HIPPO[measure](d_state)
    P = _low_rank(measure, d_state)
    normal = A + P @ P.T
    real_part = normal.diagonal().mean()
    Lambda, V = _skew_eigenpairs(0.5 * (normal - normal.T))
    adjoint = V.conj().T
    return DPLR(torch.complex(real_part.expand_as(Lambda), Lambda), adjoint @ (P + 0j), adjoint @ (B + 0j), V)


def diagonal_init(name: str, d_state: int) -> tuple[Tensor, Tensor]:
    r"""Initial modes of a diagonal layer, one of each conjugate pair.

    ========= =========================================================== ============================
    name      A_n, n = 0 ... N/2 - 1                                      B_n
    ========= =========================================================== ============================
    "legs"    eigenvalues of the normal part of HiPPO-LegS                half of LegS's, in its basis
    "inv"     -1/2 + i N/π (N/(2n + 1) - 1)                               1
    "lin"     -1/2 + iπn                                                  1
    "real"    -(n + 1)                                                    1
    ========= =========================================================== ============================

    Parameters
    ----------
    name : {"legs", "inv", "lin", "real"}
        Which rule.
    d_state : int
        N, even.

    Returns
    -------
    A, B : Tensor
        (N/2,) each, complex128.

    Raises
    ------
    ValueError
        If the name is unknown or d_state is not even and positive.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022, section 4; the half is theorem 3.
    """
    if name not in DIAGONAL_INITS:
        raise ValueError(f"init must be one of {', '.join(map(repr, DIAGONAL_INITS))}, got {name!r}")
    _check_even(d_state)
    if name == "legs":
        form = hippo_dplr("legs", d_state)
        return form.Lambda, 0.5 * form.B
    n = torch.arange(d_state // 2, dtype=torch.float64)
    decay, frequency = torch.full_like(n, -0.5), torch.zeros_like(n)
    if name == "inv":
        frequency = d_state / math.pi * (d_state / (2 * n + 1) - 1)
    elif name == "lin":
        frequency = math.pi * n
    else:
        decay = -(n + 1)
    return torch.complex(decay, frequency), torch.ones(d_state // 2, dtype=torch.complex128)


DIAGONAL_INITS = ("legs", "inv", "lin", "real")


def check_measure(measure: str) -> None:
    """Raise ValueError unless `measure` is a key of `HIPPO`."""
    if measure not in HIPPO:
        raise ValueError(f"measure must be one of {', '.join(map(repr, HIPPO))}, got {measure!r}")


def _legendre_norm(d_state: int) -> Tensor:
    return torch.sqrt(2 * torch.arange(d_state, dtype=torch.float64) + 1)


def _check_even(d_state: int) -> None:
    if d_state < 2 or d_state % 2:
        raise ValueError(f"d_state must be even and positive (modes come in conjugate pairs), got {d_state}")


def _low_rank(measure: str, d_state: int) -> Tensor:
    """P (N, rank) such that A + P Pᵀ is skew-symmetric up to a multiple of the identity."""
    if measure == "fourier":
        return hippo_fourier(d_state)[1][:, None] / math.sqrt(2)
    if measure == "lagt":
        return torch.full((d_state, 1), math.sqrt(0.5), dtype=torch.float64)
    norm = _legendre_norm(d_state)[:, None]
    if measure == "legs":
        return norm / math.sqrt(2)
    even = torch.arange(d_state)[:, None] % 2 == torch.tensor([0, 1])
    return norm * even


def _skew_eigenpairs(S: Tensor) -> tuple[Tensor, Tensor]:
    """Imaginary parts >= 0 (N/2,) and eigenvectors (N, N/2) of a real skew-symmetric matrix of even size.

    The null space, whose complex eigenvectors are not unique, is spanned by a real basis and paired by hand.
    """
    frequency, vectors = torch.linalg.eigh(-1j * S)
    tolerance = 1e-12 * S.abs().max() * S.shape[0]
    positive = frequency > tolerance
    null = vectors[:, frequency.abs() <= tolerance]
    pairs = null.shape[1] // 2
    basis = torch.linalg.svd((null @ null.conj().T).real)[0][:, : 2 * pairs]
    paired = torch.complex(basis[:, :pairs], basis[:, pairs:]) / math.sqrt(2)
    zeros = torch.zeros(pairs, dtype=torch.float64)
    return torch.cat([zeros, frequency[positive]]), torch.cat([paired, vectors[:, positive]], dim=1)
