"""Arrays to a panel: unit steps, channels last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data._convert import is_number
from ssmts.data._roles import check_width
from ssmts.data.series import Clock, Layout, Panel, Series
from ssmts.errors import (
    AllMissingError,
    ComplexDataError,
    EmptyDataError,
    InfiniteValueError,
    InputTypeError,
    NotNumericError,
    ShapeError,
)
from ssmts.wording import dtype_in_words, shown

_SHAPES = "(length,), (length, n_channels) or (n_series, length, n_channels)"


def read_array(X: Any, expected: Layout | None, *, allow_empty: bool = False) -> Panel:
    """Read an array-like of shape (length,), (length, n_channels) or (n_series, length, n_channels)."""
    array = _as_float(X)
    shape = array.shape
    if not 1 <= array.ndim <= 3:
        raise ShapeError(
            f"X is an array with dim {array.ndim}, shape {shape}: Expected 1D, 2D or 3D array of shape "
            f"{_SHAPES}. Reshape your data."
        )
    length = shape[0] if array.ndim < 3 else shape[1]
    if length == 0 or shape[0] == 0:
        raise EmptyDataError(
            f"X is empty: Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required. "
            "Check the filter that made it."
        )
    if array.ndim > 1 and shape[-1] == 0:
        raise EmptyDataError(
            f"X has no channel: 0 feature(s) (shape={shape}) while a minimum of 1 is required. Give at "
            "least one."
        )
    cube = array[None, :, None] if array.ndim == 1 else array[None] if array.ndim == 2 else array
    if expected is not None:
        check_width(cube.shape[2], expected)
    _check_cube(cube, array.ndim, fitting=expected is None, allow_empty=allow_empty)
    times = np.arange(length, dtype=np.float64)
    layout = Layout(
        kind="numpy",
        form="array",
        clock=Clock("number"),
        channels=tuple(range(cube.shape[2])) if expected is None else expected.channels,
        ndim=array.ndim,
    )
    ids = range(len(cube)) if array.ndim == 3 else [None]
    return Panel(tuple(Series(id, times, values) for id, values in zip(ids, cube, strict=True)), layout)


def _as_float(X: Any) -> NDArray[np.float64]:
    """X as float64, without a copy where it already is."""
    if hasattr(X, "tocsr"):
        raise InputTypeError(
            "Sparse input is not supported: X is a sparse matrix. Make it dense with X.toarray()."
        )
    if isinstance(X, str | bytes | dict | set) or X is None:
        raise InputTypeError(
            f"X is a {type(X).__name__}: give a pandas or polars frame, or an array of shape {_SHAPES}."
        )
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ShapeError(
            f"X is a ragged {type(X).__name__}: its parts differ in length. Give one array of shape "
            f"{_SHAPES}, or a long frame with an id column for series of unequal length."
        ) from error
    if np.iscomplexobj(array):
        raise ComplexDataError(
            "Complex data not supported: X is a complex array. Give real and imaginary part as two channels."
        )
    if array.dtype == object:
        for place, item in np.ndenumerate(array):
            if not is_number(item):
                raise NotNumericError(
                    f"X{list(place) or ''} is {shown(item)}: argument must be a real number, not a string "
                    f"or another number-like object of type {type(item).__name__!r}. Correct it; a "
                    "missing observation is NaN."
                )
    elif array.dtype.kind not in "iuf":
        raise NotNumericError(
            f"X is an array of {dtype_in_words(array.dtype)}, not of numbers. Convert it, e.g. with "
            "X.astype(float)."
        )
    try:
        return np.asarray(array, dtype=np.float64)
    except OverflowError as error:
        raise InfiniteValueError("X holds an integer beyond the range of float64. Correct it.") from error


def _check_cube(cube: NDArray[np.float64], ndim: int, *, fitting: bool, allow_empty: bool) -> None:
    """Raise on infinite values, and on channels or series without any observation."""
    if np.isfinite(cube).all():
        return
    infinite = np.isinf(cube)
    if infinite.any():
        series, row, channel = np.unravel_index(int(infinite.argmax()), cube.shape)
        place = (
            f"series {series}, row {row}, channel {channel}" if ndim == 3 else f"row {row}, channel {channel}"
        )
        raise InfiniteValueError(
            f"Input X contains infinity: {place}. Correct it, or make it NaN if it was not observed."
        )
    missing = np.isnan(cube)
    if fitting and (empty := missing.all(axis=(0, 1))).any():
        raise AllMissingError(
            f"Channel {empty.argmax()} holds no observation: every value is missing. Leave it out."
        )
    if not allow_empty and (empty := missing.all(axis=(1, 2))).any():
        raise AllMissingError(
            f"Series {empty.argmax()} holds no observation: every value is missing. Leave it out."
        )
