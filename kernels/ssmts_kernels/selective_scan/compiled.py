"""The selective recurrence as a compiled loop: states in cache, decays recomputed where they are needed.

A task is one row of the batch and a tile of channels, the channels in the lanes of vectors. Nothing depends
on how tasks are spread over threads.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ssmts_kernels._parallel import spread
from ssmts_kernels._simd import BYTES
from ssmts_kernels.selective_scan.gates import finish, gate_gradient, prepare, step_gradient, ungate
from ssmts_kernels.selective_scan.loops import backward_loop, forward_loop
from ssmts_kernels.selective_scan.reference import state_dtype

CHUNK = 32


class _Layout(NamedTuple):
    """Sizes of a call; channels are filled up to whole vectors, and a tile is some of them."""

    batch: int
    length: int
    channels: int
    modes: int
    lanes: int
    tile: int

    @property
    def tasks(self) -> int:
        """Rows times tiles."""
        return self.batch * (self.channels // self.tile)


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
    """Return y, the last state (batch, D, N) and, if `save`, the states at the start of each chunk."""
    dtype = state_dtype(u, A)
    inputs = prepare(u, delta, B, C, z, delta_bias, intervals, lengths, delta_softplus, dtype)
    layout, channels = _layout(u, A, dtype), u.shape[2]
    states = u.new_zeros(layout.batch, layout.modes, layout.channels, dtype=dtype)
    if initial_state is not None:
        states[..., :channels] = initial_state.transpose(1, 2)
    y = states.new_empty(layout.batch, layout.length, layout.channels)
    starts = states.new_empty(
        checkpoints(layout.batch, layout.length, channels, layout.modes) if save else (0,)
    )
    tensors = _filled(inputs.step), _filled(inputs.u), inputs.B, inputs.C, _filled(A.to(dtype).t()), states
    spread(forward_loop, layout.tasks, layout, *map(_flat, (*tensors, starts, y)), CHUNK, zoh, save)
    last_state = states[..., :channels].transpose(1, 2).contiguous()
    return finish(y[..., :channels].contiguous(), inputs, D).to(u.dtype), last_state, starts


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
    dtype = state_dtype(u, A)
    inputs = prepare(u, delta, B, C, z, delta_bias, intervals, lengths, delta_softplus, dtype)
    layout, channels = _layout(u, A, dtype), u.shape[2]
    grad_y = grad_y.to(dtype)
    inner = ungate(grad_y, inputs)
    adjoint = _filled(grad_last.to(dtype).transpose(1, 2)).clone()
    step, signal, outer = _filled(inputs.step), _filled(inputs.u), _filled(inner)
    grad_u, grad_step, y = (torch.empty_like(step) for _ in range(3))
    # Sums over rows and tiles are left to torch, so that their order is fixed.
    tiles = layout.channels // layout.tile
    grad_A = torch.zeros_like(adjoint)
    grad_B, grad_C = (inputs.B.new_empty(tiles, *B.shape) for _ in range(2))
    tensors = (
        step, signal, inputs.B, inputs.C, _filled(A.to(dtype).t()), starts, outer, adjoint,
        grad_u, grad_step, grad_A, grad_B, grad_C, y,
    )  # fmt: skip
    spread(backward_loop, layout.tasks, layout, *map(_flat, tensors), CHUNK, zoh)
    grad_u, grad_step, y = (value[..., :channels] for value in (grad_u, grad_step, y))
    grad_z = gate_gradient(grad_y, y, inputs, D) if z is not None else u.new_empty(0)
    grad_D = u.new_empty(0)
    if D is not None:
        grad_D = (inner * inputs.u).sum((0, 1))
        grad_u = torch.addcmul(grad_u, inner, D.to(dtype))
    grad_raw, grad_intervals = step_gradient(grad_step, inputs, delta_softplus)
    grad_bias = grad_raw.sum((0, 1)) if delta_bias is not None else u.new_empty(0)
    grad_state = adjoint[..., :channels].transpose(1, 2)
    return (
        grad_u.contiguous(), grad_raw.contiguous(), grad_A.sum(0)[:, :channels].t(), grad_B.sum(0),
        grad_C.sum(0), grad_D, grad_z, grad_bias, grad_state, grad_intervals,
    )  # fmt: skip


def checkpoints(batch: int, length: int, channels: int, modes: int) -> tuple[int, ...]:
    """Return the shape of the saved states, the channels of any dtype filled up to whole vectors."""
    lanes = BYTES // 4
    return batch, -(-length // CHUNK), modes, -(-channels // lanes) * lanes


def _layout(u: Tensor, A: Tensor, dtype: torch.dtype) -> _Layout:
    batch, length, channels = u.shape
    *_, modes, channels = checkpoints(batch, length, channels, A.shape[1])
    lanes = BYTES // dtype.itemsize
    # Wide tiles share the sums of B's and C's gradients, narrow ones the caches and the threads.
    vectors = channels // lanes
    width = next(
        w for w in (4, 2, 1) if w == 1 or (vectors % w == 0 and w * modes <= 64 and batch * vectors >= 8 * w)
    )
    return _Layout(batch, length, channels, modes, lanes, width * lanes)


def _filled(value: Tensor) -> Tensor:
    """Fill the channels up to whole vectors."""
    channels = value.shape[-1]
    return pad(value, (0, -channels % (BYTES // 4))).contiguous()


def _flat(value: Tensor) -> NDArray:  # type: ignore[type-arg]
    return value.detach().contiguous().view(-1).numpy()
