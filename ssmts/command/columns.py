"""Which columns of a file hold times, ids and values: named by the user, or guessed and shown."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ssmts.errors import ColumnError, DuplicateTimeError, EmptyDataError, TimeColumnError
from ssmts.wording import listed, shown

__all__ = ["Columns", "guess_columns"]

_TIME_NAMES = re.compile(
    r"(^|_| )(ds|date|datetime|time|timestamp|datum|day|month|week|year|hour)s?($|_| )", re.I
)
_ID_NAMES = re.compile(
    r"(^|_| )(id|uid|key|name|code|series|store|shop|item|sku|sensor|site|station|region)s?$", re.I
)
_SLASHES = re.compile(r"^\s*\d{1,2}([/.\-])\d{1,2}\1\d{2,4}\b")
_CODES = re.compile(r"^\s*\d{1,3}([.,]\d+)?\s*$")  # numbers, which to_datetime would take for years


@dataclass(frozen=True)
class Columns:
    """Roles of the columns of a file.

    Parameters
    ----------
    time, id, channel : str or None
    values : list of str
    past, future, static : list of str
        Covariates.
    left_out : list of str
        Columns that play no part.
    calendar_order : str or None
        How days and months of the times were told apart, where they can be mistaken.
    """

    time: str | None
    id: str | None
    channel: str | None
    values: list[str]
    past: list[str] = field(default_factory=list)
    future: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    calendar_order: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of a forecaster on these columns."""
        return {
            "id_col": self.id,
            "time_col": self.time,
            "channel_col": self.channel,
            "target_cols": None if self.channel else self.values,
            "past_covariates": self.past or None,
            "future_covariates": self.future or None,
            "static_covariates": self.static or None,
        }

    @property
    def used(self) -> list[str]:
        """Names of the columns that play a part, without repeats."""
        named = [self.id, self.channel, self.time, *self.values, *self.past, *self.future, *self.static]
        return list(dict.fromkeys(name for name in named if name is not None))

    def describe(self) -> str:
        """One line for the user."""
        order = f" ({self.calendar_order})" if self.calendar_order else ""
        parts = [f"time {self.time}{order}" if self.time else "no time column: rows are steps"]
        parts += [f"{role} {name}" for role, name in (("id", self.id), ("channel", self.channel)) if name]
        parts.append(f"values {_listed(self.values)}")
        covariates = (("past", self.past), ("future", self.future), ("static", self.static))
        parts += [f"{role} {_listed(names)}" for role, names in covariates if names]
        if self.left_out:
            parts.append(f"left out {_listed(self.left_out)}")
        return "columns: " + "; ".join(parts)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")


def guess_columns(
    frame: pd.DataFrame,
    *,
    counted: bool = False,
    time: str | None = None,
    id: str | None = None,
    channel: str | None = None,
    values: tuple[str, ...] = (),
    past: tuple[str, ...] = (),
    future: tuple[str, ...] = (),
    static: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, Columns]:
    """The columns in use, times as datetimes, and their roles; what is not named is guessed.

    The time is the column of dates, by its name where there are several. Where times repeat, the id is the
    column that tells rows of one time apart: text before whole numbers. Values are all other numbers. With
    `counted` neither time nor id is looked for.

    Raises
    ------
    ColumnError
        If a named column is not there, or no column of numbers is left.
    TimeColumnError
        If the named time column holds no times.
    DuplicateTimeError
        If times repeat and no column tells the rows apart.
    EmptyDataError
        If there is no row.
    """
    if not len(frame):
        raise EmptyDataError("The file has no rows. Give one with a header and a row for each time.")
    frame = frame.rename(columns=str)
    named = [time, id, channel, *values, *past, *future, *static]
    for name in named:
        if name is not None and name not in frame.columns:
            raise ColumnError(f"The file has no column {name!r}; it has {listed(frame.columns)}.")
    free = [name for name in frame.columns if name not in named]
    order = None
    if time is None and not counted:
        time, times, order = _find_time(frame, free)
    elif time is not None:
        times, order = _as_times(frame[time])
        if times is None:
            raise TimeColumnError(
                f"Column {time!r} holds neither dates nor numbers, such as {shown(frame[time].iloc[0])}. "
                "Name another with --time."
            )
    if time is not None:
        frame = frame.assign(**{time: times})
    free = [name for name in free if name != time]
    if id is None and not counted:
        keys = [name for name in (channel, time) if name is not None]
        id = _find_id(frame, free, keys) if time is not None else None
    free = [name for name in free if name != id]
    found = list(values) or [name for name in free if _is_number(frame[name])]
    if not found:
        raise ColumnError(
            f"No column holds numbers to forecast; the file has {listed(frame.columns)}. Correct it, or "
            "choose columns with --target."
        )
    if channel is not None and len(found) > 1:
        raise ColumnError(f"With --channel one column holds the values: name it, --target {found[0]}.")
    left = [name for name in free if name not in found]
    columns = Columns(time, id, channel, found, list(past), list(future), list(static), left, order)
    return frame[columns.used], columns


