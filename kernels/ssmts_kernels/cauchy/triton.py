"""The Cauchy kernel in one fused pass, in the real form of ``cpu.py``: no reciprocal ever reaches memory.

A program owns a row and a tile of points (forward) or of modes (backward), so that every sum has one owner:
no atomics, the same bits each time.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmts_kernels._triton import launch, parts
from ssmts_kernels.cauchy.cpu import unit_circle

CONFIGS = [
    triton.Config({"BLOCK_N": n, "BLOCK_L": length}, num_warps=warps)
    for n, length, warps in ((16, 64, 4), (4, 256, 4), (8, 128, 4), (32, 64, 8))
]


def forward(v: Tensor, omega: Tensor, A: Tensor) -> Tensor:
    """Return the (K, H, L) sums of the (K, H, N) numerators."""
    v, A = v.contiguous(), A.contiguous()
    half, sigma, kappa = unit_circle(omega.contiguous())
    sides, rows, modes = v.shape
    out = v.new_empty(sides, rows, len(omega))
    numerators = torch.stack([v.real, (v * A.conj_physical()).real], -1)
    if out.numel():
        launch(
            _forward, lambda meta: (rows, triton.cdiv(len(omega), meta["BLOCK_L"]), sides),
            numerators, sigma, kappa, A.abs(), A.real.contiguous(), torch.view_as_real(out),
            rows, modes, len(omega),
        )  # fmt: skip
    return out.mul_(4 * half.conj_physical())


def backward(grad: Tensor, v: Tensor, omega: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of v and A."""
    v, A = v.contiguous(), A.contiguous()
    half, sigma, kappa = unit_circle(omega.contiguous())
    sides, rows, modes = v.shape
    weight = 4 * grad.conj_physical() * half.conj_physical()
    numerators = torch.stack([v.real, (v * A.conj_physical()).real], -1)
    # For each numerator and mode the derivatives by Re v, Re(v conj A), |A|² and Re A.
    sums = numerators.new_zeros(*v.shape, 4)
    if v.numel():
        launch(
            _backward, lambda meta: (rows, triton.cdiv(modes, meta["BLOCK_N"]), sides),
            parts(weight), numerators, sigma, kappa, A.abs(), A.real.contiguous(), sums,
            rows, modes, len(omega),
        )  # fmt: skip
    by_v, by_vA, size, real = sums.unbind(-1)
    return by_v + by_vA * A, (2 * size * A + by_vA * v + real).sum(0)


@triton.jit
def _reciprocals(modulus, rate, sigma, kappa):
    """G as re and im, (N, L)."""
    size = modulus[:, None] * kappa[None, :]
    real = (size - sigma[None, :]) * (size + sigma[None, :])
    minus_imag = 2 * rate[:, None] * (sigma * kappa)[None, :]
    scale = 1 / (real * real + minus_imag * minus_imag)
    return real * scale, minus_imag * scale


@triton.autotune(configs=CONFIGS, key=["modes", "length"])
@triton.jit
def _forward(
    numerators,
    sigma,
    kappa,
    modulus,
    rate,
    out,
    rows,
    modes,
    length,
    BLOCK_N: tl.constexpr,
    BLOCK_L: tl.constexpr,
):
    row, side = tl.program_id(0).to(tl.int64), tl.program_id(2)
    points = tl.program_id(1) * BLOCK_L + tl.arange(0, BLOCK_L)
    s = tl.load(sigma + points, mask=points < length, other=1.0)
    k = tl.load(kappa + points, mask=points < length, other=0.0)
    total, total_imag = tl.zeros_like(s), tl.zeros_like(s)
    for start in range(0, modes, BLOCK_N):
        n = start + tl.arange(0, BLOCK_N)
        r = tl.load(modulus + row * modes + n, mask=n < modes, other=1.0)
        a = tl.load(rate + row * modes + n, mask=n < modes, other=-1.0)
        place = numerators + 2 * ((side * rows + row) * modes + n)
        by_v = tl.load(place, mask=n < modes, other=0.0)[:, None]
        by_vA = tl.load(place + 1, mask=n < modes, other=0.0)[:, None]
        real, imag = _reciprocals(r, a, s, k)
        total += tl.sum(-k[None, :] * by_vA * real - s[None, :] * by_v * imag, axis=0)
        total_imag += tl.sum(s[None, :] * by_v * real - k[None, :] * by_vA * imag, axis=0)
    place = out + 2 * ((side * rows + row) * length + points)
    tl.store(place, total, mask=points < length)
    tl.store(place + 1, total_imag, mask=points < length)


@triton.autotune(configs=CONFIGS, key=["modes", "length"])
@triton.jit
def _backward(
    weight, numerators, sigma, kappa, modulus, rate, sums, rows, modes, length,
    BLOCK_N: tl.constexpr, BLOCK_L: tl.constexpr,
):  # fmt: skip
    row, side = tl.program_id(0).to(tl.int64), tl.program_id(2)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    r = tl.load(modulus + row * modes + n, mask=n < modes, other=1.0)
    a = tl.load(rate + row * modes + n, mask=n < modes, other=-1.0)
    place = (side * rows + row) * modes + n
    re_v = tl.load(numerators + 2 * place, mask=n < modes, other=0.0)[:, None]
    re_vA = tl.load(numerators + 2 * place + 1, mask=n < modes, other=0.0)[:, None]
    by_v, by_vA = tl.zeros_like(r), tl.zeros_like(r)
    by_size, by_rate = tl.zeros_like(r), tl.zeros_like(r)
    for start in range(0, length, BLOCK_L):
        points = start + tl.arange(0, BLOCK_L)
        inside = points < length
        s = tl.load(sigma + points, mask=inside, other=1.0)
        k = tl.load(kappa + points, mask=inside, other=0.0)
        at = weight + 2 * ((side * rows + row) * length + points)
        w = tl.load(at, mask=inside, other=0.0)[None, :]
        w_imag = tl.load(at + 1, mask=inside, other=0.0)[None, :]
        real, imag = _reciprocals(r, a, s, k)
        s, k = s[None, :], k[None, :]
        weighted, weighted_imag = w * real - w_imag * imag, w * imag + w_imag * real
        by_v -= tl.sum(s * weighted_imag, axis=1)
        by_vA -= tl.sum(k * weighted, axis=1)
        # (i σ Re v - κ Re(v conj A)) w G²
        square = weighted * real - weighted_imag * imag
        square_imag = weighted * imag + weighted_imag * real
        whole = -k * re_vA * square - s * re_v * square_imag
        whole_imag = s * re_v * square - k * re_vA * square_imag
        by_size -= tl.sum(k * k * whole, axis=1)
        by_rate -= tl.sum(2 * s * k * whole_imag, axis=1)
    tl.store(sums + 4 * place, by_v, mask=n < modes)
    tl.store(sums + 4 * place + 1, by_vA, mask=n < modes)
    tl.store(sums + 4 * place + 2, by_size, mask=n < modes)
    tl.store(sums + 4 * place + 3, by_rate, mask=n < modes)
