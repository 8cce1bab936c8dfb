r"""The Cauchy kernel: the transfer function of the diagonal part of a DPLR state-space model."""

from __future__ import annotations

from torch import Tensor

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.cauchy import op, reference

__all__ = ["cauchy"]


def cauchy(v: Tensor, omega: Tensor, A: Tensor) -> Tensor:
    r"""Evaluate the bilinear transfer function of a diagonal SSM at points of the unit circle.

    .. math::

        R_{hl} = \sum_n \frac{2 v_{hn}}{2 (1 - \omega_l) - (1 + \omega_l) A_{hn}}
                 + \frac{2 \bar v_{hn}}{2 (1 - \omega_l) - (1 + \omega_l) \bar A_{hn}}

    which is :math:`v^\top (I - \omega \bar A)^{-1} (I - A/2)^{-1}` of the bilinear
    :math:`\bar A = (I - A/2)^{-1} (I + A/2)`, summed over conjugate pairs. It is the S4 paper's
    :math:`\frac{2}{1 + \omega} \sum_n v_n / (z - A_n)` with :math:`z = 2 \frac{1 - \omega}{1 + \omega}`,
    multiplied out, so that :math:`\omega = -1`, where z is infinite, is a point like any other.

    Parameters
    ----------
    v : Tensor
        (..., H, N) numerators, complex. Leading dimensions are further right-hand sides of the same modes:
        the four products of Woodbury's formula go in one call.
    omega : Tensor
        (L,) points of the unit circle, complex, v's dtype; never differentiated.
    A : Tensor
        (H, N) modes per sample (Δ times the continuous ones), one of each conjugate pair, v's dtype. Re A <
        0.

    Returns
    -------
    Tensor
        (..., H, L), complex, v's dtype.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, omega requires a gradient or, on the fast paths,
        leaves the unit circle.

    References
    ----------
    Gu, Goel and Ré, "Efficiently Modeling Long Sequences with Structured State Spaces", ICLR 2022, appendix
    C.3, lemma C.3 and algorithm 1.
    """
    arguments = Arguments("cauchy")
    arguments.check("A", A, "H N", "complex")
    if not isinstance(v, Tensor) or v.ndim < 2:
        arguments.check("v", v, "H N", "complex")
    leading = " ".join(f"batch{i}" for i in range(v.ndim - 2))
    arguments.check("v", v, f"{leading} H N", "complex")
    arguments.check("omega", omega, "L", "complex")
    arguments.same_dtype("v", v, "A", A)
    arguments.same_dtype("omega", omega, "A", A)
    if omega.requires_grad:
        arguments.fail("omega", "is never differentiated; detach it")
    if (name := requested()) == "reference":
        return reference.cauchy(v, omega, A)
    flat = materialised(v).reshape(-1, *A.shape) if A.numel() else v.new_zeros(v.shape[:-2].numel(), *A.shape)
    sums: Tensor = op.cauchy(flat, materialised(omega), materialised(A), name)
    return sums.view(*v.shape[:-1], len(omega))
