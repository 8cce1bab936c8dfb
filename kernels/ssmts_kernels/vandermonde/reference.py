"""The kernel of a diagonal SSM, term by term."""

from __future__ import annotations

import torch
from torch import Tensor


def vandermonde(C: Tensor, A: Tensor, length: int) -> Tensor:
    """Sum C exp(A l) over the modes for l = 0 .. length - 1: the (H, N, L) array is formed."""
    wide = torch.complex128 if A.is_complex() else torch.float64
    exponent = A.to(wide)[..., None] * torch.arange(length, device=A.device, dtype=torch.float64)
    kernel = (C[..., None] * torch.exp(exponent).to(C.dtype)).sum(1)
    return 2 * kernel.real if A.is_complex() else kernel
