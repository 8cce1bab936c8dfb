"""The dual form in matrix products, chunk after chunk, with a backward that recomputes them.

Within a chunk of Q steps the outputs are a masked (Q, Q) product; between chunks a state is handed on. It
lies as (rows, G, N, R, P), R heads to a group, so that one product serves all heads of a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ssmts_kernels.ssd.decays import CHUNK, checkpoints, cumulative, decay_matrix

# Elements of the (rows, H, Q, Q) arrays, about: a few of them stay within the second-level caches.
_BLOCK = 1 << 18


class _Chunk(NamedTuple):
    """One chunk of some rows, and what follows from its decays."""

    rows: slice
    time: slice
    x: Tensor  # (rows, Q, G, R, P)
    gain: Tensor  # (rows, Q, G, R, 1)
    B: Tensor  # (rows, G, Q, N)
    C: Tensor
    since_start: Tensor  # decay from the chunk's start to each step, (rows, Q, G, R, 1)
    to_end: Tensor  # decay from each step to the chunk's end, (rows, Q, G, R, 1)
    whole: Tensor  # decay over the chunk, (rows, G, 1, R, 1)
    decay: Tensor  # (rows, G, R, Q, Q), lower triangular
    scores: Tensor  # decay times C_i . B_j


def forward(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state (batch, H, P, N) and, if `save`, the states at the start of each chunk."""
    state = _inward(initial_state, x, B, exponent.dtype)
    starts = state.new_empty(checkpoints(x, B) if save else (0,))
    y = torch.empty_like(x, dtype=state.dtype, memory_format=torch.contiguous_format)
    y_grouped = _grouped(y, B)
    for c in _chunks(x, exponent, gain, B, C):
        r, t = c.rows, c.time
        if save:
            starts[r, t.start // CHUNK] = state[r]
        taken_up = c.x * c.gain
        carried = _heads(c.C @ state[r].flatten(-2), c.x).mul_(c.since_start)
        torch.add(_natural(c.scores @ _headwise(taken_up)), carried, out=y_grouped[r, t])
        added = c.B.mT @ _products(taken_up.mul_(c.to_end))
        state[r] = state[r].mul_(c.whole).add_(added.view_as(state[r]))
    if D is not None:
        y.addcmul_(x.to(y.dtype), D.to(y.dtype)[:, None])
    return y.to(x.dtype), _outward(state), starts


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    starts: Tensor,
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return the gradients of x, exponent, gain, B, C, D and initial_state.

    They have the states' dtype; D's is empty if it is None.
    """
    dtype = exponent.dtype
    grad_y = grad_y.to(dtype)
    adjoint = _inward(grad_last, x, B, dtype)
    grad_x = torch.empty_like(x, dtype=dtype, memory_format=torch.contiguous_format)
    grad_exponent, grad_gain = (
        torch.empty_like(v, memory_format=torch.contiguous_format) for v in (exponent, gain)
    )
    grad_B, grad_C = (torch.empty_like(v, dtype=dtype, memory_format=torch.contiguous_format) for v in (B, C))
    gy_grouped, gx_grouped, ge_grouped, gg_grouped = (
        _grouped(v, B) for v in (grad_y, grad_x, grad_exponent, grad_gain)
    )
    for c in _chunks(x, exponent, gain, B, C, reverse=True):
        r, t = c.rows, c.time
        start, end = starts[r, t.start // CHUNK], adjoint[r]
        taken_up = c.x * c.gain
        gy = gy_grouped[r, t]
        gy_heads = _headwise(gy).contiguous()  # read twice

        grad_scores = gy_heads @ _headwise(taken_up).mT
        flow = grad_scores * c.scores
        flow.diagonal(
            dim1=-2, dim2=-1
        ).zero_()  # a step's own term would cancel below, and leave its rounding
        grad_pairs = grad_scores.mul_(c.decay).sum(2)

        from_start = gy * c.since_start
        carried = (_heads(c.C @ start.flatten(-2), c.x) * from_start).sum(-1)
        grad_C[r, t] = (_products(from_start) @ start.flatten(-2).mT + grad_pairs @ c.B).transpose(1, 2)

        into_end = _heads(c.B @ end.flatten(-2), c.x).mul_(c.to_end)
        kept = (into_end * taken_up).sum(-1)
        grad_taken_up = _natural(c.scores.mT @ gy_heads) + into_end
        grad_B[r, t] = (
            _products(taken_up.mul_(c.to_end)) @ end.flatten(-2).mT + grad_pairs.mT @ c.C
        ).transpose(1, 2)

        # Exponent k scales every path that crosses it: from steps j < k to i >= k, from the start to steps
        # i >= k, from steps j < k to the end, and from start to end. Only the first sum cancels anything.
        crossing = (flow.sum(-1) - flow.sum(-2)).permute(0, 3, 1, 2) + carried
        through = (start * end).sum((2, 4))[:, None] * c.whole[:, None, :, 0, :, 0]
        ge_grouped[r, t] = crossing.flip(1).cumsum(1).flip(1) + (kept.cumsum(1) - kept) + through

        torch.sum(grad_taken_up * c.x, -1, out=gg_grouped[r, t])
        torch.mul(grad_taken_up, c.gain, out=gx_grouped[r, t])
        added = (c.C.mT @ _products(from_start)).view_as(end)
        adjoint[r] = end.mul_(c.whole).add_(added)
    grad_D = x.new_empty(0)
    if D is not None:
        grad_D = (grad_y * x).sum((0, 1, 3))
        grad_x.addcmul_(grad_y, D.to(dtype)[:, None])
    return grad_x, grad_exponent, grad_gain, grad_B, grad_C, grad_D, _outward(adjoint)


def _chunks(
    x: Tensor, exponent: Tensor, gain: Tensor, B: Tensor, C: Tensor, reverse: bool = False
) -> Iterator[_Chunk]:
    dtype = exponent.dtype
    batch, length, heads, _ = x.shape
    high, low = (_grouped(v, B) for v in cumulative(exponent))
    x, gain = _grouped(x, B), _grouped(gain, B)
    size = max(1, _BLOCK // max(1, heads * min(CHUNK, length) ** 2))
    starts = range(0, length, CHUNK)
    for row in range(0, batch, size):
        r = slice(row, row + size)
        for k in reversed(starts) if reverse else starts:
            t = slice(k, min(k + CHUNK, length))
            hi, lo = high[r, t], low[r, t]
            B_t, C_t = (v[r, t].to(dtype).transpose(1, 2) for v in (B, C))
            decay = decay_matrix(hi.permute(0, 2, 3, 1), lo.permute(0, 2, 3, 1))
            to_end = torch.exp((hi[:, -1:] - hi).add_(lo[:, -1:] - lo).clamp_(max=0))
            since_start = torch.exp(hi)
            yield _Chunk(
                r, t, x[r, t].to(dtype), gain[r, t, ..., None], B_t, C_t, since_start[..., None],
                to_end[..., None], since_start[:, -1, :, None, :, None], decay,
                decay * (C_t @ B_t.mT)[:, :, None],
            )  # fmt: skip


def _grouped(value: Tensor, B: Tensor) -> Tensor:
    """Split (batch, length, H, ...) into (batch, length, G, R, ...)."""
    groups = B.shape[2]
    return value.view(*value.shape[:2], groups, value.shape[2] // groups, *value.shape[3:])


def _headwise(value: Tensor) -> Tensor:
    """(rows, Q, G, R, P) -> (rows, G, R, Q, P)."""
    return value.permute(0, 2, 3, 1, 4)


def _natural(value: Tensor) -> Tensor:
    """(rows, G, R, Q, P) -> (rows, Q, G, R, P)."""
    return value.permute(0, 3, 1, 2, 4)


def _products(value: Tensor) -> Tensor:
    """(rows, Q, G, R, P) -> (rows, G, Q, R P)."""
    return value.flatten(-2).transpose(1, 2)


def _heads(value: Tensor, like: Tensor) -> Tensor:
    """(rows, G, Q, R P) -> (rows, Q, G, R, P), a view."""
    return value.view(*value.shape[:-1], *like.shape[-2:]).transpose(1, 2)


def _inward(state: Tensor | None, x: Tensor, B: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, H, P, N) -> a new (batch, G, N, R, P), zeros for None."""
    batch, _, *shape = checkpoints(x, B)
    if state is None:
        return x.new_zeros(batch, *shape, dtype=dtype)
    groups, _, heads, _ = shape
    split = state.to(dtype).view(batch, groups, heads, *state.shape[2:])
    return split.permute(0, 1, 4, 2, 3).clone(memory_format=torch.contiguous_format)


def _outward(state: Tensor) -> Tensor:
    """(batch, G, N, R, P) -> a new (batch, H, P, N)."""
    return state.permute(0, 1, 3, 4, 2).flatten(1, 2).clone(memory_format=torch.contiguous_format)
