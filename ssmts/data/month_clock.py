"""A clock that counts months: data of months, quarters and years are regular on it.

The instant of a stamp is the number of whole months since 1970 plus the share of its month that has passed,
times the length of a mean Gregorian month, :data:`MONTH`. A step of one month is then always as long, a year
is twelve of them, and durations such as ``"90D"`` are read in months of mean length.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["MONTH", "from_months", "months_of", "shift_to_months", "to_months"]

MONTH = 2_629_746_000_000_000  # nanoseconds: a twelfth of the 365.2425 days of a mean year
_DAY = 86_400_000_000_000
_FEWEST_DAYS = 27.9  # between rows that may be months
_COMMON_DAYS = 28  # every month has them
_OFFSETS: dict[str, int] = {
    "MonthBegin": 1,
    "MonthEnd": 1,
    "QuarterBegin": 3,
    "QuarterEnd": 3,
    "YearBegin": 12,
    "YearEnd": 12,
}

Nanoseconds = NDArray[np.int64]


def months_of(offset: Any) -> int | None:
    """Number of months in a step of a pandas offset; None where it does not count whole months."""
    months = _OFFSETS.get(type(offset).__name__)
    return None if months is None else months * int(offset.n)


def shift_to_months(clocks: Iterable[Nanoseconds], tz: str | None) -> int | None:
    """What to add to the stamps of data of months, quarters or years, so that each is the start of a month.

    Parameters
    ----------
    clocks : iterable of ndarray of int64
        Stamps of each series, in nanoseconds, increasing.
    tz : str or None
        Time zone in which months begin.

    Returns
    -------
    int or None
        Nanoseconds: 0 for starts of months, a day for their last days, less than 0 for the same later day of
        every month. None where the stamps are of another kind, or there are fewer than three.
    """
    known = list(clocks)
    if sum(map(len, known)) < 3:
        return None
    for times in known:
        if len(times) > 1 and float(np.diff(times).min()) < _FEWEST_DAYS * _DAY:
            return None
    wall = _wall(np.concatenate(known), tz)
    time_of_day = wall % _DAY
    if (time_of_day != time_of_day[0]).any():
        return None
    day = (wall // _DAY).view("M8[D]")
    of_month = (day - day.astype("M8[M]").astype("M8[D]")).astype(np.int64)
    before_end = ((day.astype("M8[M]") + 1).astype("M8[D]") - day).astype(np.int64)
    if (before_end == before_end[0]).all() and before_end[0] == 1:
        return int(before_end[0] * _DAY - time_of_day[0])
    if (of_month == of_month[0]).all() and of_month[0] < _COMMON_DAYS:
        return -int(of_month[0] * _DAY + time_of_day[0])
    return None


def to_months(times: Nanoseconds, shift: int, tz: str | None) -> Nanoseconds:
    """Instants in nanoseconds on the clock that counts months."""
    moved = _wall(times, tz) + shift
    month = moved.view("M8[ns]").astype("M8[M]")
    begin, end = _begin_and_end(month)
    passed = np.rint((moved - begin) / (end - begin) * MONTH).astype(np.int64)
    return np.asarray(month.astype(np.int64) * MONTH + passed)


def from_months(instants: Nanoseconds, shift: int, tz: str | None) -> Nanoseconds:
    """Inverse of :func:`to_months`, to the nanosecond but for rounding inside a month."""
    count, rest = np.divmod(np.asarray(instants, dtype=np.int64), MONTH)
    begin, end = _begin_and_end(count.view("M8[M]"))
    wall = begin + np.rint(rest / MONTH * (end - begin)).astype(np.int64) - shift
    if tz is None:
        return np.asarray(wall)
    index = pd.DatetimeIndex(wall.view("M8[ns]")).tz_localize(
        tz, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward"
    )
    return np.asarray(index.asi8)


def _begin_and_end(month: NDArray[np.datetime64]) -> tuple[Nanoseconds, Nanoseconds]:
    begin, end = (m.astype("M8[ns]").astype(np.int64) for m in (month, month + 1))
    return begin, end


def _wall(times: Nanoseconds, tz: str | None) -> Nanoseconds:
    """Instants on the wall clock of a zone."""
    if tz is None:
        return np.asarray(times, dtype=np.int64)
    index = pd.DatetimeIndex(times.view("M8[ns]"), tz="UTC")
    return np.asarray(index.tz_convert(tz).tz_localize(None).asi8)
