"""Values and names in messages, as a user would write them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["Described", "dtype_in_words", "kinds_of", "listed", "shown"]

_LONGEST = 100  # characters of a value
_MOST = 10  # parts of a list
_DTYPES = {"U": "text", "S": "bytes", "M": "dates", "m": "durations", "b": "booleans", "V": "records"}


class Described(str):
    """What a parameter was set to, in words instead of the value itself."""

    __slots__ = ()


class _Shown(reprlib.Repr):
    """`repr` that ends: few parts of a collection, short text, no types of NumPy, no addresses, no tables."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = _MOST
        self.maxstring = self.maxother = self.maxlong = _LONGEST

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, np.datetime64 | np.timedelta64):
            return repr(x)
        if isinstance(x, np.generic):
            return super().repr1(float(x) if isinstance(x, np.longdouble) else x.item(), level)
        if isinstance(x, np.ndarray):
            return self._array(x, level)
        if (hasattr(x, "shape") and hasattr(x, "ndim")) or hasattr(x, "collect_schema"):
            return self._table(x)
        return super().repr1(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        try:
            text = repr(x)
        except Exception:  # what cannot be shown is named
            text = " at 0x"
        if " at 0x" in text:
            return f"<{type(x).__name__}>"
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 10]} ..."

    def repr_str(self, x: str, level: int) -> str:
        return self.repr_instance(x, level)

    def repr_int(self, x: int, level: int) -> str:
        return self.repr_instance(x, level)

    def _array(self, x: Any, level: int) -> str:
        if x.ndim > 1 or x.size > _MOST:
            return f"<array of shape {x.shape}>"
        return f"array({self.repr1(x.tolist(), level)})"

    def _table(self, x: Any) -> str:
        shape = getattr(x, "shape", None)
        return f"<{type(x).__name__} of shape {shape}>" if shape is not None else f"<{type(x).__name__}>"


_SHOWN = _Shown()


def shown(value: object) -> str:
    """A value as a user would write it, of few characters.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Numbers of NumPy as plain numbers, long text and lists cut, tables by their shape, other objects
        without their address; a :class:`Described` as it is.
    """
    return str(value) if isinstance(value, Described) else _SHOWN.repr(value)


def listed(names: Iterable[object]) -> str:
    """Names as a list, of which more than ten are counted: ``['a', 'b']``, ``['a', 'b', ... 60 in all]``.

    Parameters
    ----------
    names : iterable

    Returns
    -------
    str
    """
    every: Sequence[object] = list(names)
    parts = [shown(name) for name in every[:_MOST]]
    if len(every) > _MOST:
        parts.append(f"... {len(every)} in all")
    return f"[{', '.join(parts)}]"


def kinds_of(values: Iterable[object]) -> str:
    """The kinds of values, in words: ``integers, text``.

    Parameters
    ----------
    values : iterable

    Returns
    -------
    str
        In order of the alphabet; types without a word by their names.
    """
    return ", ".join(sorted({_kind(value) for value in values}))


def dtype_in_words(dtype: np.dtype[Any]) -> str:
    """What an array holds: ``text``, ``dates``, ``int64``.

    Parameters
    ----------
    dtype : numpy.dtype

    Returns
    -------
    str
    """
    return _DTYPES.get(dtype.kind, dtype.name)


def _kind(value: object) -> str:
    words = (
        ((bool, np.bool_), "booleans"),
        ((str,), "text"),
        ((bytes,), "bytes"),
        ((int, np.integer), "integers"),
        ((float, np.floating), "floats"),
        ((complex, np.complexfloating), "complex numbers"),
    )
    return next((word for types, word in words if isinstance(value, types)), type(value).__name__)
