"""Instants of a forecast: regular steps, the calendar, or a list."""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._convert import Instants, is_number, read_ids, read_instants, to_float
from ssmts.data._table import Table
from ssmts.data.duration import Step
from ssmts.data.series import Layout, Panel, Series, Times
from ssmts.errors import ClockMismatchError, DurationError, HorizonError, InstantError
from ssmts.wording import listed, shown

__all__ = ["output_times", "parse_instant", "parse_instants", "times_between"]


_MOST = 10_000_000  # instants of a series: a finer step is a slip rather than a wish


def output_times(origin: float, *, horizon: float, step: Step, layout: Layout) -> Times:
    """Instants of a forecast in regular steps.

    Parameters
    ----------
    origin : int or float
        Time of the last observation.
    horizon : int or float
        How far to go, in nanoseconds or in the unit of a number clock.
    step : int, float or pandas offset
        As :func:`~ssmts.data.parse_step` gives it. Fixed steps run in UTC and give floor(horizon / step +
        1e-6) rows; calendar offsets run on the wall clock of the layout's zone, up to origin + horizon
        inclusive. A stamp that a clock change skips moves forward to the first instant that exists; one that
        occurs twice is the first.
    layout : Layout
        Clock and time zone.

    Returns
    -------
    ndarray of shape (n_rows,)
        Strictly increasing, all after the origin; int64 nanoseconds or float64.

    Raises
    ------
    HorizonError
        If not one step fits, or the times leave the years that nanoseconds can count.
    DurationError
        If the step is so fine that there are more than ten million instants, or leads to no later stamp.
    """
    clock = layout.clock
    too_short = f"Horizon {clock.show_duration(horizon)} is shorter than one step"
    limit = np.iinfo(np.int64).max
    if clock.kind == "datetime" and origin + horizon > limit:
        raise HorizonError(
            f"Horizon {clock.show_duration(horizon)} runs beyond the year 2262. Give a shorter one."
        )
    if isinstance(step, pd.tseries.offsets.BaseOffset):
        times = _calendar_times(int(origin), int(horizon), step, layout)
        if not len(times):
            raise HorizonError(
                f"{too_short} ({step.freqstr}) from {layout.show_instant(origin)}. Give a longer one."
            )
        return times
    n_rows = _count(horizon, step, layout)
    if n_rows < 1:
        raise HorizonError(
            f"{too_short} ({clock.show_duration(step)}). Give a longer horizon or a finer step."
        )
    if clock.kind == "datetime" and origin + n_rows * step > limit:
        raise HorizonError(
            f"Horizon {clock.show_duration(horizon)} runs beyond the year 2262. Give a shorter one."
        )
    steps: Any = np.arange(1, n_rows + 1)
    instants: Times = origin + step * steps
    return instants


def times_between(first: float, last: float, step: Step, layout: Layout) -> Times:
    """Instants in regular steps from the first to the last, both included.

    Parameters
    ----------
    first, last : int or float
    step : int, float or pandas offset
        As for :func:`output_times`; calendar offsets give their stamps, among which `first` need not be.
    layout : Layout

    Returns
    -------
    ndarray of shape (n_rows,)
        Strictly increasing; int64 nanoseconds or float64.

    Raises
    ------
    InstantError
        If no stamp of the calendar lies between them.
    DurationError
        As for :func:`output_times`.
    """
    if isinstance(step, pd.tseries.offsets.BaseOffset):
        times = _calendar_times(int(first) - 1, int(last - first) + 1, step, layout)
        if not len(times):
            raise InstantError(
                f"No stamp of step {step.freqstr!r} lies between {layout.show_instant(first)} and "
                f"{layout.show_instant(last)}. Give a finer one."
            )
        return times
    steps: Any = np.arange(_count(last - first, step, layout) + 1)
    instants: Times = np.minimum(first + step * steps, last)
    return instants


def _count(duration: float, step: float, layout: Layout) -> int:
    """Number of whole steps in a duration."""
    count = float(np.floor(duration / step + 1e-6))
    if count > _MOST:
        show = layout.clock.show_duration
        raise DurationError(
            f"Step {show(step)} makes {count:.3g} instants of {show(duration)}, more than {_MOST:,}. Give a "
            "coarser step, or a shorter horizon."
        )
    return int(count)


