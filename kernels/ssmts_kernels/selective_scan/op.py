"""Registration of the fast paths with torch: schema, shapes for tracing, gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast
from ssmts_kernels.selective_scan.reference import state_dtype

_PACKAGE = "ssmts_kernels.selective_scan"


@torch.library.custom_op("ssmts::selective_scan", mutates_args=())
@without_autocast
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
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state and, if `save`, the states that `backward` starts from."""
    tensors = u, delta, A, B, C, D, z, delta_bias, initial_state, intervals, lengths
    path: Any = implementation(_PACKAGE, backend, u.device)
    return path.forward(*tensors, delta_softplus, zoh, save)  # type: ignore[no-any-return]


@forward.register_fake
def _(u: Tensor, delta: Tensor, A: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, save, backend = rest
    dtype = state_dtype(u, A)
    shape = implementation(_PACKAGE, backend, u.device).checkpoints(*u.shape, A.shape[1]) if save else (0,)
    return (
        torch.empty_like(u, memory_format=torch.contiguous_format),
        u.new_empty(u.shape[0], *A.shape, dtype=dtype),
        u.new_empty(shape, dtype=dtype),
    )


@torch.library.custom_op("ssmts::selective_scan_backward", mutates_args=())
@without_autocast
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
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, delta, A, B, C, D, z, delta_bias, initial_state and intervals.

    They have the states' dtype; one whose argument is None is empty.
    """
    tensors = grad_y, grad_last, starts, u, delta, A, B, C, D, z, delta_bias, intervals, lengths
    path: Any = implementation(_PACKAGE, backend, u.device)
    return path.backward(*tensors, delta_softplus, zoh)  # type: ignore[no-any-return]


@backward.register_fake
def _(
    grad_y: Tensor, grad_last: Tensor, starts: Tensor, u: Tensor, delta: Tensor, A: Tensor, *rest: Any
) -> tuple[Tensor, ...]:
    B, C, D, z, delta_bias, intervals, *_ = rest
    dtype = state_dtype(u, A)
    like: tuple[Tensor | None, ...] = (u, delta, A, B, C, D, z, delta_bias, grad_last, intervals)
    return tuple(u.new_empty((0,) if value is None else value.shape, dtype=dtype) for value in like)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, delta_softplus, zoh, _, backend = inputs
    ctx.save_for_backward(output[2], *tensors)
    ctx.options = delta_softplus, zoh, backend
    ctx.mark_non_differentiable(output[2])


def _gradient(ctx: Any, grad_y: Tensor, grad_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    starts, *tensors = ctx.saved_tensors
    u, delta, A, B, C, D, z, delta_bias, initial_state, intervals, lengths = tensors
    grad_y, grad_last = materialised(grad_y), materialised(grad_last)
    grads = backward(
        grad_y, grad_last, starts, u, delta, A, B, C, D, z, delta_bias, intervals, lengths, *ctx.options
    )  # fmt: skip
    differentiable = (u, delta, A, B, C, D, z, delta_bias, initial_state, intervals)
    typed = [None if value is None else grad.to(value.dtype) for grad, value in zip(grads, differentiable)]
    return *typed, None, None, None, None, None


forward.register_autograd(_gradient, setup_context=_remember)
refuse_second_derivative(backward, "selective_scan")
