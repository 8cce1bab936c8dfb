r"""The kernel as one small GEMM a row: l = i q + j splits exp(A l) into two factors of length √L.

K[i, j] = 2 Re Σ_n (C_n exp(A_n q i)) exp(A_n j): O(H N √L) exponentials and O(H (N √L + L)) memory instead of
O(H N L) of each. Complex products run as real GEMMs over the stacked (re, im) planes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def forward(C: Tensor, A: Tensor, length: int) -> Tensor:
    """Return the (H, L) kernel."""
    return forward_many(C[None], A, length)[0]


def backward(grad: Tensor, C: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of C and A."""
    grad_C, grad_A = backward_many(grad[None], C[None], A)
    return grad_C[0], grad_A


def forward_many(C: Tensor, A: Tensor, length: int) -> Tensor:
    """Return the (K, H, L) kernels of (K, H, N) weights that share their (H, N) modes."""
    inner, outer, _ = _factors(A, length)
    weighted = (C[..., None] * outer).transpose(0, 1)
    left = torch.cat([weighted.real, -weighted.imag], 2) if C.is_complex() else weighted
    # (H, K blocks, 2N) x (H, 2N, block)
    samples = left.shape[-1] * inner.shape[-1]
    blocks = left.transpose(2, 3).flatten(1, 2)
    kernels = torch.bmm(blocks, _planes(inner)).view(len(A), len(C), samples)[..., :length]
    return kernels.transpose(0, 1).mul(2 if A.is_complex() else 1)


def backward_many(grad: Tensor, C: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of C and A of `forward_many`."""
    length = grad.shape[-1]
    inner, outer, offsets = _factors(A, length)
    block, blocks = inner.shape[-1], outer.shape[-1]
    padded = torch.nn.functional.pad(grad, (0, block * blocks - length)).view(*grad.shape[:2], blocks, block)
    steps = torch.arange(block, dtype=padded.dtype, device=grad.device)
    inner = inner.conj_physical()
    both = torch.cat([_planes(inner), _planes(inner * steps)], 1)
    # (H, 4N, block) x (H, block, K blocks)
    moments = torch.bmm(both, padded.transpose(0, 1).flatten(1, 2).mT)
    zeroth, first = (
        _from_planes(m, A).view(*A.shape, len(C), blocks).movedim(2, 0) for m in moments.chunk(2, 1)
    )
    outer = outer.conj_physical()
    scale = 2 if A.is_complex() else 1
    grad_C = (outer * zeroth).sum(-1) * scale
    grad_A = (C.conj_physical() * (outer * (offsets * zeroth + first)).sum(-1)).sum(0) * scale
    return grad_C, grad_A


def _factors(A: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return exp(A j), exp(A q i) and q i for the split of `length` into i, j with q = ceil(√L)."""
    block = max(1, math.isqrt(max(length - 1, 0)) + 1)
    steps = torch.arange(block, dtype=torch.float64, device=A.device)
    offsets = torch.arange(-(-length // block), dtype=torch.float64, device=A.device) * block
    return _powers(A, steps), _powers(A, offsets), offsets.to(A.real.dtype)


def _powers(A: Tensor, steps: Tensor) -> Tensor:
    """Return exp(A l) in A's precision; phases are formed and reduced in float64."""
    decay = torch.exp(A.real[..., None] * steps.to(A.real.dtype))
    if not A.is_complex():
        return decay
    phase = torch.remainder(A.imag.double()[..., None] * steps, 2 * math.pi)
    return torch.polar(decay, phase.to(decay.dtype))


def _planes(z: Tensor) -> Tensor:
    """(H, N, K) -> (H, 2N, K): real parts above imaginary parts; a real array as it is."""
    return torch.cat([z.real, z.imag], 1) if z.is_complex() else z


def _from_planes(planes: Tensor, like: Tensor) -> Tensor:
    return torch.complex(*planes.chunk(2, 1)) if like.is_complex() else planes
