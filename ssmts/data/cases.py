"""Reader of cases, the whole series of classifiers and regressors, in any usual layout."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._convert import check_span
from ssmts.data.case_kinds import is_long
from ssmts.data.duration import reference_step
from ssmts.data.read import read_panel
from ssmts.data.series import Clock, Layout, Panel, Series, Times
from ssmts.errors import (
    AllMissingError,
    ClockMismatchError,
    ComplexDataError,
    DuplicateTimeError,
    EmptyDataError,
    InfiniteValueError,
    InputTypeError,
    NonFiniteTimeError,
    NotNumericError,
    ParameterError,
    ShapeError,
)
from ssmts.wording import Described, dtype_in_words

__all__ = ["case_step", "read_cases"]

_SHAPES = (
    "(n_cases, n_timepoints), (n_cases, n_channels, n_timepoints), or a list of arrays (length,) or "
    "(n_channels, length)"
)
_KINDS = {"datetime": "dates", "number": "numbers"}


def read_cases(
    X: Any,
    *,
    times: Any = None,
    id_col: Hashable | None = None,
    time_col: Hashable | None = None,
    value_cols: Any = None,
    channel_col: Hashable | None = None,
    expected: Layout | None = None,
) -> Panel:
    """Read cases.

    Parameters
    ----------
    X : array, list of arrays, or long frame
        (n_cases, n_timepoints), (n_cases, n_channels, n_timepoints), a list of arrays (length,) or
        (n_channels, length), or a long frame with an id column. NaN is a missing observation; rows at the end
        of a case in which no channel was observed are padding.
    times : array-like, optional
        Instants of arrays: (n_timepoints,) for all cases, (n_cases, n_timepoints), or a list of arrays. Unit
        steps by default.
    id_col, time_col : str, optional
        Columns of a long frame.
    value_cols : str or list, optional
        Channels of a long frame; all numeric columns beside id and time by default.
    channel_col : str, optional
        Column of a long frame whose rows are single observations: which channel each is of. Several
        observations of a channel at one instant become their mean.
    expected : Layout, optional
        Layout of fit.

    Returns
    -------
    Panel
        One series a case, in the order of the cases.

    Raises
    ------
    SSMTSError
        One class per fault; the message names case, channel and remedy.
    """
    if channel_col is not None and not is_long(X, id_col):
        raise ParameterError("channel_col", channel_col, "None unless X is a long frame with id_col")
    if is_long(X, id_col):
        if times is not None:
            raise ParameterError(
                "times", Described("given"), "None for a long frame: its time column has them"
            )
        known = expected if expected is not None and expected.form == "long" else None
        panel = read_panel(
            X,
            id_col=id_col,
            time_col=time_col,
            target_cols=value_cols,
            expected=known,
            channel_col=channel_col,
            mean_of_repeats=True,
        )
        if expected is not None and known is None:
            _check_channels(panel.n_channels, expected)
            _check_clock(panel.clock, expected)
        return panel
    blocks = _blocks(X)
    if not blocks:
        raise EmptyDataError(
            "X is empty: Found array with 0 sample(s) while a minimum of 1 is required. Give at least "
            "one case."
        )
    n_channels = len(blocks[0])
    if n_channels == 0:
        raise EmptyDataError(
            "X has no channel: 0 feature(s) while a minimum of 1 is required. Give at least one."
        )
    clock, instants = _instants(times, [block.shape[1] for block in blocks])
    series = tuple(
        _case(number, block, own, n_channels)
        for number, (block, own) in enumerate(zip(blocks, instants, strict=True))
    )
    if clock.kind == "datetime":
        check_span([one.times for one in series])
    if expected is not None:
        _check_channels(n_channels, expected)
        if times is not None:
            _check_clock(clock, expected)
    layout = Layout(kind="numpy", form="array", clock=clock, channels=tuple(range(n_channels)), ndim=3)
    return Panel(series, layout)


def case_step(panel: Panel) -> int | float:
    """Reference step of cases: the median over cases of their median interval; 1 if all are single points."""
    longer = tuple(one for one in panel.series if len(one.times) > 1)
    return reference_step(Panel(longer, panel.layout)) if longer else 1.0


def _blocks(X: Any) -> list[NDArray[np.float64]]:
    """Every case as (n_channels, length)."""
    if hasattr(X, "tocsr"):
        raise InputTypeError(
            "Sparse input is not supported: X is a sparse matrix. Make it dense with X.toarray()."
        )
    if isinstance(X, str | bytes | dict | set) or X is None:
        raise InputTypeError(f"X is a {type(X).__name__}: give an array of shape {_SHAPES}, or a long frame.")
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, list | tuple):
        blocks = [_real(part, f"X[{number}]") for number, part in enumerate(X)]
        if blocks and all(block.ndim == 0 for block in blocks):
            blocks = [np.array(blocks)]
            _refuse_1d(blocks[0])
        for number, block in enumerate(blocks):
            if block.ndim not in (1, 2):
                raise ShapeError(f"X[{number}] has shape {block.shape}; give one of {_SHAPES}.")
        return [block[None] if block.ndim == 1 else block for block in blocks]
    array = _real(X, "X")
    if array.ndim == 1:
        _refuse_1d(array)
    if array.ndim not in (2, 3):
        raise ShapeError(
            f"X is an array with dim {array.ndim}, shape {array.shape}: Expected 2D array or 3D array of "
            f"shape {_SHAPES}. Reshape your data."
        )
    if array.shape[-1] == 0 and len(array):
        raise EmptyDataError(
            f"X has no instant: 0 feature(s) (shape={array.shape}) while a minimum of 1 is required. Give "
            "at least one."
        )
    return list(array[:, None] if array.ndim == 2 else array)


def _refuse_1d(array: Any) -> None:
    raise ShapeError(
        f"Expected 2D array, got 1D array of shape {array.shape} instead: one case is X.reshape(1, -1). "
        "Reshape your data."
    )


def _real(part: Any, name: str) -> NDArray[np.float64]:
    """An array of float64, without a copy where it already is."""
    try:
        array = np.asarray(part)
    except ValueError as error:
        raise ShapeError(
            f"{name} is ragged: its parts differ in length. Give a list with one array a case, {_SHAPES}."
        ) from error
    if np.iscomplexobj(array):
        raise ComplexDataError(
            f"Complex data not supported: {name} is complex. Give real and imaginary part as two channels."
        )
    if array.dtype.kind not in "iufbO":
        raise NotNumericError(
            f"{name} is an array of {dtype_in_words(array.dtype)}, not of numbers. Convert it, e.g. with "
            "X.astype(float)."
        )
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotNumericError(
            f"{name} holds something that is no number ({error}): argument must be a string or a number, "
            "and strings must be numbers. A missing observation is NaN."
        ) from error


def _instants(times: Any, lengths: list[int]) -> tuple[Clock, list[Times]]:
    """Clock and instants of every case."""
    if times is None:
        counted: dict[int, Times] = {}
        return Clock("number"), [
            counted.setdefault(length, np.arange(length, dtype=np.float64)) for length in lengths
        ]
    if isinstance(times, list | tuple) and len(times) and np.ndim(times[0]) == 1:
        given = [_stamps(part) for part in times]
    else:
        array = _stamps(times)
        if array.ndim not in (1, 2):
            raise ShapeError(
                f"times has shape {array.shape}, not (n_timepoints,) or (n_cases, n_timepoints). Give one "
                "of these, or a list with the times of each case."
            )
        given = [array] * len(lengths) if array.ndim == 1 else list(array)
    if len(given) != len(lengths):
        raise ShapeError(f"times has {len(given)} rows, but X has {len(lengths)} cases. Give one row a case.")
    for number, (own, length) in enumerate(zip(given, lengths)):
        if len(own) != length:
            raise ShapeError(
                f"times of case {number} has {len(own)} instants, but the case has {length}. Give one for "
                "each."
            )
    kinds = {own.dtype.kind for own in given}
    if len(kinds) > 1:
        raise ClockMismatchError("times are dates for some cases and numbers for others. Give one kind.")
    return Clock("datetime" if kinds == {"i"} else "number"), given


def _stamps(times: Any) -> Times:
    """Dates as int64 nanoseconds (NaT is the lowest number), others as float64."""
    if isinstance(times, pd.DatetimeIndex | pd.Series):
        if getattr(times.dtype, "tz", None) is not None:
            times = (times.dt if isinstance(times, pd.Series) else times).tz_convert(None)
        times = times.to_numpy()
    array = np.asarray(times)
    if array.dtype == object and all(isinstance(instant, date) for instant in array.flat):
        stamps = pd.to_datetime(pd.Series(array.ravel()), utc=True).dt.tz_convert(None)
        array = stamps.to_numpy().reshape(array.shape)
    if array.dtype.kind == "M":
        return array.astype("datetime64[ns]").astype(np.int64)
    if array.dtype.kind == "m":
        return array.astype("timedelta64[ns]").astype(np.int64)
    if array.dtype.kind not in "iuf":
        raise NotNumericError(
            f"times is an array of {dtype_in_words(array.dtype)}. Give datetimes or numbers."
        )
    return array.astype(np.float64)


def _case(number: int, block: NDArray[np.float64], times: Times, n_channels: int) -> Series:
    """One case as a sorted series, without unobserved rows at its ends."""
    if len(block) != n_channels:
        raise ShapeError(
            f"Case {number} has {len(block)} channels, but case 0 has {n_channels}. Give the same "
            "ones, NaN where one was not observed."
        )
    values = block.T
    seen = ~np.isnan(values)
    if np.isinf(values).any():
        row, channel = np.argwhere(np.isinf(values))[0]
        raise InfiniteValueError(
            f"Input X contains infinity: case {number}, instant {row}, channel {channel}. Correct it, or "
            "make it NaN if it was not observed."
        )
    rows = np.flatnonzero(seen.any(axis=1))
    if not len(rows):
        raise AllMissingError(f"Case {number} holds no observation: every value is NaN. Leave it out.")
    if len(rows) < len(values):
        times, values = times[rows], values[rows]
    lost = times == np.iinfo(np.int64).min if times.dtype.kind == "i" else ~np.isfinite(times)
    if lost.any():
        raise NonFiniteTimeError(
            f"A time of case {number} is missing or infinite where X was observed. Correct it, or leave "
            "the observation out."
        )
    steps = np.diff(times)
    if (steps < 0).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        steps = np.diff(times)
    if (steps == 0).any():
        raise DuplicateTimeError(f"Case {number} has two observations at one time. Keep one of them.")
    return Series(number, times, values)


def _check_channels(n_channels: int, expected: Layout) -> None:
    if n_channels != len(expected.channels):
        raise ShapeError(
            f"X has {n_channels} channels, but ssmts is expecting {len(expected.channels)} channels as "
            "input: fit saw as many. Give the same ones."
        )


def _check_clock(clock: Clock, expected: Layout) -> None:
    if clock.kind != expected.clock.kind:
        raise ClockMismatchError(
            f"The times of X are {_KINDS[clock.kind]}, at fit they were {_KINDS[expected.clock.kind]}. "
            "Give times of the same kind."
        )
