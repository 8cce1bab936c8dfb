"""Softplus of the step, padding, feed-through and gate around the recurrence, with their gradients."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from ssmts_kernels.padding import valid_positions


class Prepared(NamedTuple):
    """The recurrence's inputs in the states' dtype, padding set to 0."""

    u: Tensor
    raw: Tensor
    delta: Tensor
    step: Tensor
    B: Tensor
    C: Tensor
    z: Tensor | None
    intervals: Tensor | None
    valid: Tensor | None


def prepare(
    u: Tensor,
    delta: Tensor,
    B: Tensor,
    C: Tensor,
    z: Tensor | None,
    delta_bias: Tensor | None,
    intervals: Tensor | None,
    lengths: Tensor | None,
    delta_softplus: bool,
    dtype: torch.dtype,
) -> Prepared:
    """Convert, mask, and turn delta (before bias and softplus: `raw`) into the step that the state makes."""
    valid = None if lengths is None else valid_positions(lengths, u.shape[1])[..., None]

    def clean(value: Tensor) -> Tensor:
        value = value.to(dtype)
        return value if valid is None else torch.where(valid, value, 0)

    raw = clean(delta)
    if delta_bias is not None:
        raw = raw + delta_bias.to(dtype)
    delta = softplus(raw) if delta_softplus else raw
    if intervals is not None:
        intervals = clean(intervals[..., None])
    step = delta if intervals is None else delta * intervals
    if valid is not None:
        step = torch.where(valid, step, 0)
    return Prepared(
        clean(u), raw, delta, step, clean(B), clean(C), None if z is None else clean(z), intervals, valid
    )


def finish(y: Tensor, inputs: Prepared, D: Tensor | None) -> Tensor:
    """Add the feed-through and apply the gate; y may be overwritten."""
    if D is not None:
        y = y.addcmul_(inputs.u, D.to(y.dtype))
    return y if inputs.z is None else y.mul_(silu(inputs.z))


def ungate(grad: Tensor, inputs: Prepared) -> Tensor:
    """Return the gradient of the gate's input."""
    if inputs.valid is not None:
        grad = torch.where(inputs.valid, grad, 0)
    return grad if inputs.z is None else grad * silu(inputs.z)


def gate_gradient(grad: Tensor, y: Tensor, inputs: Prepared, D: Tensor | None) -> Tensor:
    """Return the gradient of z, from the recurrence's own output y."""
    assert inputs.z is not None
    if inputs.valid is not None:
        grad = torch.where(inputs.valid, grad, 0)
    if D is not None:
        y = torch.addcmul(y, inputs.u, D.to(y.dtype))
    sigmoid = torch.sigmoid(inputs.z)
    return grad * y * (sigmoid * (1 + inputs.z * (1 - sigmoid)))


def step_gradient(grad: Tensor, inputs: Prepared, delta_softplus: bool) -> tuple[Tensor, Tensor]:
    """Return the gradients of the raw delta and of the intervals (empty without intervals)."""
    if inputs.valid is not None:
        grad = torch.where(inputs.valid, grad, 0)
    if inputs.intervals is None:
        grad_intervals = grad.new_empty(0)
    else:
        grad_intervals = (grad * inputs.delta).sum(-1)
        grad = grad * inputs.intervals
    # softplus is the identity above torch's threshold; its derivative rounds to 1 there.
    return grad * torch.sigmoid(inputs.raw) if delta_softplus else grad, grad_intervals


def nonzero(A: Tensor) -> Tensor:
    """Return A kept off 0, so that expm1(s A) / A has its limit, s, there."""
    return torch.where(A.abs() < 1e-18, -1e-18, A)
