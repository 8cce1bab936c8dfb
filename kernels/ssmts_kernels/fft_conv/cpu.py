"""Convolution by FFT, a few rows and features at a time.

Large temporaries cost more than their FFTs on CPU: the allocator maps and clears fresh pages for each. Blocks
keep every temporary small enough to be handed out again, and in cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ELEMENTS = 1 << 18
"""Samples transformed at a time (1 MB in float32)."""


def forward(u: Tensor, kernel: Tensor) -> Tensor:
    """Return the (batch, length, D) convolution; u and kernel share their dtype."""
    length = u.shape[1]
    size = _fast_length(2 * length - 1)
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    for features, blocks in _blocks(u, size):
        response = torch.fft.rfft(kernel[features, :length], size)
        for rows in blocks:
            spectrum = torch.fft.rfft(u[rows, :, features].mT, size).mul_(response)
            y[rows, :, features] = torch.fft.irfft(spectrum, size)[..., :length].mT
    return y


def backward(grad: Tensor, u: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of u and kernel: correlations of grad with the other one."""
    length = u.shape[1]
    reach = min(length, kernel.shape[1])
    size = _fast_length(2 * length - 1)
    grad_u = torch.empty_like(u, memory_format=torch.contiguous_format)
    grad_kernel = torch.zeros_like(kernel)
    for features, blocks in _blocks(u, size):
        response = torch.fft.rfft(kernel[features, :length], size).conj_physical()
        grad_response = torch.zeros_like(response)
        for rows in blocks:
            spectrum = torch.fft.rfft(grad[rows, :, features].mT, size)
            signal = torch.fft.rfft(u[rows, :, features].mT, size).conj_physical_()
            grad_response += signal.mul_(spectrum).sum(0)
            grad_u[rows, :, features] = torch.fft.irfft(spectrum.mul_(response), size)[..., :length].mT
        if reach:
            grad_kernel[features, :reach] = torch.fft.irfft(grad_response, size)[:, :reach]
    return grad_u, grad_kernel


def _blocks(u: Tensor, size: int) -> list[tuple[slice, list[slice]]]:
    """Blocks of features, and for each the blocks of rows."""
    if u.numel() == 0:
        return []
    width = min(max(1, _ELEMENTS // size), u.shape[2])
    rows = max(1, _ELEMENTS // (size * width))
    blocks = [slice(start, start + rows) for start in range(0, len(u), rows)]
    return [(slice(start, start + width), blocks) for start in range(0, u.shape[2], width)]


def _fast_length(least: int) -> int:
    """Return the smallest even 2^a 3^b 5^c that is not below `least`."""
    best = 1 << max(1, (least - 1).bit_length())
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            size = 2 * threes
            while size < least:
                size *= 2
            best = min(best, size)
            threes *= 3
        fives *= 5
    return best
