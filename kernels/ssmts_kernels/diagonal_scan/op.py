"""The scan as a torch operator: what compile, export and autograd see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast

_PACKAGE = __package__


@torch.library.custom_op("ssmts::diagonal_scan", mutates_args=())
@without_autocast
def diagonal_scan(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state and the states that the backward pass starts from."""
    module = implementation(_PACKAGE, backend, u.device)
    result: tuple[Tensor, Tensor, Tensor] = module.forward(u, intervals, A, B, C, state, previous, hold)
    return result


@diagonal_scan.register_fake
def _(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    state: Tensor,
    previous: Tensor,
    hold: str,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    # How many states are kept depends on the intervals' values.
    kept = torch.library.get_ctx().new_dynamic_size()
    return u.new_empty(u.shape), state.new_empty(state.shape), state.new_empty(kept)


@torch.library.custom_op("ssmts::diagonal_scan_backward", mutates_args=())
@without_autocast
def diagonal_scan_backward(
    grad_y: Tensor,
    grad_last: Tensor,
    kept: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, intervals, A, B, C, state and previous."""
    module = implementation(_PACKAGE, backend, u.device)
    result: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor] = module.backward(
        grad_y, grad_last, kept, u, intervals, A, B, C, previous, hold, with_intervals
    )
    return result


@diagonal_scan_backward.register_fake
def _(
    grad_y: Tensor,
    grad_last: Tensor,
    kept: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    like = (u, intervals, A, B, C, grad_last, previous)
    a, b, c, d, e, f, g = (value.new_empty(value.shape) for value in like)
    return a, b, c, d, e, f, g


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    u, intervals, A, B, C, _, previous, ctx.hold, ctx.backend = inputs
    ctx.with_intervals = intervals.requires_grad
    ctx.save_for_backward(output[2], u, intervals, A, B, C, previous)


def _backward(ctx: Any, grad_y: Tensor, grad_last: Tensor, grad_kept: Tensor) -> tuple[Tensor | None, ...]:
    grads = diagonal_scan_backward(
        materialised(grad_y),
        materialised(grad_last),
        *ctx.saved_tensors,
        ctx.hold,
        ctx.with_intervals,
        ctx.backend,
    )
    return *grads, None, None


diagonal_scan.register_autograd(_backward, setup_context=_save)
refuse_second_derivative(diagonal_scan_backward, "diagonal_scan")
