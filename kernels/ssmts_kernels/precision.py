"""Operators compute in the dtype that they document, whatever `torch.autocast` says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["without_autocast"]

P = ParamSpec("P")
T = TypeVar("T")


def without_autocast(function: Callable[P, T]) -> Callable[P, T]:
    """Switch `torch.autocast` off inside `function`, on the device of its first tensor.

    Autocast rounds the operands of matrix products to bfloat16 or float16. A recurrence multiplies that
    rounding by its length, complex numbers have no such dtype, and the dtype of a state would change.

    Parameters
    ----------
    function : callable
        One of its arguments is a tensor.

    Returns
    -------
    callable
        With the same signature.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        device = next((v.device.type for v in (*args, *kwargs.values()) if isinstance(v, Tensor)), "meta")
        if device == "meta" or not torch.is_autocast_enabled(device):
            return function(*args, **kwargs)
        with torch.autocast(device, enabled=False):
            return function(*args, **kwargs)

    return wrapper
