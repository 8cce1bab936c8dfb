"""The kernel in one fused pass: no exponential ever reaches memory, and the backward pass computes them
again.

A program owns a row and a tile of samples (forward) or of modes (backward), so that every sum has one owner:
no atomics, the same bits each time. Phases are formed and reduced in float64.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmts_kernels._triton import launch, parts

# Tiles of 1,024 elements leave a thread four: with eight, four warps spilled registers.
CONFIGS = [
    triton.Config({"BLOCK_N": n, "BLOCK_L": length}, num_warps=8)
    for n, length in ((16, 64), (4, 256), (8, 128), (32, 64))
]


def forward(C: Tensor, A: Tensor, length: int) -> Tensor:
    """Return the (H, L) kernel."""
    rows, modes = C.shape
    out = C.new_empty(rows, length, dtype=C.real.dtype)
    if out.numel():
        launch(
            _forward,
            lambda meta: (rows, triton.cdiv(length, meta["BLOCK_L"])),
            parts(C),
            parts(A),
            out,
            modes,
            length,
        )
    return out if C.is_complex() else out.mul_(0.5)


def backward(grad: Tensor, C: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of C and A."""
    rows, modes = C.shape
    weights = parts(C)
    grad_C, grad_A = torch.zeros_like(weights), torch.zeros_like(weights)
    if C.numel():
        launch(
            _backward, lambda meta: (rows, triton.cdiv(modes, meta["BLOCK_N"])),
            grad.contiguous(), weights, parts(A), grad_C, grad_A, modes, grad.shape[1],
        )  # fmt: skip
    if C.is_complex():
        return torch.view_as_complex(grad_C), torch.view_as_complex(grad_A)
    return 0.5 * grad_C[..., 0], 0.5 * grad_A[..., 0]


@triton.jit
def _power(decay, frequency, steps):
    """exp(A l), (N, L), as re and im."""
    turns = frequency.to(tl.float64)[:, None] * steps.to(tl.float64)[None, :] * 0.15915494309189535
    phase = ((turns - tl.floor(turns)) * 6.283185307179586).to(decay.dtype)
    radius = tl.exp(decay[:, None] * steps.to(decay.dtype)[None, :])
    return radius * tl.cos(phase), radius * tl.sin(phase)


@triton.jit
def _pair(base, index, mask):
    """Load complex numbers as re and im."""
    return tl.load(base + 2 * index, mask=mask, other=0.0), tl.load(
        base + 2 * index + 1, mask=mask, other=0.0
    )


@triton.autotune(configs=CONFIGS, key=["modes", "length"])
@triton.jit
def _forward(C, A, out, modes, length, BLOCK_N: tl.constexpr, BLOCK_L: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    samples = tl.program_id(1) * BLOCK_L + tl.arange(0, BLOCK_L)
    total = tl.zeros([BLOCK_L], dtype=out.dtype.element_ty)
    for start in range(0, modes, BLOCK_N):
        n = start + tl.arange(0, BLOCK_N)
        weight, weight_imag = _pair(C, row * modes + n, n < modes)
        decay, frequency = _pair(A, row * modes + n, n < modes)
        real, imag = _power(decay, frequency, samples)
        total += tl.sum(weight[:, None] * real - weight_imag[:, None] * imag, axis=0)
    tl.store(out + row * length + samples, 2 * total, mask=samples < length)


@triton.autotune(configs=CONFIGS, key=["modes", "length"])
@triton.jit
def _backward(grad, C, A, grad_C, grad_A, modes, length, BLOCK_N: tl.constexpr, BLOCK_L: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    weight, weight_imag = _pair(C, row * modes + n, n < modes)
    decay, frequency = _pair(A, row * modes + n, n < modes)
    zeroth, zeroth_imag = tl.zeros_like(decay), tl.zeros_like(decay)
    first, first_imag = tl.zeros_like(decay), tl.zeros_like(decay)
    for start in range(0, length, BLOCK_L):
        samples = start + tl.arange(0, BLOCK_L)
        g = tl.load(grad + row * length + samples, mask=samples < length, other=0.0)
        real, imag = _power(decay, frequency, samples)
        real, imag = real * g[None, :], imag * g[None, :]
        steps = samples.to(decay.dtype)[None, :]
        zeroth += tl.sum(real, axis=1)
        zeroth_imag -= tl.sum(imag, axis=1)
        first += tl.sum(real * steps, axis=1)
        first_imag -= tl.sum(imag * steps, axis=1)
    place = 2 * (row * modes + n)
    tl.store(grad_C + place, 2 * zeroth, mask=n < modes)
    tl.store(grad_C + place + 1, 2 * zeroth_imag, mask=n < modes)
    tl.store(grad_A + place, 2 * (weight * first + weight_imag * first_imag), mask=n < modes)
    tl.store(grad_A + place + 1, 2 * (weight * first_imag - weight_imag * first), mask=n < modes)
