"""The selective recurrence as a loop over time: the specification of scan and step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels.hold import phi1
from ssmts_kernels.padding import valid_positions

HOLDS = ("euler", "zoh")


def selective_scan(
    u: Tensor,
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
    dtype = state_dtype(u, A)
    if lengths is not None:
        valid = valid_positions(lengths, u.shape[1])[..., None]
        # Before any product: 0 times the gradient of one that holds a nan is a nan.
        u, delta, B, C = (torch.where(valid, value, 0) for value in (u, delta, B, C))
        z = None if z is None else torch.where(valid, z, 0)
        intervals = None if intervals is None else torch.where(valid[..., 0], intervals, 0)
    signal, A, B, C = u.to(dtype), A.to(dtype), B.to(dtype), C.to(dtype)
    step = delta.to(dtype)
    if delta_bias is not None:
        step = step + delta_bias
    if delta_softplus:
        step = softplus(step)
    if intervals is not None:
        step = step * intervals[..., None]
    if lengths is not None:
        # A step of 0 leaves the state where the last valid observation put it.
        step = torch.where(valid, step, 0)
    state = signal.new_zeros(u.shape[0], *A.shape) if initial_state is None else initial_state.to(dtype)
    outputs = []
    for k in range(u.shape[1]):
        exponent = step[:, k, :, None] * A
        weight = step[:, k, :, None] * (phi1(exponent) if hold == "zoh" else 1)
        state = torch.exp(exponent) * state + weight * signal[:, k, :, None] * B[:, k, None]
        outputs.append((state * C[:, k, None]).sum(-1))
    y = torch.stack(outputs, 1) if outputs else signal.clone()
    if D is not None:
        y = y + D * signal
    if z is not None:
        y = y * silu(z.to(dtype))
    if lengths is not None:
        y = torch.where(valid, y, 0)
    return y.to(u.dtype), state


def state_dtype(u: Tensor, A: Tensor) -> torch.dtype:
    """Return A's dtype, widened to double where u is double."""
    return torch.promote_types(A.dtype, torch.promote_types(u.dtype, torch.float32))
