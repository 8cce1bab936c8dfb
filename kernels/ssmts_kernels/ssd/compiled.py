"""The dual form as compiled loops: a head's state stays in the caches, P in the lanes of vectors.

A task is one row, one group and a part of its heads. Within a block of 16 steps the recurrence is products of
small matrices: two multiply-adds a step and element of the state forward and five backward, where the plain
recurrence needs three and eight and moves the state through memory each time.
"""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ssmts_kernels._parallel import spread
from ssmts_kernels._simd import BYTES
from ssmts_kernels.ssd.gradient import backward_loop
from ssmts_kernels.ssd.loops import CHUNK, forward_loop

_TASKS = 8
"""Heads of a group are divided until there are so many tasks, whatever the number of threads."""


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
    dtype, head_dim, n = exponent.dtype, x.shape[-1], B.shape[-1]
    batch, _, heads, modes, width = checkpoints(x, B)
    states = exponent.new_zeros(batch, heads, modes, width)
    if initial_state is not None:
        states[..., :n, :head_dim] = initial_state.mT
    starts = states.new_empty(checkpoints(x, B) if save else (0,))
    signal, *weights = (_filled(v, dtype) for v in (x, B, C))
    y = torch.empty_like(signal)
    tensors = signal, exponent.double().exp(), gain, *weights, _feed_through(D, exponent), states, starts, y
    layout = _layout(x, B)
    spread(forward_loop, _tasks(layout), layout, *map(_flat, tensors), save)
    last_state = states[..., :n, :head_dim].mT.contiguous()
    return y[..., :head_dim].to(x.dtype).contiguous(), last_state, starts


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
    dtype, head_dim, n = exponent.dtype, x.shape[-1], B.shape[-1]
    batch, _, heads, modes, width = checkpoints(x, B)
    layout = _layout(x, B)
    signal, outer, *weights = (_filled(v, dtype) for v in (x, grad_y, B, C))
    adjoint = exponent.new_zeros(batch, heads, modes, width)
    adjoint[..., :n, :head_dim] = grad_last.mT
    grad_x = torch.empty_like(signal)
    grad_exponent, grad_gain = (exponent.new_empty(exponent.shape) for _ in range(2))
    # The sum over the parts of a group is left to torch, so that its order is fixed.
    grad_B, grad_C = (value.new_empty(layout[-1], *value.shape) for value in weights)
    grad_D = exponent.new_zeros(batch, heads)
    tensors = (
        signal, exponent.double().exp(), gain, *weights, _feed_through(D, exponent), starts, outer, adjoint,
        grad_x, grad_exponent, grad_gain, grad_B, grad_C, grad_D,
    )  # fmt: skip
    spread(backward_loop, _tasks(layout), layout, *map(_flat, tensors))
    return (
        grad_x[..., :head_dim].contiguous(),
        grad_exponent,
        grad_gain,
        grad_B.sum(0)[..., :n].contiguous(),
        grad_C.sum(0)[..., :n].contiguous(),
        x.new_empty(0, dtype=dtype) if D is None else grad_D.sum(0),
        adjoint[..., :n, :head_dim].mT.contiguous(),
    )


def checkpoints(x: Tensor, B: Tensor) -> tuple[int, ...]:
    """Return the shape of the saved states, N and P filled up to multiples of a tile of any dtype."""
    batch, length, heads, head_dim = x.shape
    return batch, -(-length // CHUNK), heads, *(-(-n // _TILE) * _TILE for n in (B.shape[-1], head_dim))


_TILE = BYTES // 4


def _layout(x: Tensor, B: Tensor) -> tuple[int, ...]:
    batch, _, heads, modes, width = checkpoints(x, B)
    groups = B.shape[2]
    parts = min(heads // groups, max(1, _TASKS // max(1, batch * groups)))
    return batch, x.shape[1], heads, groups, modes, width, max(1, parts)


def _tasks(layout: tuple[int, ...]) -> int:
    batch, _, _, groups, _, _, parts = layout
    return batch * groups * parts


def _feed_through(D: Tensor | None, exponent: Tensor) -> Tensor:
    heads = exponent.shape[-1]
    return exponent.new_zeros(heads) if D is None else D.to(exponent.dtype)


def _filled(value: Tensor, dtype: torch.dtype) -> Tensor:
    """Fill the last axis up to whole tiles."""
    missing = -value.shape[-1] % _TILE
    value = value.to(dtype)
    return (pad(value, (0, missing)) if missing else value).contiguous()


def _flat(value: Tensor) -> NDArray:  # type: ignore[type-arg]
    return value.detach().contiguous().view(-1).numpy()
