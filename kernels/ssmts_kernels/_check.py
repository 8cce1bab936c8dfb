"""Argument checks shared by all operators; every failure is a ValueError that names the argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor

from ssmts_kernels.padding import check_lengths

_KINDS = {
    # Signals in half precision are computed in float32.
    "signal": (torch.float32, torch.float64, torch.bfloat16, torch.float16),
    "real": (torch.float32, torch.float64),
    "mode": (torch.float32, torch.float64, torch.complex64, torch.complex128),
    "complex": (torch.complex64, torch.complex128),
    "index": (torch.int32, torch.int64),
}


class Arguments:
    """Checks the tensors of one call against each other: one size per dimension name, one device.

    Parameters
    ----------
    operator : str
        Named in every message.
    """

    def __init__(self, operator: str) -> None:
        self.operator = operator
        self.sizes: dict[str, int] = {}
        self._first: tuple[str, torch.device] | None = None

    def check(self, name: str, value: object, dims: str, kind: str) -> None:
        """Require `value` to be a tensor of shape `dims` (names split by blanks) and of dtype `kind`."""
        if not isinstance(value, Tensor):
            self.fail(name, f"must be a tensor, got {type(value).__name__}")
        if value.dtype not in _KINDS[kind]:
            allowed = ", ".join(str(dtype).removeprefix("torch.") for dtype in _KINDS[kind])
            self.fail(
                name, f"must have one of the dtypes {allowed}, got {str(value.dtype).removeprefix('torch.')}"
            )
        names = dims.split()
        if value.ndim != len(names):
            self.fail(name, f"must have shape ({', '.join(names)}), got {tuple(value.shape)}")
        for dim, size in zip(names, value.shape, strict=True):
            known = self.sizes.setdefault(dim, size)
            if known != size:
                expected = ", ".join(f"{d}={self.sizes[d]}" if d in self.sizes else d for d in names)
                self.fail(name, f"must have shape ({expected}), got {tuple(value.shape)}")
        if self._first is None:
            self._first = (name, value.device)
        elif value.device != self._first[1]:
            self.fail(
                name, f"is on {value.device} but {self._first[0]} is on {self._first[1]}; move one of them"
            )

    def optional(self, name: str, value: Tensor | None, dims: str, kind: str) -> None:
        """Check `value` unless it is None."""
        if value is not None:
            self.check(name, value, dims, kind)

    def lengths(self, value: Tensor | None) -> None:
        """Check the lengths of the rows, after an argument with the dimensions batch and length."""
        if value is not None:
            self.check("lengths", value, "batch", "index")
            check_lengths(self.operator, value, self.sizes["length"])

    def choice(self, name: str, value: str, allowed: Sequence[str]) -> None:
        """Require `value` to be one of `allowed`."""
        if value not in allowed:
            self.fail(name, f"must be one of {', '.join(map(repr, allowed))}, got {value!r}")

    def same_dtype(self, name: str, value: Tensor, other_name: str, other: Tensor) -> None:
        """Require two tensors to share their dtype."""
        if value.dtype != other.dtype:
            self.fail(name, f"must have the dtype of {other_name}, {other.dtype}, got {value.dtype}")

    def fail(self, name: str, message: str) -> NoReturn:
        """Raise the ValueError."""
        raise ValueError(f"{self.operator}: {name} {message}")


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the real dtype of a (possibly complex) one, float32 for halves."""
    # A lookup, because dynamo cannot trace dtype.to_real.
    return torch.float64 if dtype in (torch.float64, torch.complex128) else torch.float32
