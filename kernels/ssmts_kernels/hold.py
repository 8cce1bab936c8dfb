r"""How the input behaves between two observations, and what a mode takes up from it.

A mode :math:`x' = a x + b u` crosses an interval :math:`\delta` as
:math:`x(\delta) = e^{a\delta} x(0) + b \int_0^\delta e^{a(\delta - s)} u(s)\,ds`. Every hold turns the
integral into two weights, one for each end point. With :math:`z = a\delta` they are made of
:math:`\varphi_1(z) = (e^z - 1)/z` and :math:`\varphi_2(z) = (e^z - 1 - z)/z^2`.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from ssmts_kernels._check import real_dtype

__all__ = ["HOLDS", "Hold", "hold_weights", "phi1", "phi2", "start_intervals"]

Hold = Literal["foh", "zoh", "bilinear", "bilinear_s4"]
HOLDS: tuple[str, ...] = get_args(Hold)


def phi1(z: Tensor) -> Tensor:
    r""":math:`\varphi_1(z) = (e^z - 1)/z`, the mean of :math:`e^{zs}` over s in [0, 1].

    Parameters
    ----------
    z : Tensor
        Any shape, real or complex, Re z <= 0 (small positive values do no harm).

    Returns
    -------
    Tensor
        Of z's shape and dtype, accurate to a few ulp; value and derivatives are smooth through z = 0.

    References
    ----------
    Hochbruck and Ostermann, "Exponential integrators", Acta Numerica 2010, section 2.
    """
    return _phi(z, z.dtype)[1]


def phi2(z: Tensor) -> Tensor:
    r""":math:`\varphi_2(z) = (e^z - 1 - z)/z^2`, see :func:`phi1`."""
    return _phi(z, z.dtype)[2]


def hold_weights(A: Tensor, intervals: Tensor, hold: str) -> tuple[Tensor, Tensor, Tensor]:
    r"""Discretise :math:`x' = A x + B u` over intervals.

    The state moves by :math:`x_k = \bar A x_{k-1} + B (w_0 u_{k-1} + w_1 u_k)`.

    ============== ===================================== =======================================
    hold           input over (t_{k-1}, t_k]             :math:`\bar A`, :math:`w_0`, :math:`w_1` (z = Aδ)
    ============== ===================================== =======================================
    "foh"          linear from u_{k-1} to u_k            e^z, δ(φ1 - φ2), δφ2; exact
    "zoh"          u_k                                   e^z, 0, δφ1; exact
    "bilinear"     (u_{k-1} + u_k) / 2, trapezoidal rule (1 + z/2)/(1 - z/2), δ/2/(1 - z/2) twice
    "bilinear_s4"  u_k, trapezoidal rule, as S4 has it   (1 + z/2)/(1 - z/2), 0, δ/(1 - z/2)
    ============== ===================================== =======================================

    An interval of 0 leaves the state as it is. See :func:`start_intervals` for the first observation.

    Parameters
    ----------
    A : Tensor
        Modes, real or complex, float32 or float64 based; Re A <= 0.
    intervals : Tensor
        Real and >= 0, broadcastable with A, in units of 1 / A (a learned step times the time between
        observations). May be of a wider dtype than A: the phase Im A * intervals is formed and reduced in
        float64, so that a float32 result carries no error of the product.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        How the input behaves between observations.

    Returns
    -------
    A_bar, weight_previous, weight_current : Tensor
        Of the broadcast shape, in A's dtype.

    Raises
    ------
    ValueError
        If the hold is unknown.

    References
    ----------
    "bilinear_s4": Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces",
    ICLR 2022, equation (3). "zoh": Gu and Dao, "Mamba", 2023, equation (4).
    """
    if hold not in HOLDS:
        raise ValueError(f"hold must be one of {', '.join(map(repr, HOLDS))}, got {hold!r}")
    z = A.to(_wide(A)) * intervals.to(torch.float64)
    delta = intervals.to(A.real.dtype)
    if hold in ("bilinear", "bilinear_s4"):
        half = (0.5 * z).to(A.dtype)
        inverse = 1 / (1 - half)
        weight = delta * inverse
        A_bar = (1 + half) * inverse
        if hold == "bilinear":
            return A_bar, 0.5 * weight, 0.5 * weight
        return A_bar, torch.zeros_like(weight), weight
    A_bar, first, second, falling = _phi(z, A.dtype)
    if hold == "zoh":
        return A_bar, torch.zeros_like(first), delta * first
    return A_bar, delta * falling, delta * second


def start_intervals(intervals: Tensor, hold: str) -> Tensor:
    """Apply the rule for the first observation of a series, whose interval is 0 for want of a predecessor.

    "foh" and "bilinear" know nothing before it: the interval stays 0 and so does the state. "zoh" and
    "bilinear_s4" hold the first value over the reference step: the interval becomes 1. A first interval other
    than 0 continues an earlier scan and is kept.

    Parameters
    ----------
    intervals : Tensor
        (..., L), in units of the reference step.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        The hold in use.

    Returns
    -------
    Tensor
        The intervals to integrate over; `intervals` itself where nothing changes.
    """
    if hold in ("foh", "bilinear") or intervals.shape[-1] == 0:
        return intervals
    first = intervals[..., :1]
    return torch.cat([torch.where(first == 0, 1.0, first), intervals[..., 1:]], dim=-1)


def _wide(z: Tensor) -> torch.dtype:
    return torch.complex128 if z.is_complex() else torch.float64


def _phi(z: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """e^z, φ1, φ2 and φ1 - φ2 (weight of an input that falls from 1 to 0) in `dtype`.

    The closed forms lose digits near 0, and their derivatives more: below |z| = 1 the Taylor series of φ2
    yields all three. Both branches see safe arguments, so that torch.where lets no nan into the gradient.
    Above, φ1 - φ2 has a form of its own because φ1 and φ2 agree to 1/|z| there.
    """
    exponential, minus_one = _exponential(z, dtype)
    z = z.to(dtype)
    near = z.detach().abs() < 1
    z_near, z_far = torch.where(near, z, 0), torch.where(near, 1, z)

    terms = 18 if torch.finfo(dtype).eps < 1e-10 else 10
    series = torch.full_like(z_near, 1 / math.factorial(terms + 1))
    for n in range(terms, 1, -1):
        series = series * z_near + 1 / math.factorial(n)
    far = minus_one / z_far
    first = torch.where(near, 1 + z_near * series, far)
    second = torch.where(near, series, (far - 1) / z_far)
    falling = torch.where(near, 1 + (z_near - 1) * series, (exponential - far) / z_far)
    return exponential, first, second, falling


def _exponential(z: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """e^z and e^z - 1 in `dtype`; the phase is reduced to [-π, π] in float64, then rounded to `dtype`."""
    z = z.to(_wide(z))
    if not z.is_complex():
        x = z.to(dtype)
        return torch.exp(x), torch.expm1(x)
    real = real_dtype(dtype)
    phase = z.imag - 2 * math.pi * torch.round(z.imag.detach() / (2 * math.pi))
    x, y = z.real.to(real), phase.to(real)
    radius, cosine, sine = torch.exp(x), torch.cos(y), torch.sin(y)
    minus_one = torch.complex(torch.expm1(x) * cosine - 2 * torch.sin(0.5 * y) ** 2, radius * sine)
    return torch.complex(radius * cosine, radius * sine), minus_one
