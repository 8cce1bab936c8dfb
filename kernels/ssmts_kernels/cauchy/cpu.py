r"""Roots of unity by FFT; elsewhere one complex reciprocal a mode and point, numerators meet it in GEMMs.

With ω = h² on the unit circle, 2 (1 - ω) = i σ h and 1 + ω = κ h for real σ and κ, so that a conjugate pair
is

    4 h̄ (iσ Re v - κ Re(v conj A)) G,   1/G = (|A| κ - σ)(|A| κ + σ) - 2 i σκ Re A,

whose first factor is the only cancellation, and no more than the formula itself has. The reciprocals of a few
rows at a time stay in cache; the backward pass computes them again.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels.cauchy import roots

_ELEMENTS = 1 << 16
"""Reciprocals formed at a time."""


def forward(v: Tensor, omega: Tensor, A: Tensor) -> Tensor:
    """Return the (K, H, L) sums of the (K, H, N) numerators."""
    if (n := roots.order(omega, A)) is not None:
        return roots.forward(v, A, n, len(omega))
    half, sigma, kappa = unit_circle(omega)
    out = v.new_empty(v.shape[0], v.shape[1], len(omega))
    numerators = torch.cat([v.real, (v * A.conj_physical()).real]).transpose(0, 1).contiguous()
    for rows in _row_blocks(A, omega):
        G = _reciprocals(A[rows], sigma, kappa)
        sums = _modes(torch.bmm(numerators[rows], _planes(G)))
        by_v, by_vA = sums.chunk(2, 1)
        real = -kappa * by_vA.real - sigma * by_v.imag
        imag = sigma * by_v.real - kappa * by_vA.imag
        out[:, rows] = torch.complex(real, imag).transpose(0, 1)
    return out.mul_(4 * half.conj_physical())


def backward(grad: Tensor, v: Tensor, omega: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of v and A."""
    if (n := roots.order(omega, A)) is not None:
        return roots.backward(grad, v, A, n)
    half, sigma, kappa = unit_circle(omega)
    # The gradient of a real parameter p is Re(conj(grad) ∂out/∂p): carry conj(grad) with the common phase in.
    weight = (4 * grad.conj_physical() * half.conj_physical()).transpose(0, 1)
    grad_v, grad_A = v.new_empty(v.shape), A.new_empty(A.shape)
    for rows in _row_blocks(A, omega):
        a, vs, w = A[rows], v[:, rows].transpose(0, 1), weight[rows]
        G = _reciprocals(a, sigma, kappa)
        # Re Σ z G over the points is a real product with the planes of conj(z).
        by_numerator = torch.cat([1j * sigma * w, -kappa * w], 1)
        by_v, by_vA = torch.bmm(_planes(by_numerator.conj_physical()), _planes(G).mT).chunk(2, 1)
        # ∂G/∂(|A|²) = -κ² G², ∂G/∂(Re A) = 2 i σκ G²
        squares = _planes(G * G).mT
        by_size = torch.bmm(_planes((-(kappa**2) * by_numerator).conj_physical()), squares)
        by_real = torch.bmm(_planes((2j * sigma * kappa * by_numerator).conj_physical()), squares)
        numerators = torch.cat([vs.real, (vs * a[:, None].conj_physical()).real], 1)
        size, real = (by_size * numerators).sum(1), (by_real * numerators).sum(1)
        grad_v[:, rows] = (torch.complex(by_v, torch.zeros_like(by_v)) + by_vA * a[:, None]).transpose(0, 1)
        grad_A[rows] = 2 * size * a + (by_vA * vs).sum(1) + torch.complex(real, torch.zeros_like(real))
    return grad_v, grad_A


def unit_circle(omega: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return h, σ, κ with 2 (1 - ω) = i σ h and 1 + ω = κ h."""
    if len(omega) and not float((omega.abs() - 1).abs().max()) < 1e-4:
        raise ValueError("cauchy: omega must lie on the unit circle; backend('reference') takes any point")
    half = torch.sqrt(omega)
    return half, -4 * half.imag, 2 * half.real


def _reciprocals(A: Tensor, sigma: Tensor, kappa: Tensor) -> Tensor:
    """G, (H, N, L)."""
    size = A.abs()[..., None] * kappa
    real = (size - sigma).mul_(size + sigma)
    minus_imag = (2 * A.real)[..., None] * (sigma * kappa)
    scale = (real * real).addcmul_(minus_imag, minus_imag).reciprocal_()
    return torch.complex(real.mul_(scale), minus_imag.mul_(scale))


def _row_blocks(A: Tensor, omega: Tensor) -> list[slice]:
    rows = max(1, _ELEMENTS // max(1, A.shape[1] * len(omega)))
    return [slice(start, start + rows) for start in range(0, len(A), rows)]


def _planes(z: Tensor) -> Tensor:
    return torch.view_as_real(z).flatten(-2)


def _modes(flat: Tensor) -> Tensor:
    return torch.view_as_complex(flat.view(*flat.shape[:-1], flat.shape[-1] // 2, 2))
