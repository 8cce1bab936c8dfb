"""The dual recurrence as the recurrence it is: a head's state stays in the first-level cache.

A task is one row and one head, P in the lanes of vectors. A step costs three multiply-adds an element of the
state, as many as the chunked matrix products, and none of their masks, exponentials and transpositions.
"""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ssmts_kernels._parallel import spread
from ssmts_kernels._simd import BYTES
from ssmts_kernels.ssd.loops import backward_loop, forward_loop

CHUNK = 16


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
    dtype, head_dim = exponent.dtype, x.shape[-1]
    batch, _, heads, modes, width = checkpoints(x, B)
    layout = _layout(x, B, dtype)
    states = exponent.new_zeros(batch, heads, modes, width)
    if initial_state is not None:
        states[..., :head_dim] = initial_state.mT
    starts = states.new_empty(checkpoints(x, B) if save else (0,))
    signal = _filled(x.to(dtype))
    y = torch.empty_like(signal)
    tensors = signal, exponent.exp(), gain, B.to(dtype), C.to(dtype), states, starts, y
    spread(forward_loop, batch * heads, layout, *map(_flat, tensors), CHUNK, save)
    y = y[..., :head_dim]
    if D is not None:
        y.addcmul_(signal[..., :head_dim], D.to(dtype)[:, None])
    last_state = states[..., :head_dim].mT.contiguous()
    return y.to(x.dtype).contiguous(), last_state, starts


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
    dtype, head_dim = exponent.dtype, x.shape[-1]
    batch, length, heads, _ = x.shape
    groups, modes = B.shape[2:]
    signal, outer = _filled(x.to(dtype)), _filled(grad_y.to(dtype))
    adjoint = _filled(grad_last.to(dtype).mT).clone()
    grad_x = torch.empty_like(signal)
    grad_exponent, grad_gain = (exponent.new_empty(exponent.shape) for _ in range(2))
    # The sum over a group's heads is left to torch, so that its order is fixed.
    grad_B, grad_C = (exponent.new_empty(batch, length, groups, heads // groups, modes) for _ in range(2))
    tensors = (
        signal, exponent.exp(), gain, B.to(dtype), C.to(dtype), starts, outer, adjoint,
        grad_x, grad_exponent, grad_gain, grad_B, grad_C,
    )  # fmt: skip
    spread(backward_loop, batch * heads, _layout(x, B, dtype), *map(_flat, tensors), CHUNK)
    grad_x = grad_x[..., :head_dim]
    grad_D = x.new_empty(0, dtype=dtype)
    if D is not None:
        grad_D = (grad_y.to(dtype) * x).sum((0, 1, 3))
        grad_x = torch.addcmul(grad_x, grad_y.to(dtype), D.to(dtype)[:, None])
    grad_state = adjoint[..., :head_dim].mT.contiguous()
    return grad_x.contiguous(), grad_exponent, grad_gain, grad_B.sum(3), grad_C.sum(3), grad_D, grad_state


def checkpoints(x: Tensor, B: Tensor) -> tuple[int, ...]:
    """Return the shape of the saved states, P of any dtype filled up to whole vectors."""
    batch, length, heads, head_dim = x.shape
    lanes = BYTES // 4
    return batch, -(-length // CHUNK), heads, B.shape[-1], -(-head_dim // lanes) * lanes


def _layout(x: Tensor, B: Tensor, dtype: torch.dtype) -> tuple[int, ...]:
    batch, _, heads, modes, width = checkpoints(x, B)
    return batch, x.shape[1], heads, B.shape[2], modes, width, BYTES // dtype.itemsize


def _filled(value: Tensor) -> Tensor:
    """Fill the last axis up to whole vectors."""
    return pad(value, (0, -value.shape[-1] % (BYTES // 4))).contiguous()


def _flat(value: Tensor) -> NDArray:  # type: ignore[type-arg]
    return value.detach().contiguous().view(-1).numpy()
