"""What was read from a file, checked before it is used: nothing in a file is to be trusted."""

import functools
import math
import os
import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from ssmts.errors import ModelFileError, SSMTSError

T = TypeVar("T")

_INTERNALS = re.compile(r"\bssmts\.(\w+\.)+| at 0x[0-9a-f]+")  # in messages of Python
_LONGEST = 300  # characters of them


@contextmanager
def interpreting(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """A block that makes objects of the content of a file: whatever it raises is the fault of the file.

    Nothing in a file is to be trusted, a right digest included: who can write a file can write its digest.

    Parameters
    ----------
    path : path-like
        Of the file, for the message.
    what : str
        What the file should hold, with its article.

    Raises
    ------
    ModelFileError
        If the block raises anything.
    """
    try:
        yield
    except ModelFileError:
        raise
    except SSMTSError as error:
        raise ModelFileError(f"{path} cannot be loaded: {error}") from error
    except Exception as error:
        why = _INTERNALS.sub("", str(error))[:_LONGEST]
        raise ModelFileError(
            f"{path} is an ssmts file, but not {what} that this version can read "
            f"({type(error).__name__}: {why}). Fit and save the model again."
        ) from error


def require_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise unless every floating-point number of a file is finite.

    Raises
    ------
    ValueError
        Names the tensor.
    """
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"tensor {name!r} holds numbers that are not finite")


def checked_fields(instance: T) -> T:
    """A dataclass instance whose fields hold what their annotations say.

    Builtins, Literal, unions, tuples, lists and dicts of them are checked; a field of another type is left
    to its own class. Numbers must be finite, and an integer is a float too, as JSON does not tell them apart.

    Raises
    ------
    TypeError
        Names the class, the field and the value.
    """
    cls: Any = type(instance)
    for name, kind in _annotations(cls).items():
        value = getattr(instance, name)
        if not _is_a(value, kind):
            raise TypeError(f"{cls.__name__}.{name} is {value!r:.80}, not {kind}")
    return instance


@functools.cache
def _annotations(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _is_a(value: Any, kind: Any) -> bool:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is_a(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple and arguments[-1] is Ellipsis:
        return isinstance(value, tuple) and all(_is_a(one, arguments[0]) for one in value)
    if origin in (list, dict):
        return isinstance(value, origin)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (bool, str, NoneType):
        return isinstance(value, kind)
    if kind in (Hashable, Any):
        return kind is Any or isinstance(value, bool | int | float | str | None) or _is_hashable(value)
    return True


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
