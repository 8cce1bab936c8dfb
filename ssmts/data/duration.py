"""Durations, horizons, contexts and steps as exact nanoseconds or plain numbers."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data._convert import is_integer, is_number, to_float
from ssmts.data.month_clock import MONTH, months_of
from ssmts.data.series import Clock, Panel, Times
from ssmts.errors import DurationError, HorizonError, ParameterError, TooShortError
from ssmts.wording import shown

__all__ = [
    "Step",
    "alias_of",
    "parse_context",
    "parse_duration",
    "parse_horizon",
    "parse_step",
    "reference_step",
]

Step = int | float | pd.tseries.offsets.BaseOffset

# pandas reads "2MS" (month starts) as two milliseconds and "4" as four nanoseconds; here a string is exact
# or refused.
_UNITS = {
    ("W", "w", "week", "weeks"): 604_800_000_000_000,
    ("D", "d", "day", "days"): 86_400_000_000_000,
    ("h", "hr", "hour", "hours"): 3_600_000_000_000,
    ("min", "minute", "minutes"): 60_000_000_000,
    ("s", "sec", "second", "seconds"): 1_000_000_000,
    ("ms",): 1_000_000,
    ("us", "µs"): 1_000,
    ("ns",): 1,
}
_NS = {name: ns for names, ns in _UNITS.items() for name in names}
_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)?\s*([A-Za-zµ]+)\s*")
_MOST_STEPS = 10**15
_JITTER = 0.01  # of the median interval: most intervals of a regular series are that close to it
_HOW = 'Write "4D", "15min", "1h30min", a pd.Timedelta, a datetime.timedelta or a np.timedelta64.'


def parse_duration(value: Any, clock: Clock) -> int | float:
    """Read a duration.

    Parameters
    ----------
    value : str, pandas.Timedelta, datetime.timedelta, numpy.timedelta64, pandas offset of fixed length, or
    number
        A number for number clocks only, anything else for datetime clocks only. A day is 24 hours.
    clock : Clock
        Clock of the times that it will be compared with. On one that counts months, aliases such as ``"6MS"``
        and ``"2YE"`` are durations as well.

    Returns
    -------
    int or float
        Nanoseconds for datetime clocks; a float for number clocks.

    Raises
    ------
    DurationError
        If it cannot be read, is not positive and finite, or does not suit the clock.
    """
    number = is_number(value) and not isinstance(value, np.timedelta64)
    if clock.kind == "number":
        if not number:
            raise DurationError(
                f"Duration {shown(value)} does not suit times that are plain numbers. Give a positive "
                "number in their unit."
            )
        duration: int | float = to_float(value)
    elif number or isinstance(value, bool | np.bool_):
        raise DurationError(f"{shown(value)} is no duration: the times of X are datetimes. {_HOW}")
    elif clock.months is not None and (months := _whole_months(value)) is not None:
        duration = months * MONTH
    else:
        duration = _nanoseconds(value)
    if not 0 < duration < np.inf:
        raise DurationError(f"Duration {shown(value)} is not positive and finite. Give a longer one.")
    if clock.kind == "datetime" and duration > np.iinfo(np.int64).max:
        raise DurationError(
            f"Duration {shown(value)} is longer than the 292 years that nanoseconds can count. Give a "
            "shorter one."
        )
    return duration


def parse_horizon(horizon: Any, clock: Clock, step: float) -> int | float:
    """Read a horizon.

    Parameters
    ----------
    horizon : int, or duration as for :func:`parse_duration`
        An int counts reference steps.
    clock : Clock
    step : float
        Reference step in the unit of the clock.

    Returns
    -------
    int or float
        In the unit of the clock.

    Raises
    ------
    HorizonError
        If it is neither a positive whole number nor a duration.
    DurationError
    """
    if is_integer(horizon):
        if horizon < 1:
            raise HorizonError(
                f"horizon={horizon} is not positive. Give at least 1 reference step, or a duration."
            )
        if horizon > _MOST_STEPS:
            raise HorizonError("horizon is an integer of more steps than can be counted. Give fewer.")
        return int(horizon) * step
    if (
        isinstance(horizon, bool)
        or horizon is None
        or (isinstance(horizon, float) and clock.kind != "number")
    ):
        raise HorizonError(
            f"horizon={shown(horizon)} is neither a whole number of reference steps nor a duration such "
            "as '4D'."
        )
    return parse_duration(horizon, clock)


def parse_context(context: Any, clock: Clock, step: float) -> float:
    """Read a context.

    Parameters
    ----------
    context : int, or duration as for :func:`parse_duration`
        An int counts reference steps.
    clock : Clock
    step : float
        Reference step in the unit of the clock.

    Returns
    -------
    float
        In reference steps, at least 2.

    Raises
    ------
    ParameterError
        If it is shorter than 2 reference steps, or neither a whole number nor a duration.
    DurationError
    """
    if is_integer(context):
        steps = to_float(context)
    elif isinstance(context, bool) or (isinstance(context, float) and clock.kind != "number"):
        raise ParameterError(
            "context_length", context, "a whole number of reference steps, a duration or None"
        )
    else:
        steps = parse_duration(context, clock) / step
        if abs(steps - round(steps)) < 1e-6:  # whatever the unit of a number clock rounds to
            steps = float(round(steps))
    if steps < 2:
        raise ParameterError("context_length", context, "at least 2 reference steps")
    return steps


def parse_step(value: Any, clock: Clock) -> Step:
    """Read the spacing of an output: a duration, or a calendar offset such as ``"MS"`` or ``"B"``.

    Parameters
    ----------
    value : duration as for :func:`parse_duration`, str or pandas offset
        A string that is no duration is looked up among pandas' offset aliases.
    clock : Clock
        A calendar offset needs a datetime clock.

    Returns
    -------
    int, float or pandas offset
        A fixed duration in the unit of the clock, or an offset that follows the calendar.

    Raises
    ------
    DurationError
        If it is neither.
    """
    if clock.kind == "datetime":
        if isinstance(value, pd.tseries.offsets.BaseOffset) and not isinstance(
            value, pd.tseries.offsets.Tick
        ):
            return _forward(value)
        if isinstance(value, str) and _string_nanoseconds(value) is None:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)  # of pandas 2, of names in lower case
                    offset = pd.tseries.frequencies.to_offset(value)
                return _forward(offset)
            except ValueError:
                raise DurationError(
                    f"{shown(value)} is neither a duration nor a calendar offset. {_HOW} Or an offset "
                    "such as "
                    '"MS" or "B".'
                ) from None
    return parse_duration(value, clock)


def alias_of(offset: pd.tseries.offsets.BaseOffset) -> str | None:
    """The alias of a pandas offset, such as ``"MS"``; None for one that cannot be read back from text.

    Parameters
    ----------
    offset : pandas offset

    Returns
    -------
    str or None
    """
    alias: str = offset.freqstr
    try:
        pd.tseries.frequencies.to_offset(alias)
    except (ValueError, OverflowError):
        return None
    return alias


def _whole_months(value: Any) -> int | None:
    """Months of a pandas offset or its alias; None where it counts something else."""
    if isinstance(value, str) and _string_nanoseconds(value) is None:
        try:
            value = pd.tseries.frequencies.to_offset(value)
        except ValueError:
            return None
    return months_of(value)


def reference_step(panel: Panel) -> int | float:
    """Median over series of their median interval: the unit in which models count time.

    Rows in which no channel was observed do not count. Where rows are single observations (a channel column)
    every channel of every series counts as a series. Medians are lower medians, so that the step is an
    interval that occurs and integer nanoseconds stay integer. Where the median is that of an irregular
    series, the nearest interval of a regular one takes its place, up to twice or half of it
    (docs/decisions/033-reference-step-of-mixed-rates.md).

    Parameters
    ----------
    panel : Panel
        At least one series needs two observed rows.

    Returns
    -------
    int or float
        Nanoseconds, or the unit of a number clock.

    Raises
    ------
    TooShortError
        If no series has two observed rows.
    """
    medians, regular = [], []
    for times in _clocks(panel):
        intervals = np.diff(times)
        if len(intervals):
            middle = (len(intervals) - 1) // 2
            median = np.partition(intervals, middle)[middle].item()
            medians.append(median)
            if np.count_nonzero(np.abs(intervals - median) <= _JITTER * median) > middle:
                regular.append(median)
    if not medians:
        raise TooShortError(
            "No series has two observations, so there is no interval between them: Found array with 1 sample "
            "(n_samples=1) while a minimum of 2 is required. Give more history."
        )
    medians.sort()
    step: int | float = medians[(len(medians) - 1) // 2]
    if step in regular:
        return step
    distance, nearest = min(((abs(np.log(own / step)), own) for own in regular), default=(np.inf, step))
    return nearest if distance <= np.log(2.0) else step


def _clocks(panel: Panel) -> Iterator[Times]:
    """Times at which each series, or each channel of it, was observed."""
    for series in panel.series:
        missing = np.isnan(series.values)
        if panel.layout.channel_col is not None:
            yield from (series.times[~own] for own in missing.T)
            continue
        nothing = missing.all(axis=1)
        yield series.times[~nothing] if nothing.any() else series.times


def _nanoseconds(value: Any) -> int:
    """Nanoseconds of any fixed duration."""
    if isinstance(value, str):
        duration = _string_nanoseconds(value)
        if duration is None:
            raise DurationError(
                f"{shown(value)} is no duration. {_HOW} Months and years have no fixed length."
            )
        return duration
    if isinstance(value, np.timedelta64):
        if np.isnat(value) or np.datetime_data(value)[0] in ("generic", "M", "Y"):
            raise DurationError(f"{shown(value)} has no fixed length. {_HOW}")
    elif value is pd.NaT or not isinstance(value, dt.timedelta | pd.tseries.offsets.BaseOffset):
        raise DurationError(f"{shown(value)} of type {type(value).__name__} is no duration. {_HOW}")
    try:
        return int(pd.Timedelta(value).as_unit("ns").value)
    except ValueError as error:
        raise DurationError(
            f"{shown(value)} has no fixed length, or one that nanoseconds cannot count. {_HOW}"
        ) from error


def _string_nanoseconds(text: str) -> int | None:
    """Nanoseconds of "1h30min" and similar text; None for other text."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    total, place = Fraction(0), 0
    while place < len(rest):
        part = _PART.match(rest, place)
        if part is None or part[2] not in _NS or (part[1] is None and place):
            return None
        total += Fraction(part[1] or 1) * _NS[part[2]]
        place = part.end()
    if not rest:
        return None
    if total.denominator != 1:
        raise DurationError(f"Duration {text!r} is not a whole number of nanoseconds. Round it.")
    return sign * int(total)


def _forward(offset: pd.tseries.offsets.BaseOffset) -> pd.tseries.offsets.BaseOffset:
    """Raise for offsets that do not advance."""
    if offset.n <= 0:
        raise DurationError(f"Step {offset.freqstr!r} does not run forward in time. Give a positive one.")
    return offset