def _is_number(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _find_time(frame: pd.DataFrame, free: list[str]) -> tuple[str | None, Any, str | None]:
    """Name of the time column, its times, and how its days were read."""
    ranked = sorted(free, key=lambda name: _TIME_NAMES.search(name) is None)
    for name in ranked:
        if not _is_number(frame[name]):
            times, order = _as_times(frame[name])
            if times is not None:
                return name, times, order
    for name in ranked:  # years, or seconds since a start: numbers that never fall, by a name that says so
        if _TIME_NAMES.search(name) and _is_number(frame[name]) and not frame[name].isna().any():
            return name, frame[name], None
    return None, None, None


def _as_times(column: pd.Series[Any]) -> tuple[Any, str | None]:
    """A column as datetimes or numbers, None if it holds something else; and how days were read."""
    if pd.api.types.is_datetime64_any_dtype(column) or _is_number(column):
        return column, None
    text = column.dropna().astype(str)
    if not len(text) or text.head(50).str.match(_CODES).all():
        return None, None
    if text.head(50).str.match(_SLASHES).all():
        return _day_or_month_first(column)
    return _parsed(column), None


def _day_or_month_first(column: pd.Series[Any]) -> tuple[Any, str | None]:
    """Dates as 03/04/2024, read in the order in which they are more regular."""
    found = {}
    for order, first in (("month/day/year", False), ("day/month/year", True)):
        times = _parsed(column, dayfirst=first)
        if times is not None:
            stamps = np.unique(times.dropna().to_numpy().astype("M8[ns]").astype(np.int64))
            found[order] = (len(np.unique(np.diff(stamps))), times)
    if not found:
        return None, None
    order = min(found, key=lambda name: found[name][0])
    return found[order][1], order


def _parsed(column: pd.Series[Any], *, dayfirst: bool = False) -> Any:
    for utc in (False, True):  # offsets of both halves of the year need one zone
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return pd.to_datetime(column, dayfirst=dayfirst, utc=utc)
        except (ValueError, TypeError, UserWarning, FutureWarning):
            continue
    return None


def _find_id(frame: pd.DataFrame, free: list[str], keys: list[str]) -> str | None:
    """The column that tells rows of one time apart; None where no time repeats."""
    if not frame.duplicated(keys).any():
        return None
    texts = [name for name in free if not _is_number(frame[name])]
    whole = [name for name in free if pd.api.types.is_integer_dtype(frame[name])]
    for names in (texts, [n for n in whole if _ID_NAMES.search(n)], whole):
        for name in sorted(names, key=lambda n: (_ID_NAMES.search(n) is None, frame[n].nunique())):
            if not frame[name].isna().any() and not frame.duplicated([*keys, name]).any():
                return name
    row = frame.index[frame.duplicated(keys)][0]
    raise DuplicateTimeError(
        f"Row {row + 1} repeats the time {frame.loc[row, keys[-1]]}, and no column tells its series: name "
        "it with --id, or remove repeated rows."
    )
