r"""The Cauchy kernel at roots of unity is the Fourier transform of a short Vandermonde kernel.

For ωⁿ = 1 the geometric series of the bilinear Ā folds up, 1/(1 - ωĀ) = Σ_{k<n} (ωĀ)^k / (1 - Āⁿ), so that

    R = FFT(κ),   κ_k = 2 Re Σ v' Ā^k,   v' = v / ((1 - A/2)(1 - Āⁿ)).

Everything is in double: a pole close to a point makes v' as large as the result, no larger.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ssmts_kernels.vandermonde import cpu as vandermonde

_ELEMENTS = 1 << 16
"""Complex numbers formed at a time."""


def order(omega: Tensor, A: Tensor) -> int | None:
    """Return n if omega holds the first powers of exp(-2πi/n), n or n // 2 + 1 of them, else None.

    None as well where the logarithm of Ā has no derivative to speak of (A near -2).
    """
    if len(omega) < 2 or A.numel() == 0 or float((A + 2).abs().min()) < 1e-3:
        return None
    first = float(omega[1].angle())
    if abs(first) < 1e-9 or (first > 0 and len(omega) > 2):
        return None
    n = round(2 * math.pi / abs(first))
    if len(omega) not in (n, n // 2 + 1):
        return None
    angles = torch.arange(len(omega), dtype=torch.float64, device=omega.device) * (-2 * math.pi / n)
    expected = torch.polar(torch.ones_like(angles), angles)
    return n if float((expected - omega).abs().max()) < 1e-5 else None


def forward(v: Tensor, A: Tensor, n: int, points: int) -> Tensor:
    """Return the (K, H, points) sums of the (K, H, N) numerators."""
    out = v.new_empty(v.shape[0], v.shape[1], points)
    for rows in _row_blocks(v, n):
        folded, _, logarithm = _folded(v[:, rows], A[rows], n)
        kernel = vandermonde.forward_many(folded, logarithm, n)
        spectrum: Tensor = torch.fft.rfft(kernel) if points <= n // 2 + 1 else torch.fft.fft(kernel)
        out[:, rows] = spectrum[..., :points].to(v.dtype)
    return out


def backward(grad: Tensor, v: Tensor, A: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the gradients of v and A."""
    grad_v, grad_A = torch.empty_like(v), torch.empty_like(A)
    for rows in _row_blocks(v, n):
        folded, power, logarithm = _folded(v[:, rows], A[rows], n)
        grad_kernel = torch.fft.ifft(grad[:, rows].to(folded.dtype), n, norm="forward").real
        of_folded, of_logarithm = vandermonde.backward_many(grad_kernel, folded, logarithm)
        wide = A[rows].to(folded.dtype)
        inverse, slope = 1 / (1 - wide / 2), 1 / (1 - wide**2 / 4)
        of_v = (inverse / (1 - power)).conj_physical() * of_folded
        relative = inverse / 2 + n * slope * power / (1 - power)
        of_A = slope.conj_physical() * of_logarithm + ((folded * relative).conj_physical() * of_folded).sum(0)
        grad_v[:, rows], grad_A[rows] = of_v.to(v.dtype), of_A.to(A.dtype)
    return grad_v, grad_A


def _row_blocks(v: Tensor, n: int) -> list[slice]:
    """Rows whose factors stay within `_ELEMENTS`: O(H N √L) memory at once would dwarf the result."""
    numerators, rows, modes = v.shape
    a_row = max(1, modes * (numerators + 1) * (math.isqrt(max(n - 1, 0)) + 1) + 2 * numerators * n)
    size = max(1, _ELEMENTS // a_row)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _folded(v: Tensor, A: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return v', Āⁿ and log Ā in double."""
    wide = A.to(torch.complex128)
    logarithm = torch.log((1 + wide / 2) / (1 - wide / 2))
    turns = torch.remainder(n * logarithm.imag, 2 * math.pi)
    power = torch.polar(torch.exp(n * logarithm.real), turns)
    return v.to(torch.complex128) / ((1 - wide / 2) * (1 - power)), power, logarithm
