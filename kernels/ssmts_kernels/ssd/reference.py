"""The state-space dual recurrence as a loop over time: the specification of scan and step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels.hold import phi1
from ssmts_kernels.padding import valid_positions
from ssmts_kernels.selective_scan.reference import state_dtype


def ssd(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_softplus: bool,
    initial_state: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    hold: str,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state; the caller has checked the arguments."""
    dtype = state_dtype(x, A)
    if lengths is not None:
        valid = valid_positions(lengths, x.shape[1])[..., None]
        # Before any product: 0 times the gradient of one that holds a nan is a nan.
        delta = torch.where(valid, delta, 0)
        z = None if z is None else torch.where(valid[..., None], z, 0)
        intervals = None if intervals is None else torch.where(valid[..., 0], intervals, 0)
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias
    if delta_softplus:
        step = softplus(step)
    if intervals is not None:
        step = step * intervals[..., None]
    exponent = step * A.to(dtype)
    gain = step * phi1(exponent) if hold == "zoh" else step
    y, state = ssd_uncoupled(x, exponent, gain, B, C, D, initial_state, lengths)
    if z is not None:
        y = y.to(dtype) * silu(z.to(dtype))
    if lengths is not None:
        y = torch.where(valid[..., None], y, 0)
    return y.to(x.dtype), state


def ssd_uncoupled(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return y, in the states' dtype, and the last state."""
    dtype = state_dtype(x, exponent)
    batch, length, heads, head_dim = x.shape
    signal, exponent, gain = x.to(dtype), exponent.to(dtype), gain.to(dtype)
    B, C = (value.to(dtype).repeat_interleave(heads // B.shape[2], 2) for value in (B, C))
    if lengths is not None:
        valid = valid_positions(lengths, length)[..., None]
        # Neither decay nor input leaves the state where the last valid observation put it.
        exponent, gain = torch.where(valid, exponent, 0), torch.where(valid, gain, 0)
        signal, B, C = (torch.where(valid[..., None], value, 0) for value in (signal, B, C))
    decay, taken_up = torch.exp(exponent), gain[..., None] * signal
    state = signal.new_zeros(batch, heads, head_dim, B.shape[-1])
    if initial_state is not None:
        state = initial_state.to(dtype)
    outputs = []
    for k in range(length):
        state = decay[:, k, :, None, None] * state + taken_up[:, k, ..., None] * B[:, k, :, None]
        outputs.append((state * C[:, k, :, None]).sum(-1))
    y = torch.stack(outputs, 1) if outputs else signal.clone()
    if D is not None:
        y = y + D[:, None] * signal
    return y, state
