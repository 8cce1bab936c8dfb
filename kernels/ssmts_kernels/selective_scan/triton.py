"""The selective recurrence as one fused Triton kernel each way.

A program owns one row and a tile of channels and walks through time in chunks. A (CHUNK, BLOCK_D, BLOCK_N)
tile lies in registers: its recurrence is an associative scan along the first axis, which one warp runs within
its threads. Only the states at the start of each chunk go to memory; the backward kernel recomputes the rest.
What is summed over channel tiles or rows leaves as partial sums that torch adds in a fixed order: no atomics.
Tile sizes follow from the shape alone, so that the same call gives the same bits.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmts_kernels.selective_scan.reference import state_dtype

CHUNK = 16
# Elements of a tile, 32 a thread: more would spill the backward kernel's registers (compiled for sm_90).
TILE = 1024


def forward(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    delta_softplus: bool,
    zoh: bool,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state and, if `save`, the states at the start of each chunk."""
    batch, length, channels = u.shape
    modes = A.shape[1]
    dtype = state_dtype(u, A)
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    last_state = u.new_empty(batch, channels, modes, dtype=dtype)
    starts = u.new_empty(checkpoints(batch, length, channels, modes) if save else (0,), dtype=dtype)
    optional = _contiguous(D, z, delta_bias, intervals, lengths, initial_state)
    grid, options = _launch(batch, channels, modes, dtype, delta_softplus, zoh, optional[:5])
    _forward[grid](
        *_contiguous(u, delta, A, B, C), *optional, y, last_state, starts, length, channels, modes,
        HAS_STATE=initial_state is not None, SAVE=save, **options,
    )  # fmt: skip
    return y, last_state, starts


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    starts: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    delta_softplus: bool,
    zoh: bool,
) -> tuple[Tensor, ...]:
    """Return the gradients of u, delta, A, B, C, D, z, delta_bias, initial_state and intervals.

    They have the states' dtype; one whose argument is None is empty.
    """
    batch, length, channels = u.shape
    modes = A.shape[1]
    dtype = state_dtype(u, A)
    optional = _contiguous(D, z, delta_bias, intervals, lengths)
    grid, options = _launch(batch, channels, modes, dtype, delta_softplus, zoh, optional)

    def new(*shape: int, needed: bool = True) -> Tensor:
        return u.new_empty(shape if needed else (0,), dtype=dtype)

    full, tiles = u.shape, grid[1]
    grad_u, grad_delta, grad_z = new(*full), new(*full), new(*full, needed=z is not None)
    grad_A, grad_state = new(batch, channels, modes), new(batch, channels, modes)
    grad_B, grad_C = new(batch, tiles, length, modes), new(batch, tiles, length, modes)
    grad_D = new(batch, channels, needed=D is not None)
    grad_bias = new(batch, channels, needed=delta_bias is not None)
    grad_intervals = new(batch, tiles, length, needed=intervals is not None)
    _backward[grid](
        *_contiguous(grad_y, grad_last, starts, u, delta, A, B, C), *optional,
        grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_z, grad_bias, grad_state, grad_intervals,
        length, channels, modes, **options,
    )  # fmt: skip
    return (
        grad_u, grad_delta, grad_A.sum(0), grad_B.sum(1), grad_C.sum(1),
        grad_D.sum(0) if D is not None else grad_D, grad_z,
        grad_bias.sum(0) if delta_bias is not None else grad_bias, grad_state,
        grad_intervals.sum(1) if intervals is not None else grad_intervals,
    )  # fmt: skip


