"""`vandermonde` as a torch operator: what compile, export and autograd see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast

_PACKAGE = __package__


@torch.library.custom_op("ssmts::vandermonde", mutates_args=())
@without_autocast
def vandermonde(C: Tensor, A: Tensor, length: int, backend: str) -> Tensor:
    """Return the kernel."""
    result: Tensor = implementation(_PACKAGE, backend, C.device).forward(C, A, length)
    return result


@vandermonde.register_fake
def _(C: Tensor, A: Tensor, length: int, backend: str) -> Tensor:
    return C.new_empty(C.shape[0], length, dtype=C.real.dtype)


@torch.library.custom_op("ssmts::vandermonde_backward", mutates_args=())
@without_autocast
def vandermonde_backward(grad: Tensor, C: Tensor, A: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    """Return the gradients of C and A."""
    grads: tuple[Tensor, Tensor] = implementation(_PACKAGE, backend, C.device).backward(grad, C, A)
    return grads


@vandermonde_backward.register_fake
def _(grad: Tensor, C: Tensor, A: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    return C.new_empty(C.shape), A.new_empty(A.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    C, A, _, ctx.backend = inputs
    ctx.save_for_backward(C, A)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *vandermonde_backward(materialised(grad), *ctx.saved_tensors, ctx.backend), None, None


vandermonde.register_autograd(_backward, setup_context=_save)
refuse_second_derivative(vandermonde_backward, "vandermonde")
