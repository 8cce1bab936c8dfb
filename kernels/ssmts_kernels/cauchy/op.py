"""`cauchy` as a torch operator: what compile, export and autograd see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast

_PACKAGE = __package__


@torch.library.custom_op("ssmts::cauchy", mutates_args=())
@without_autocast
def cauchy(v: Tensor, omega: Tensor, A: Tensor, backend: str) -> Tensor:
    """Return the (K, H, L) sums of the (K, H, N) numerators."""
    result: Tensor = implementation(_PACKAGE, backend, v.device).forward(v, omega, A)
    return result


@cauchy.register_fake
def _(v: Tensor, omega: Tensor, A: Tensor, backend: str) -> Tensor:
    return v.new_empty(v.shape[0], v.shape[1], omega.shape[0])


@torch.library.custom_op("ssmts::cauchy_backward", mutates_args=())
@without_autocast
def cauchy_backward(grad: Tensor, v: Tensor, omega: Tensor, A: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    """Return the gradients of v and A."""
    grads: tuple[Tensor, Tensor] = implementation(_PACKAGE, backend, v.device).backward(grad, v, omega, A)
    return grads


@cauchy_backward.register_fake
def _(grad: Tensor, v: Tensor, omega: Tensor, A: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    return v.new_empty(v.shape), A.new_empty(A.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    v, omega, A, ctx.backend = inputs
    ctx.save_for_backward(v, omega, A)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    grad_v, grad_A = cauchy_backward(materialised(grad), *ctx.saved_tensors, ctx.backend)
    return grad_v, None, grad_A, None


cauchy.register_autograd(_backward, setup_context=_save)
refuse_second_derivative(cauchy_backward, "cauchy")
