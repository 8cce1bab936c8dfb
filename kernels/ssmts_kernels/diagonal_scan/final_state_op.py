"""The last state alone as a torch operator; its gradients are those of the scan."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.diagonal_scan import final_state
from ssmts_kernels.precision import without_autocast

_PACKAGE = __package__


@torch.library.custom_op("ssmts::diagonal_final_state", mutates_args=())
@without_autocast
def diagonal_final_state(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    backend: str,
) -> Tensor:
    """Return the last state; GEMMs on any device, so there is one implementation."""
    return final_state.forward(u, intervals, A, B, state, previous, hold)


@diagonal_final_state.register_fake
def _(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    backend: str,
) -> Tensor:
    return state.new_empty(state.shape)


@torch.library.custom_op("ssmts::diagonal_final_state_backward", mutates_args=())
@without_autocast
def diagonal_final_state_backward(
    grad: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, intervals, A, B, state and previous."""
    module = implementation(_PACKAGE, backend, u.device)
    nothing, silent = torch.zeros_like(A), torch.zeros_like(u)
    _, _, kept = module.forward(u, intervals, A, B, nothing, state, previous, hold)
    grads = module.backward(silent, grad, kept, u, intervals, A, B, nothing, previous, hold, with_intervals)
    of_u, of_intervals, of_A, of_B, _, of_state, of_previous = grads
    return of_u, of_intervals, of_A, of_B, of_state, of_previous


@diagonal_final_state_backward.register_fake
def _(
    grad: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    a, b, c, d, e, f = (value.new_empty(value.shape) for value in (u, intervals, A, B, state, previous))
    return a, b, c, d, e, f


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.hold, ctx.backend = inputs
    ctx.with_intervals = tensors[1].requires_grad
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    grads = diagonal_final_state_backward(
        materialised(grad), *ctx.saved_tensors, ctx.hold, ctx.with_intervals, ctx.backend
    )
    return *grads, None, None


diagonal_final_state.register_autograd(_backward, setup_context=_save)
refuse_second_derivative(diagonal_final_state_backward, "diagonal_final_state")