def _calendar_times(
    origin: int, horizon: int, offset: pd.tseries.offsets.BaseOffset, layout: Layout
) -> NDArray[np.int64]:
    """Stamps of a calendar offset in (origin, origin + horizon], on the wall clock."""
    both = layout.to_stamps(np.array([origin, origin + horizon]))
    ends = pd.DatetimeIndex(both.view("M8[ns]"))
    if layout.tz is not None:
        ends = ends.tz_localize("UTC").tz_convert(layout.tz).tz_localize(None)
    day = pd.Timedelta(days=1)  # a clock change moves wall time by less than this
    try:
        stamps = pd.date_range(ends[0], ends[1] + day, freq=offset, unit="ns")
    except (ValueError, OverflowError) as error:
        raise DurationError(
            f"Step {shown(offset)} gives no stamps from {layout.show_instant(origin)} to "
            f"{layout.show_instant(origin + horizon)}: {error}. Give one that leads from each stamp to a "
            "later one."
        ) from error
    if layout.tz is not None:
        stamps = stamps.tz_localize(
            layout.tz, ambiguous=np.ones(len(stamps), dtype=bool), nonexistent="shift_forward"
        )
    times = layout.to_instants(np.unique(stamps.asi8)).astype(np.int64, copy=False)
    return times[(times > origin) & (times <= origin + horizon)]


def parse_instants(at: Any, panel: Panel, *, past: bool = False) -> list[Times]:
    """Read ``predict(at=...)``, or ``reconstruct(at=...)``.

    Parameters
    ----------
    at : stamp, list of stamps, array, DatetimeIndex, Series, or frame
        The same instants for every series; or a frame with the id and time columns of the panel, with rows
        for each series. Naive or with a time zone as the panel is; the order is kept.
    panel : Panel
        The series that are forecast or reconstructed.
    past : bool, default=False
        Instants lie from the first row of a series to its last, instead of after its origin.

    Returns
    -------
    list of ndarray
        Instants of each series.

    Raises
    ------
    InstantError
        If an instant cannot be read, appears twice, or does not lie where it should; if a series has no
        instant, or an id is not in the panel.
    ClockMismatchError
        If instants and panel are counted differently.
    """
    if hasattr(type(at), "columns"):
        return _from_frame(Table(at), panel, past=past)
    instants = _same_clock(read_instants(_as_column(at), "at", lambda row: f"at[{row}]"), panel.layout)
    for series in panel.series:
        _check(instants, series, panel.layout, past=past)
    return [instants] * len(panel.series)


def parse_instant(time: Any, layout: Layout) -> int | float:
    """Read one instant.

    Parameters
    ----------
    time : stamp as pandas reads it, or number
    layout : Layout
        Clock and time zone of the data that it belongs to.

    Returns
    -------
    int or float
        Nanoseconds, or the number itself for a number clock.

    Raises
    ------
    InstantError
        If it is no instant.
    ClockMismatchError
        If it has a time zone and the data has none, or the reverse.
    """
    if layout.clock.kind == "number":
        if is_number(time) and np.isfinite(number := to_float(time)):
            return number
        raise InstantError(f"{shown(time)} is no instant: times of this data are finite numbers.")
    if isinstance(time, pd.Period):
        time = time.start_time
    if not isinstance(time, str | dt.date | np.datetime64):
        raise InstantError(f"{shown(time)} is no instant. Give a stamp, e.g. pd.Timestamp or datetime.")
    try:
        stamp = pd.Timestamp(time)
        nanoseconds = int(stamp.as_unit("ns").value)
    except (ValueError, OverflowError) as error:
        raise InstantError(
            f"{shown(time)} cannot be read as an instant: {str(error).rstrip('.')}. Give a stamp, e.g. "
            "pd.Timestamp or datetime."
        ) from error
    if pd.isna(stamp):
        raise InstantError("The time is missing (NaT). Give a stamp, e.g. pd.Timestamp or datetime.")
    if (stamp.tzinfo is None) != (layout.tz is None):
        has = "no time zone" if stamp.tzinfo is None else f"time zone {stamp.tzinfo}"
        raise ClockMismatchError(
            f"{shown(time)} has {has}, the data {'none' if layout.tz is None else layout.tz}. Use "
            "tz_localize or tz_convert."
        )
    return int(layout.to_instants(np.array([nanoseconds]))[0])


