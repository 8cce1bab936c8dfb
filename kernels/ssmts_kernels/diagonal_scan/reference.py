"""The diagonal recurrence as a loop over time: the specification of scan, final state and step."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels._check import real_dtype
from ssmts_kernels.hold import hold_weights
from ssmts_kernels.padding import valid_positions


def diagonal_step(
    state: Tensor, previous_input: Tensor, u: Tensor, interval: Tensor, A: Tensor, B: Tensor, hold: str
) -> Tensor:
    """Move the (batch, D, N) state over one interval of each row."""
    A_bar, weight_previous, weight_current = hold_weights(A, interval[:, None, None], hold)
    taken_up = weight_previous * previous_input[..., None] + weight_current * u[..., None]
    return A_bar.to(state.dtype) * state + B * taken_up


def diagonal_scan(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta: Tensor | None,
    hold: str,
    initial_state: Tensor | None,
    initial_input: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state; the caller has checked the arguments."""
    dtype = state_dtype(u, A)
    batch, length, channels = u.shape
    signal = u.to(real_dtype(dtype))
    if lengths is not None:
        valid = valid_positions(lengths, length)
        # An interval of 0 with an input of 0 leaves the state where the last valid observation put it.
        signal = torch.where(valid[..., None], signal, 0)
        intervals = torch.where(valid, intervals, 0)
    A, B, C = A.to(dtype), B.to(dtype), C.to(dtype)
    if delta is not None:
        A, B = A * delta[:, None], B * delta[:, None]
    state = torch.zeros(batch, channels, A.shape[-1], dtype=dtype, device=u.device)
    if initial_state is not None:
        state = initial_state.to(dtype)
    previous = signal.new_zeros(batch, channels) if initial_input is None else initial_input.to(signal.dtype)
    outputs = []
    for k in range(length):
        state = diagonal_step(state, previous, signal[:, k], intervals[:, k], A, B, hold)
        previous = signal[:, k]
        outputs.append(read_out(state, C))
    y = torch.stack(outputs, 1) if outputs else torch.zeros_like(signal)
    if D is not None:
        y = y + D * signal
    if lengths is not None:
        y = torch.where(valid[..., None], y, 0)
    return y.to(u.dtype), state


def diagonal_final_state(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    delta: Tensor | None,
    hold: str,
    initial_state: Tensor | None,
    initial_input: Tensor | None,
    lengths: Tensor | None,
) -> Tensor:
    """Return the last state of `diagonal_scan`."""
    return diagonal_scan(u, intervals, A, B, B, None, delta, hold, initial_state, initial_input, lengths)[1]


def read_out(state: Tensor, C: Tensor) -> Tensor:
    """Sum C x over the modes; a complex mode stands for itself and its conjugate."""
    y = (C * state).sum(-1)
    return 2 * y.real if y.is_complex() else y


def state_dtype(u: Tensor, A: Tensor) -> torch.dtype:
    """Return A's dtype, widened to double where u is double."""
    return torch.promote_types(A.dtype, torch.promote_types(u.dtype, torch.float32))
