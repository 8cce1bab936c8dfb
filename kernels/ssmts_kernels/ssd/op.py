"""Registration of the fast paths with torch: schema, shapes for tracing, gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast

_PACKAGE = "ssmts_kernels.ssd"


@torch.library.custom_op("ssmts::ssd", mutates_args=())
@without_autocast
def forward(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    save: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state and, if `save`, the states that `backward` starts from.

    `exponent` (step times A, <= 0) and `gain` (weight of the input), both (batch, length, H), have the
    states' dtype.
    """
    path: Any = implementation(_PACKAGE, backend, x.device)
    return path.forward(x, exponent, gain, B, C, D, initial_state, save)  # type: ignore[no-any-return]


@forward.register_fake
def _(x: Tensor, exponent: Tensor, gain: Tensor, B: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, save, backend = rest
    checkpoints = implementation(_PACKAGE, backend, x.device).checkpoints
    batch, _length, heads, head_dim = x.shape
    return (
        torch.empty_like(x, memory_format=torch.contiguous_format),
        exponent.new_empty(batch, heads, head_dim, B.shape[-1]),
        exponent.new_empty(checkpoints(x, B) if save else (0,)),
    )


@torch.library.custom_op("ssmts::ssd_backward", mutates_args=())
@without_autocast
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
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, exponent, gain, B, C, D and initial_state in the states' dtype.

    D's is empty if D is None.
    """
    path: Any = implementation(_PACKAGE, backend, x.device)
    return path.backward(grad_y, grad_last, starts, x, exponent, gain, B, C, D)  # type: ignore[no-any-return]


@backward.register_fake
def _(
    grad_y: Tensor, grad_last: Tensor, starts: Tensor, x: Tensor, exponent: Tensor, *rest: Any
) -> tuple[Tensor, ...]:
    gain, B, C, D, _backend = rest
    like: tuple[Tensor | None, ...] = (x, exponent, gain, B, C, D, grad_last)
    return tuple(exponent.new_empty((0,) if value is None else value.shape) for value in like)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, _save, ctx.backend = inputs
    ctx.save_for_backward(output[2], *tensors)
    ctx.mark_non_differentiable(output[2])


def _gradient(ctx: Any, grad_y: Tensor, grad_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    starts, *tensors = ctx.saved_tensors
    grad_y, grad_last = materialised(grad_y), materialised(grad_last)
    grads = backward(grad_y, grad_last, starts, *tensors[:-1], ctx.backend)
    typed = [None if value is None else grad.to(value.dtype) for grad, value in zip(grads, tensors)]
    return *typed, None, None


forward.register_autograd(_gradient, setup_context=_remember)
refuse_second_derivative(backward, "ssd")
