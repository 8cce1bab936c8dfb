"""The state-space dual recurrence as a loop over time: the specification of scan and step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels._check import valid_positions
from ssmts_kernels.hold import phi1
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
    batch, length, heads, head_dim = x.shape
    group = heads // B.shape[2]
    signal, A = x.to(dtype), A.to(dtype)
    B, C = (value.to(dtype).repeat_interleave(group, 2) for value in (B, C))
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias
    if delta_softplus:
        step = softplus(step)
    if intervals is not None:
        step = step * intervals[..., None]
    if lengths is not None:
        valid = valid_positions(lengths, length)[..., None]
        # A step of 0 leaves the state where the last valid observation put it.
        step = torch.where(valid, step, 0)
        signal, B, C = (torch.where(valid[..., None], value, 0) for value in (signal, B, C))
    exponent = step * A
    decay = torch.exp(exponent)
    weight = step * phi1(exponent) if hold == "zoh" else step
    taken_up = weight[..., None] * signal
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
    if z is not None:
        y = y * silu(z.to(dtype))
    if lengths is not None:
        y = torch.where(valid[..., None], y, 0)
    return y.to(x.dtype), state
