r"""The convolution kernel of a diagonal state-space model."""

from __future__ import annotations

from operator import index

from torch import Tensor

from ssmts_kernels._check import Arguments
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.vandermonde import op, reference

__all__ = ["vandermonde"]


def vandermonde(C: Tensor, A: Tensor, length: int) -> Tensor:
    r"""Sample the kernel of a diagonal SSM, :math:`K_{hl} = 2\,\mathrm{Re} \sum_n C_{hn} e^{A_{hn} l}`.

    A complex mode stands for itself and its conjugate, hence the 2 Re; real modes are summed as they are.

    Parameters
    ----------
    C : Tensor
        (H, N) weights of the modes: output times discretised input weights. Real or complex, float32 or
        float64.
    A : Tensor
        (H, N) modes per sample, that is Δ times the continuous ones, so that exp(A) is Ā. Re A <= 0. C's
        dtype.
    length : int
        Number of samples L >= 0.

    Returns
    -------
    Tensor
        (H, L) kernel, real, of C's precision.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, or the length is negative.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022, equation (3).
    """
    arguments = Arguments("vandermonde")
    arguments.check("C", C, "H N", "mode")
    arguments.check("A", A, "H N", "mode")
    arguments.same_dtype("A", A, "C", C)
    if index(length) < 0:
        arguments.fail("length", f"must be >= 0, got {length}")
    if (name := requested()) == "reference":
        return reference.vandermonde(C, A, length)
    kernel: Tensor = op.vandermonde(materialised(C), materialised(A), length, name)
    return kernel
