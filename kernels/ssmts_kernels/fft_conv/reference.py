"""Causal convolution as the sum it is."""

from __future__ import annotations

import torch
from torch import Tensor


def fft_conv(u: Tensor, kernel: Tensor) -> Tensor:
    """Sum kernel[d, j] u[:, l - j, d] over j = 0 .. l."""
    length = u.shape[1]
    dtype = torch.promote_types(torch.promote_types(u.dtype, kernel.dtype), torch.float32)
    signal, taps = u.to(dtype), kernel[:, :length].to(dtype)
    y = torch.zeros_like(signal)
    for j in range(taps.shape[1]):
        delayed = torch.nn.functional.pad(signal[:, : length - j], (0, 0, j, 0))
        y = y + delayed * taps[:, j]
    return y.to(u.dtype)
