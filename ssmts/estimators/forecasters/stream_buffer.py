"""The latest observations of a series, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data import (
    Covariates,
    Layout,
    Series,
    Times,
    covariates_since,
    merge_covariates,
    new_covariates,
)
from ssmts.data.arrays import Float
from ssmts.errors import DuplicateTimeError, InstantError
from ssmts.wording import shown

__all__ = ["SeriesBuffer", "StreamUpdate", "observed_rows"]

_NONE = np.zeros(1, dtype=bool)  # broadcasts to any number of rows
_SPARE = 16  # rows, at least a quarter of the window: free space after a rewrite


@dataclass(frozen=True)
class StreamUpdate:
    """Counts of the rows of an update; accepted, unchanged and expired rows add up to all rows.

    Parameters
    ----------
    accepted : int
        Rows with a value that is new to the window.
    late : int
        Accepted rows that are not newer than the observations of their series before the update.
    unchanged : int
        Rows with nothing new: repeated values, or no value.
    expired : int
        Rows older than the context before the latest observation; no forecast reads them.
    """

    accepted: int = 0
    late: int = 0
    unchanged: int = 0
    expired: int = 0

    def __add__(self, other: StreamUpdate) -> StreamUpdate:
        return StreamUpdate(
            self.accepted + other.accepted,
            self.late + other.late,
            self.unchanged + other.unchanged,
            self.expired + other.expired,
        )


class SeriesBuffer:
    """Rows of one series that a forecast from its latest observation reads.

    Appending is amortised O(1): arrays have free space of a quarter of the window, and are cut back to the
    window when they are full.

    Parameters
    ----------
    id : Hashable or None
    times : ndarray, shape (length,)
        Increasing; copied.
    values : ndarray of float64, shape (length, n_channels)
        At least one row, each with at least one value.
    reach : float
        Length of the context in the unit of the clock.
    max_jump : float
        How long after the one before it an observation may lie, likewise.
    run_in : float
        Time before the window from which covariates have an effect, likewise.
    partial : bool
        Whether channels may be missing altogether.
    covariates : Covariates, optional
    """

    __slots__ = (
        "_end",
        "_times",
        "_values",
        "covariates",
        "id",
        "max_jump",
        "origin",
        "partial",
        "reach",
        "run_in",
    )

    def __init__(
        self,
        id: Any,
        times: Times,
        values: Float,
        reach: float,
        *,
        max_jump: float,
        run_in: float = 0.0,
        partial: bool = False,
        covariates: Covariates | None = None,
    ) -> None:
        self.id, self.reach, self.run_in, self.partial = id, reach, run_in, partial
        self.max_jump = max_jump
        self.covariates = covariates
        self.keep(times, values)

    def keep(self, times: Times, values: Float) -> None:
        """Store the last window of these rows, with free space behind it.

        Also that of the row before the last one, so that the last one can be retracted.
        """
        until = max(len(times) - 1, 1)
        first = _first_needed(times[:until], values[:until], self.reach)
        n_rows = len(times) - first
        capacity = n_rows + max(_SPARE, n_rows // 4)
        self._times: Times = np.concatenate([times[first:], times[-1:].repeat(capacity - n_rows)])
        self._values = np.empty((capacity, values.shape[1]))
        self._values[:n_rows] = values[first:]
        self._end = n_rows
        self.origin: int | float = times[-1].item()
        self.covariates = covariates_since(self.covariates, self._times[0] - self.run_in)

    @property
    def series(self) -> Series:
        """A copy of the window."""
        times, values = self._times[: self._end], self._values[: self._end]
        first = _first_needed(times, values, self.reach)
        times, values = times[first:].copy(), values[first:].copy()
        return Series(self.id, times, values, covariates_since(self.covariates, times[0] - self.run_in))

    @property
    def kept(self) -> Series:
        """A copy of all rows kept: those of the window, and of the window before the last row came."""
        known = slice(self._end)
        return Series(self.id, self._times[known].copy(), self._values[known].copy(), self.covariates)

    @property
    def is_ready(self) -> bool:
        """Whether the window holds two observations of every channel; of one channel if `partial`."""
        times, values = self._times[: self._end], self._values[: self._end]
        if len(times) < 2 or times[-2] <= self.origin - self.reach:
            return False
        seen = [times[own] for own in ~np.isnan(values.T)]
        known = [
            len(own) > 1 and own[-1] > self.origin - self.reach and own[-2] > own[-1] - self.reach
            for own in seen
        ]
        return any(known) if self.partial else all(known)

    def append(self, times: Times, values: Float) -> None:
        """Add rows that are newer than all others."""
        end = self._end + len(times)
        if end > len(self._times):
            known = slice(self._end)
            self.keep(
                np.concatenate([self._times[known], times]), np.concatenate([self._values[known], values])
            )
            return
        self._times[self._end : end], self._values[self._end : end] = times, values
        self._end, self.origin = end, times[-1].item()

    def taking(
        self, series: Series, layout: Layout, *, replace: bool
    ) -> tuple[StreamUpdate, Callable[[], None]]:
        """Check new rows of the series; returns their report and a function that adds them.

        Parameters
        ----------
        series : Series
            Increasing times; rows without any value are allowed.
        layout : Layout
            Of the stream, for messages.
        replace : bool
            Whether a value may overwrite another value of the same instant.

        Raises
        ------
        DuplicateTimeError
            If an instant is known with another value, unless `replace`.
        InstantError
            If rows leave a gap as long as the context.
        """
        times, values, seen = series.times, series.values, observed_rows(series.values)
        covariates, news, report = self.covariates, _NONE, StreamUpdate()
        if covariates is not None and series.covariates is not None:
            own = new_covariates(covariates, series.covariates)
            news = np.isin(times, series.covariates.times[own])
            covariates = merge_covariates(covariates, series.covariates)
        if not seen.all():
            beside = news & ~seen  # covariates alone
            report = StreamUpdate(
                accepted=int(beside.sum()),
                late=int((beside & (times <= self.origin)).sum()),
                unchanged=int((~seen & ~news).sum()),
            )
            times, values, news = times[seen], values[seen], (news & seen)[seen]
        self.check_gaps(times, layout)
        write: Callable[[Times, Float], None] = self.append
        if len(times) and times[0] <= self.origin:
            times, values, changed = self._merged(times, values, news, layout, replace=replace)
            write, report = self.keep, report + changed
        else:
            report = StreamUpdate(report.accepted + len(times), report.late, report.unchanged)

        def change() -> None:
            self.covariates = covariates
            if len(times):
                write(times, values)

        return report, change

    def _merged(
        self, times: Times, values: Float, news: NDArray[np.bool_], layout: Layout, *, replace: bool
    ) -> tuple[Times, Float, StreamUpdate]:
        """The window with late rows merged in; `news` marks rows with new covariates."""
        known_times, known = self._times[: self._end], self._values[: self._end].copy()
        place = np.searchsorted(known_times, times)
        same = known_times[np.minimum(place, self._end - 1)] == times
        origin = max(self.origin, times[-1].item())
        expired = ~same & (times <= origin - self.reach)
        changed = np.zeros(len(times), dtype=bool)
        for row in np.flatnonzero(same):
            own, old = values[row], known[place[row]]
            differs = ~np.isnan(own) & ~_equal(own, old)
            conflict = differs & ~np.isnan(old)
            if conflict.any() and not replace:
                channel = int(conflict.argmax())
                raise DuplicateTimeError(
                    f"{_whose(self.id)}{shown(layout.channels[channel])} at "
                    f"{layout.show_instant(times[row])} is known as {old[channel]:g}, not "
                    f"{own[channel]:g}. Nothing was updated. Drop the row, or correct the value with "
                    "replace=True."
                )
            old[differs] = own[differs]
            changed[row] = differs.any()
        new = ~same & ~expired
        joined = np.concatenate([known_times, times[new]])
        order = np.argsort(joined, kind="stable")
        accepted = new | changed | news
        report = StreamUpdate(
            accepted=int(accepted.sum()),
            late=int((accepted & (times <= self.origin)).sum()),
            unchanged=int((same & ~accepted).sum()),
            expired=int((expired & ~accepted).sum()),
        )
        return joined[order], np.concatenate([known, values[new]])[order], report

    def retract(self, instant: float) -> bool:
        """Take the row of an instant out; False if there is none.

        Raises
        ------
        InstantError
            If it is the only one.
        """
        times, values = self._times[: self._end], self._values[: self._end]
        rest = times != instant
        if rest.all():
            return False
        if not rest.any():
            raise InstantError(
                f"{_whose(self.id)}the stream holds no other observation. Call forget() to drop the series."
            )
        self.keep(times[rest], values[rest])
        return True

    def check_gaps(self, times: Times, layout: Layout) -> None:
        """Raise if rows leave a gap as long as the context.

        Raises
        ------
        InstantError
        """
        previous = self.origin
        for instant in times.tolist():
            show = layout.clock.show_duration
            if instant - previous > self.max_jump:
                raise InstantError(
                    f"{_whose(self.id)}{layout.show_instant(instant)} lies {show(instant - previous)} after "
                    f"the observation before it ({layout.show_instant(previous)}), more than "
                    f"max_jump={show(self.max_jump)} allows. Nothing was updated. Correct the time, or begin "
                    "the stream with a longer max_jump."
                )
            if instant - previous >= self.reach:
                raise InstantError(
                    f"{_whose(self.id)}{layout.show_instant(instant)} lies {show(instant - previous)} after "
                    f"the observation before it ({layout.show_instant(previous)}), a whole context "
                    f"({show(self.reach)}) or more: the window would be empty. Nothing was updated. "
                    "Correct the time; if it is right, call forget() to start the series again."
                )
            previous = max(previous, instant)


def observed_rows(values: Float) -> NDArray[np.bool_]:
    """Whether any channel was observed in each row."""
    return np.asarray(~np.isnan(values).all(axis=1))


def _equal(one: Float, other: Float) -> NDArray[np.bool_]:
    """Equal numbers, or one that came back from float32."""
    with np.errstate(over="ignore"):
        halved = [own.astype(np.float32).astype(np.float64) for own in (one, other)]
    return np.asarray((one == other) | (halved[0] == other) | (one == halved[1]))


def _first_needed(times: Times, values: Float, reach: float) -> int:
    """First row that a forecast from the last row reads: the window of each channel, and one row before."""
    begin = int(np.searchsorted(times, times[-1] - reach, side="right"))
    missing = np.isnan(values)
    if not missing.any():
        return max(begin - 1, 0)
    first = begin
    for channel in range(values.shape[1]):
        rows = np.flatnonzero(~missing[:, channel])
        if len(rows) and rows[-1] >= begin:
            own = int(np.searchsorted(times[rows], times[rows[-1]] - reach, side="right"))
            first = min(first, int(rows[max(own - 1, 0)]))
    return first


def _whose(id: Any) -> str:
    return "" if id is None else f"Series {shown(id)}: "