def checkpoints(batch: int, length: int, channels: int, modes: int) -> tuple[int, ...]:
    """Return the shape of the saved states."""
    return batch, -(-length // CHUNK), channels, modes


def _contiguous(*values: Tensor | None) -> tuple[Tensor | None, ...]:
    return tuple(None if value is None else value.contiguous() for value in values)


def _launch(
    batch: int,
    channels: int,
    modes: int,
    dtype: torch.dtype,
    delta_softplus: bool,
    zoh: bool,
    optional: tuple[Tensor | None, ...],
) -> tuple[tuple[int, int], dict[str, object]]:
    """Return grid and compile-time arguments."""
    block_n = triton.next_power_of_2(max(1, modes))
    block_d = max(1, min(triton.next_power_of_2(max(1, channels)), TILE // (CHUNK * block_n)))
    names = ("HAS_D", "HAS_Z", "HAS_BIAS", "HAS_INTERVALS", "HAS_LENGTHS")
    double = dtype == torch.float64
    return (batch, triton.cdiv(channels, block_d)), {
        **{name: value is not None for name, value in zip(names, optional, strict=True)},
        "SOFTPLUS": delta_softplus,
        "ZOH": zoh,
        "DTYPE": tl.float64 if double else tl.float32,
        "TERMS": 14 if double else 7,
        "T": CHUNK,
        "BLOCK_D": block_d,
        "BLOCK_N": block_n,
        "num_warps": max(1, CHUNK * block_d * block_n // TILE),
    }


@triton.jit
def _compose(a_first, b_first, a_then, b_then):
    return a_first * a_then, a_then * b_first + b_then


@triton.jit
def _softplus(x):
    # log1p by Kahan's quotient: exact where 1 + e^x rounds.
    grown = tl.exp(tl.minimum(x, 20.0))
    one_more = 1.0 + grown
    rounded = tl.where(one_more == 1.0, 1.0, one_more - 1.0)
    return tl.where(x > 20.0, x, tl.where(one_more == 1.0, grown, tl.log(one_more) * (grown / rounded)))


@triton.jit
def _phi1(exponent, decay, TERMS: tl.constexpr, DTYPE: tl.constexpr):
    """(e^x - 1) / x, its Taylor series near 0."""
    series = exponent * 0.0 + 1.0
    for i in tl.static_range(TERMS):
        # A bare literal would be rounded to float32 under float64.
        series = 1.0 + series * (exponent * tl.full((1, 1, 1), 1.0 / (TERMS + 1.0 - i), DTYPE))
    near = tl.abs(exponent) < 0.25
    return tl.where(near, series, (decay - 1.0) / tl.where(near, 1.0, exponent))


@triton.jit
def _phi1_slope(exponent, decay, phi1, TERMS: tl.constexpr, DTYPE: tl.constexpr):
    """Derivative of phi1, sum of (k + 1) x^k / (k + 2)!, as a nested product near 0."""
    series = exponent * 0.0 + 1.0
    for i in tl.static_range(TERMS):
        ratio: tl.constexpr = (TERMS + 1.0 - i) / ((TERMS - i) * (TERMS + 2.0 - i))
        series = 1.0 + series * (exponent * tl.full((1, 1, 1), ratio, DTYPE))
    near = tl.abs(exponent) < 0.25
    return tl.where(near, 0.5 * series, (decay - phi1) / tl.where(near, 1.0, exponent))


@triton.jit
def _step(
    delta, bias, intervals, b, rows, valid, d, length, channels,
    SOFTPLUS: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_INTERVALS: tl.constexpr, DTYPE: tl.constexpr,
):  # fmt: skip
    """Return delta before softplus, after it, the interval, and the step; the step is 0 where not valid."""
    mask = valid[:, None] & (d < channels)[None, :]
    raw = tl.load(delta + (b * length + rows)[:, None] * channels + d[None, :], mask, 0.0).to(DTYPE)
    if HAS_BIAS:
        raw += tl.load(bias + d, d < channels, 0.0).to(DTYPE)[None, :]
    positive = raw
    if SOFTPLUS:
        positive = _softplus(raw)
    interval = rows.to(DTYPE) * 0.0 + 1.0
    if HAS_INTERVALS:
        interval = tl.load(intervals + b * length + rows, valid, 0.0).to(DTYPE)
    return raw, positive, interval, tl.where(mask, positive * interval[:, None], 0.0)


@triton.jit
def _forward(
    u, delta, A, B, C, D, z, bias, intervals, lengths, initial, y, last, starts, length, channels, modes,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_INTERVALS: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, HAS_STATE: tl.constexpr, SAVE: tl.constexpr, SOFTPLUS: tl.constexpr,
    ZOH: tl.constexpr, DTYPE: tl.constexpr, TERMS: tl.constexpr, T: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):  # fmt: skip
    b = tl.program_id(0).to(tl.int64)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    n = tl.arange(0, BLOCK_N)
    t = tl.arange(0, T)
    in_d, in_n = d < channels, n < modes
    in_dn = in_d[:, None] & in_n[None, :]
    dn = d[:, None] * modes + n[None, :]
    modes_tile = tl.load(A + dn, in_dn, 0.0).to(DTYPE)
    state = tl.zeros((BLOCK_D, BLOCK_N), DTYPE)
    if HAS_STATE:
        state += tl.load(initial + b * channels * modes + dn, in_dn, 0.0).to(DTYPE)
    end = length
    if HAS_LENGTHS:
        end = tl.minimum(tl.load(lengths + b).to(tl.int32), length)
    chunks = (length + T - 1) // T
    for chunk in range(chunks):
        rows = chunk * T + t
        valid = rows < end
        mask = valid[:, None] & in_d[None, :]
        td = (b * length + rows)[:, None] * channels + d[None, :]
        tn = (b * length + rows)[:, None] * modes + n[None, :]
        if SAVE:
            tl.store(starts + (b * chunks + chunk) * channels * modes + dn, state, in_dn)
        _, _, _, step = _step(
            delta, bias, intervals, b, rows, valid, d, length, channels,
            SOFTPLUS, HAS_BIAS, HAS_INTERVALS, DTYPE,
        )  # fmt: skip
        u_t = tl.load(u + td, mask, 0.0).to(DTYPE)
        B_t = tl.load(B + tn, valid[:, None] & in_n[None, :], 0.0).to(DTYPE)
        C_t = tl.load(C + tn, valid[:, None] & in_n[None, :], 0.0).to(DTYPE)
        exponent = step[:, :, None] * modes_tile[None, :, :]
        decay = tl.exp(exponent)
        if ZOH:
            weight = step[:, :, None] * _phi1(exponent, decay, TERMS, DTYPE)
            taken_up = weight * u_t[:, :, None] * B_t[:, None, :]
        else:
            taken_up = (step * u_t)[:, :, None] * B_t[:, None, :]
        product, total = tl.associative_scan((decay, taken_up), 0, _compose)
        states = product * state[None, :, :] + total
        out = tl.sum(states * C_t[:, None, :], 2)
        if HAS_D:
            out += tl.load(D + d, in_d, 0.0).to(DTYPE)[None, :] * u_t
        if HAS_Z:
            z_t = tl.load(z + td, mask, 0.0).to(DTYPE)
            out *= z_t / (1.0 + tl.exp(-z_t))
        tl.store(y + td, tl.where(mask, out, 0.0), (rows < length)[:, None] & in_d[None, :])
        state = tl.sum(tl.where((t == T - 1)[:, None, None], states, 0.0), 0)
    tl.store(last + b * channels * modes + dn, state, in_dn)


@triton.jit
def _backward(
    grad_y, grad_last, starts, u, delta, A, B, C, D, z, bias, intervals, lengths,
    grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_z, grad_bias, grad_state, grad_intervals,
    length, channels, modes,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_INTERVALS: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, SOFTPLUS: tl.constexpr, ZOH: tl.constexpr, DTYPE: tl.constexpr,
    TERMS: tl.constexpr, T: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    b = tl.program_id(0).to(tl.int64)
    tile = tl.program_id(1)
    d = tile * BLOCK_D + tl.arange(0, BLOCK_D)
    n = tl.arange(0, BLOCK_N)
    t = tl.arange(0, T)
    in_d, in_n = d < channels, n < modes
    in_dn = in_d[:, None] & in_n[None, :]
    dn = d[:, None] * modes + n[None, :]
    modes_tile = tl.load(A + dn, in_dn, 0.0).to(DTYPE)
    through = tl.zeros((BLOCK_D,), DTYPE)
    if HAS_D:
        through += tl.load(D + d, in_d, 0.0).to(DTYPE)
    end = length
    if HAS_LENGTHS:
        end = tl.minimum(tl.load(lengths + b).to(tl.int32), length)
    # Adjoint of the state after the chunk at hand, and the decay that leads into the chunk's first state.
    adjoint = tl.load(grad_last + b * channels * modes + dn, in_dn, 0.0).to(DTYPE)
    first_decay = tl.zeros((BLOCK_D, BLOCK_N), DTYPE) + 1.0
    sum_A = tl.zeros((BLOCK_D, BLOCK_N), DTYPE)
    sum_D = tl.zeros((BLOCK_D,), DTYPE)
    sum_bias = tl.zeros((BLOCK_D,), DTYPE)
    chunks = (length + T - 1) // T
    for i in range(chunks):
        chunk = chunks - 1 - i
        rows = chunk * T + t
        valid = rows < end
        mask = valid[:, None] & in_d[None, :]
        store = (rows < length)[:, None] & in_d[None, :]
        td = (b * length + rows)[:, None] * channels + d[None, :]
        tn = (b * length + rows)[:, None] * modes + n[None, :]
        raw, positive, interval, step = _step(
            delta, bias, intervals, b, rows, valid, d, length, channels,
            SOFTPLUS, HAS_BIAS, HAS_INTERVALS, DTYPE,
        )  # fmt: skip
        _, _, _, next_step = _step(
            delta, bias, intervals, b, rows + 1, rows + 1 < end, d, length, channels,
            SOFTPLUS, HAS_BIAS, HAS_INTERVALS, DTYPE,
        )  # fmt: skip
        u_t = tl.load(u + td, mask, 0.0).to(DTYPE)
        B_t = tl.load(B + tn, valid[:, None] & in_n[None, :], 0.0).to(DTYPE)
        C_t = tl.load(C + tn, valid[:, None] & in_n[None, :], 0.0).to(DTYPE)
        exponent = step[:, :, None] * modes_tile[None, :, :]
        decay = tl.exp(exponent)
        if ZOH:
            phi1 = _phi1(exponent, decay, TERMS, DTYPE)
            weight = step[:, :, None] * phi1
            taken_up = weight * u_t[:, :, None] * B_t[:, None, :]
        else:
            taken_up = (step * u_t)[:, :, None] * B_t[:, None, :]
        start = tl.load(starts + (b * chunks + chunk) * channels * modes + dn, in_dn, 0.0)
        product, total = tl.associative_scan((decay, taken_up), 0, _compose)
        states = product * start[None, :, :] + total

        out = tl.load(grad_y + td, mask, 0.0).to(DTYPE)
        if HAS_Z:
            z_t = tl.load(z + td, mask, 0.0).to(DTYPE)
            sigmoid = 1.0 / (1.0 + tl.exp(-z_t))
            ungated = tl.sum(states * C_t[:, None, :], 2) + through[None, :] * u_t
            slope = sigmoid * (1.0 + z_t * (1.0 - sigmoid))
            tl.store(grad_z + td, out * ungated * slope, store)
            out *= z_t * sigmoid
        if HAS_D:
            sum_D += tl.sum(out * u_t, 0)

        next_decay = tl.exp(next_step[:, :, None] * modes_tile[None, :, :])
        read = out[:, :, None] * C_t[:, None, :]
        product, total = tl.associative_scan((next_decay, read), 0, _compose, reverse=True)
        adjoints = product * adjoint[None, :, :] + total
        adjoint = tl.sum(tl.where((t == 0)[:, None, None], adjoints, 0.0), 0)
        first_decay = tl.sum(tl.where((t == 0)[:, None, None], decay, 0.0), 0)

        partial = ((b * tl.num_programs(1) + tile) * length + rows)[:, None] * modes + n[None, :]
        store_n = (rows < length)[:, None] & in_n[None, :]
        tl.store(grad_C + partial, tl.sum(states * out[:, :, None], 1), store_n)
        # What the state kept of its predecessor: decay times it, without a shift along time.
        kept = adjoints * (states - taken_up)
        grad_step = tl.sum(kept * modes_tile[None, :, :], 2)
        sum_A += tl.sum(kept * step[:, :, None], 0)
        if ZOH:
            weighted = adjoints * weight
            tl.store(grad_B + partial, tl.sum(weighted * u_t[:, :, None], 1), store_n)
            to_u = tl.sum(weighted * B_t[:, None, :], 2)
            held = adjoints * u_t[:, :, None] * B_t[:, None, :]
            grad_step += tl.sum(held * decay, 2)
            slope = (step * step)[:, :, None] * _phi1_slope(exponent, decay, phi1, TERMS, DTYPE)
            sum_A += tl.sum(held * slope, 0)
        else:
            tl.store(grad_B + partial, tl.sum(adjoints * (step * u_t)[:, :, None], 1), store_n)
            summed = tl.sum(adjoints * B_t[:, None, :], 2)
            to_u = summed * step
            grad_step += summed * u_t
        tl.store(grad_u + td, to_u + through[None, :] * out, store)
        grad_step = tl.where(mask, grad_step, 0.0)
        if HAS_INTERVALS:
            where = (b * tl.num_programs(1) + tile) * length + rows
            tl.store(grad_intervals + where, tl.sum(grad_step * positive, 1), rows < length)
            grad_step *= interval[:, None]
        if SOFTPLUS:
            grad_step *= 1.0 / (1.0 + tl.exp(-raw))
        if HAS_BIAS:
            sum_bias += tl.sum(grad_step, 0)
        tl.store(grad_delta + td, grad_step, store)
    tl.store(grad_A + b * channels * modes + dn, sum_A, in_dn)
    tl.store(grad_state + b * channels * modes + dn, first_decay * adjoint, in_dn)
    if HAS_D:
        tl.store(grad_D + b * channels + d, sum_D, in_d)
    if HAS_BIAS:
        tl.store(grad_bias + b * channels + d, sum_bias, in_d)