def _as_column(at: Any) -> nw.Series[Any]:
    """Stamps of any kind as one column; text is read as pandas reads it."""
    if nw.dependencies.is_polars_series(at):
        return nw.from_native(at, series_only=True)
    if isinstance(at, pd.MultiIndex):
        raise InstantError("at is an index of several levels. Give its times, or a frame with ids and times.")
    many = isinstance(at, pd.Index | pd.Series | np.ndarray | list | tuple) and np.ndim(at) > 0
    try:
        column = pd.Series(at if many else [at])
    except OverflowError as error:
        raise InstantError(
            f"at={shown(at)} holds an integer that is too large for a time. Give stamps, e.g. pd.Timestamp."
        ) from error
    if not len(column):
        raise InstantError("at is empty. Give at least one instant.")
    if isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
        try:
            column = _read_text(column)
        except (TypeError, ValueError) as error:
            raise InstantError(
                f"at={shown(at)} cannot be read as instants: {str(error).rstrip('.')}. Give stamps, e.g. "
                "pd.Timestamp."
            ) from error
    return nw.from_native(column, series_only=True)


def _read_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Stamps of ISO 8601 to whatever precision each is given, or of one other notation."""
    try:
        return pd.to_datetime(column, format="ISO8601")
    except ValueError:
        return pd.to_datetime(column)


def _same_clock(instants: Instants, layout: Layout) -> Times:
    """The times, provided that they are counted as the panel's are."""
    if instants.clock != layout.clock:
        raise ClockMismatchError(
            f"at holds {instants.clock.kind}s, the times of X are {layout.clock.kind}s. Give instants of the "
            "same kind."
        )
    if (instants.tz is None) != (layout.tz is None):
        zones = [f"in time zone {tz}" if tz else "without a time zone" for tz in (instants.tz, layout.tz)]
        raise ClockMismatchError(
            f"at is {zones[0]}, X is {zones[1]}. Use tz_localize or tz_convert on one of them."
        )
    return layout.to_instants(instants.times)


def _check(times: Times, series: Series, layout: Layout, *, past: bool) -> None:
    """Raise unless every instant is new and lies after the origin, or inside the past."""
    whose = series.whose
    show = layout.show_instant
    if past:
        first, last = series.times[0], series.times[-1]
        outside = (times < first) | (times > last)
        if outside.any():
            raise InstantError(
                f"at: {show(times[outside.argmax()])} is not inside the rows of X{whose}, which go from "
                f"{show(first)} to {show(last)}. Give more history, or ask predict for what comes after."
            )
    elif (early := times <= (origin := series.origin)).any():
        raise InstantError(
            f"at: {show(times[early.argmax()])} is not after the origin{whose}, {show(origin)}, its last "
            "observation. Ask for later instants, or cut X before them."
        )
    ordered = np.sort(times)
    if (twice := ordered[1:] == ordered[:-1]).any():
        raise InstantError(
            f"at: {show(ordered[twice.argmax()])} appears twice{whose}. Give each instant once."
        )


def _from_frame(table: Table, panel: Panel, *, past: bool) -> list[Times]:
    """Instants of each series from a frame with the panel's id and time columns."""
    layout = panel.layout
    for name in (layout.time_col, layout.id_col):
        if name is not None:
            table.require(name, "at: column")
    if layout.time_col is not None:
        column = table.column(layout.time_col)
    elif isinstance(table.index, pd.DatetimeIndex):
        column = table.level(0)
    else:
        raise InstantError(
            "at is a frame, but the times of X have no name to look for. Give a list of instants instead."
        )
    times = _same_clock(read_instants(column, "at", table.at), layout)
    if layout.id_col is None:
        groups: dict[Any, Times] = {series.id: times for series in panel.series}
    else:
        codes, ids = read_ids(table.column(layout.id_col), layout.id_col, table.at)
        groups = {id: times[codes == code] for code, id in enumerate(ids)}
        if unknown := groups.keys() - set(panel.ids):
            raise InstantError(
                f"at has instants for {layout.id_col} {listed(sorted(unknown, key=str))}, which X has "
                "not. Leave them out."
            )
    for series in panel.series:
        if series.id not in groups:
            raise InstantError(
                f"at has no instant for {layout.id_col} {shown(series.id)}. Add rows for it, or leave it "
                "out of X."
            )
        _check(groups[series.id], series, layout, past=past)
    return [groups[series.id] for series in panel.series]
