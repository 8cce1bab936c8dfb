"""Choice of an operator's implementation: by device, or forced by `backend`."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import Any, Literal, get_args

import torch
from torch import Tensor

Backend = Literal["reference", "cpu", "numba", "triton"]
_BACKENDS = get_args(Backend)
_forced: ContextVar[str] = ContextVar("ssmts_kernels.backend", default="auto")


@contextmanager
def backend(name: Backend) -> Iterator[None]:
    """Force one implementation of every operator inside a ``with`` block.

    Parameters
    ----------
    name : {"reference", "cpu", "numba", "triton"}
        ``"reference"``: plain torch, differentiable to any order. ``"cpu"``: the fast torch form, which
        also runs on other devices. ``"numba"``: compiled loops where an operator has them, the fast torch
        form elsewhere; they need CPU tensors and the extra ``fast``. ``"triton"``: the fused kernels where an
        operator has them, the fast torch form elsewhere; on CPU tensors they need ``TRITON_INTERPRET=1`` in
        the environment.

    Raises
    ------
    ValueError
        If `name` is none of the four.

    Notes
    -----
    The choice is made when an operator is called: its backward pass keeps it. A function that
    `torch.compile` has traced keeps the choice of its first call.
    """
    if name not in _BACKENDS:
        raise ValueError(f"name must be one of {', '.join(map(repr, _BACKENDS))}, got {name!r}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def requested() -> str:
    """Return what `backend` forces here, or ``"auto"``."""
    return _forced.get()


# What torch.compiler.assume_constant_result does, without its import of the whole compiler (2 s, and Triton).
requested._dynamo_marked_constant = True  # type: ignore[attr-defined]


@cache
def _available(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def implementation(package: str, name: str, device: torch.device) -> ModuleType:
    """Import and return ``package.triton``, ``package.compiled`` or ``package.cpu``.

    `name` is ``"auto"``, ``"cpu"``, ``"numba"`` or ``"triton"``. ``"auto"`` takes Triton on CUDA and
    numba on the CPU where they are installed. An operator that has no module of the kind runs its torch form.
    """
    if name == "auto":
        fast = {"cuda": "triton", "cpu": "numba"}.get(device.type, "cpu")
        name = fast if fast == "cpu" or _available(fast) else "cpu"
    module = {"numba": "compiled"}.get(name, name)
    if name == "cpu" or not _available(f"{package}.{module}"):
        return importlib.import_module(f"{package}.cpu")
    if name == "numba" and (device.type != "cpu" or not _available("numba")):
        raise ValueError(
            "backend('numba') needs CPU tensors and numba (pip install 'ssmts[fast]'); "
            f"these are on {device}, numba is {'' if _available('numba') else 'not '}installed"
        )
    if name == "triton" and device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        raise ValueError(
            "backend('triton') needs CUDA tensors, or TRITON_INTERPRET=1 set before triton is imported; "
            "these are on the CPU"
        )
    return importlib.import_module(f"{package}.{module}")


def refuse_second_derivative(backward_op: Any, operator: str) -> None:
    """Make a second derivative of `operator` an error that names the remedy."""

    def refuse(ctx: Any, *grads: Any) -> None:
        raise NotImplementedError(
            f"second derivatives of {operator} are not supported by its fast path; "
            "call it inside ssmts_kernels.backend('reference')"
        )

    backward_op.register_autograd(refuse)


def materialised(value: Tensor) -> Tensor:
    """Resolve lazy conjugation and negation.

    torch.compile and torch.export run the body of a custom operator with the dispatch keys of both switched
    off (torch 2.13): a lazily conjugated tensor is then read as if it were not. Operators therefore resolve
    what they are given, and write `conj_physical` where they conjugate.
    """
    return value.resolve_conj().resolve_neg()
