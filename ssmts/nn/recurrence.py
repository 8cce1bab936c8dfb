"""A linear recurrence as one torch operator, so that compile and export see no loop over time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["linear_recurrence"]


@torch.library.custom_op("ssmts::linear_recurrence", mutates_args=())
def linear_recurrence(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    r"""Run :math:`x_k = a_k x_{k-1} + b_k`, element by element.

    Parameters
    ----------
    a, b : Tensor
        (batch, length, N), of one dtype, real or complex.
    start : Tensor
        (batch, N), the state before the first element.

    Returns
    -------
    Tensor
        (batch, length, N), every state.

    Raises
    ------
    NotImplementedError
        If a second derivative is asked for.
    """
    x = _run(_by_time(a), _by_time(b), start)
    return x.transpose(0, 1).contiguous()


@linear_recurrence.register_fake
def _(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    return b.new_empty(b.shape)


@torch.library.custom_op("ssmts::linear_recurrence_backward", mutates_args=())
def _backward(grad: Tensor, a: Tensor, x: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of a, b and start: the same recurrence, run in reverse.

    Autograd through a loop would keep every product.
    """
    if a.shape[1] == 0:
        return torch.zeros_like(a), torch.zeros_like(a), torch.zeros_like(start)
    a = _by_time(a).conj_physical()
    following = torch.cat([a[1:], torch.zeros_like(a[:1])])
    adjoint = _run(following.flip(0), _by_time(grad).flip(0), torch.zeros_like(start)).flip(0)
    before = torch.cat([start[None], x.transpose(0, 1)[:-1]])
    of_a = adjoint * before.conj_physical()
    return of_a.transpose(0, 1).contiguous(), adjoint.transpose(0, 1).contiguous(), a[0] * adjoint[0]


@_backward.register_fake
def _(grad: Tensor, a: Tensor, x: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return a.new_empty(a.shape), a.new_empty(a.shape), start.new_empty(start.shape)


def _by_time(value: Tensor) -> Tensor:
    """(batch, length, N) -> (length, batch, N), without lazy conjugation, which operators must not return."""
    return value.resolve_conj().transpose(0, 1).contiguous()


def _run(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    x = b.clone()
    for a_k, x_k in zip(a.unbind(), x.unbind()):
        start = x_k.addcmul_(a_k, start)
    return x


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    a, _, start = inputs
    ctx.save_for_backward(a, output, start)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _backward(grad.resolve_conj(), *ctx.saved_tensors)  # type: ignore[no-any-return]


def _refuse(ctx: Any, *grads: Any) -> None:
    raise NotImplementedError("second derivatives of S5 are not supported")


linear_recurrence.register_autograd(_gradient, setup_context=_save)
_backward.register_autograd(_refuse)
