"""`fft_conv` as a torch operator: what compile, export and autograd see."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ssmts_kernels._dispatch import implementation, materialised, refuse_second_derivative
from ssmts_kernels.precision import without_autocast

_PACKAGE = __package__


@torch.library.custom_op("ssmts::fft_conv", mutates_args=())
@without_autocast
def fft_conv(u: Tensor, kernel: Tensor, backend: str) -> Tensor:
    """Return the convolution."""
    result: Tensor = implementation(_PACKAGE, backend, u.device).forward(u, kernel)
    return result


@fft_conv.register_fake
def _(u: Tensor, kernel: Tensor, backend: str) -> Tensor:
    return u.new_empty(u.shape)


@torch.library.custom_op("ssmts::fft_conv_backward", mutates_args=())
@without_autocast
def fft_conv_backward(grad: Tensor, u: Tensor, kernel: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    """Return the gradients of u and kernel."""
    grads: tuple[Tensor, Tensor] = implementation(_PACKAGE, backend, u.device).backward(grad, u, kernel)
    return grads


@fft_conv_backward.register_fake
def _(grad: Tensor, u: Tensor, kernel: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    return u.new_empty(u.shape), kernel.new_empty(kernel.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    u, kernel, ctx.backend = inputs
    ctx.save_for_backward(u, kernel)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *fft_conv_backward(materialised(grad), *ctx.saved_tensors, ctx.backend), None


fft_conv.register_autograd(_backward, setup_context=_save)
refuse_second_derivative(fft_conv_backward, "fft_conv")
