"""Training windows as views: nothing is stored per window."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from ssmts.data.duration import reference_step
from ssmts.data.series import Panel, Times
from ssmts.errors import HorizonError, ParameterError, TooShortError

__all__ = ["Window", "WindowBatch", "Windows"]


@dataclass(frozen=True, slots=True)
class Window:
    """Context and future of one origin: views into one series.

    Parameters
    ----------
    series : int
        Position of the series in the panel.
    times, future_times : ndarray of shape (n_context,) and (n_future,)
        The last of `times` is the origin.
    values, future : ndarray of shape (n_context, n_channels) and (n_future, n_channels)
        Observations up to the origin, and after it.
    """

    series: int
    times: Times
    values: NDArray[np.float64]
    future_times: Times
    future: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Windows gathered into arrays, padded on the right: a padded row repeats the last time and holds NaN.

    Parameters
    ----------
    series : ndarray of shape (batch,)
        Position of each window's series in the panel.
    times, future_times : ndarray of shape (batch, n_context) and (batch, n_future)
        Times of the rows.
    values, future : ndarray of shape (batch, n_context, n_channels) and (batch, n_future, n_channels)
        Observations.
    lengths, future_lengths : ndarray of shape (batch,)
        Rows that are not padding.
    """

    series: NDArray[np.intp]
    times: Times
    values: NDArray[np.float64]
    lengths: NDArray[np.intp]
    future_times: Times
    future: NDArray[np.float64]
    future_lengths: NDArray[np.intp]


class Windows(Sequence[Window]):
    """All (series, origin) pairs of a panel that have enough context and horizon.

    Memory is a few numbers per series, however many windows there are.

    Parameters
    ----------
    panel : Panel
        The series.
    context, horizon : int or float
        With ``by="rows"`` numbers of rows; with ``by="time"`` durations as the panel's clock counts them.
    by : {"rows", "time"}
        Rows suit a regular grid. By time, the context is what lies in (origin - context, origin] and the
        future what lies in (origin, origin + horizon]; a series must reach back to origin - context (less
        one reference step, so that both ways agree on a grid) and forward to origin + horizon.

    Raises
    ------
    ParameterError, HorizonError
        If context or horizon is not positive, or no whole number of rows.
    TooShortError
        If no series is long enough for one window.
    """

    def __init__(
        self, panel: Panel, *, context: float, horizon: float, by: Literal["rows", "time"] = "rows"
    ) -> None:
        if by not in ("rows", "time"):
            raise ParameterError("by", by, 'one of "rows", "time"')
        if not context > 0 or (by == "rows" and context != int(context)):
            raise ParameterError("context", context, "positive, and a whole number of rows")
        if not horizon > 0 or (by == "rows" and horizon != int(horizon)):
            raise HorizonError(
                f"horizon={horizon!r} is not positive, or no whole number of rows. Give a longer one."
            )
        self.panel, self.context, self.horizon, self.by = panel, context, horizon, by
        ranges = self._ranges_by_rows() if by == "rows" else self._ranges_by_time()
        self._starts, stops = ranges.T
        self._ends = np.cumsum(np.maximum(stops - self._starts, 0))
        self._picked = range(int(self._ends[-1]))
        if not self._picked:
            clock = panel.clock
            need = [
                f"{int(it)} rows" if by == "rows" else clock.show_duration(it) for it in (context, horizon)
            ]
            raise TooShortError(
                f"No series is long enough for one window: a context of {need[0]} and a horizon of "
                f"{need[1]}. The longest has {max(len(series.times) for series in panel.series)} rows. Give "
                "more history, or shorten one of them."
            )

    @property
    def origins(self) -> NDArray[np.intp]:
        """First and one past the last origin row of each series, shape (n_series, 2); empty ranges where too
        short.

        A slice of windows keeps the ranges of the whole.
        """
        counts = np.diff(self._ends, prepend=0)
        return np.stack([self._starts, self._starts + counts], axis=1)

    def __len__(self) -> int:
        return len(self._picked)

    @overload
    def __getitem__(self, index: int) -> Window: ...
    @overload
    def __getitem__(self, index: slice) -> Windows: ...
    def __getitem__(self, index: int | slice) -> Window | Windows:
        """One window as views, or a part of the windows."""
        if isinstance(index, slice):
            part = copy(self)
            part._picked = self._picked[index]
            return part
        which, rows = self._locate(np.array([self._picked[index]]))
        series = self.panel.series[which[0]]
        begin, origin, end = (int(bound[0]) for bound in self._bounds(int(which[0]), rows))
        return Window(
            int(which[0]),
            series.times[begin:origin],
            series.values[begin:origin],
            series.times[origin:end],
            series.values[origin:end],
        )

    def batch(self, indices: Sequence[int] | NDArray[np.intp]) -> WindowBatch:
        """Gather windows into padded arrays (copies).

        Parameters
        ----------
        indices : sequence of int of shape (batch,)
            Positions in this sequence; negative ones count from the end.
        """
        asked = np.asarray(indices, dtype=np.intp)
        if asked.size and (asked.min() < -len(self) or asked.max() >= len(self)):
            raise IndexError(
                f"indices reach from {asked.min()} to {asked.max()}, but there are {len(self)} windows"
            )
        picked = self._picked.start + np.where(asked < 0, asked + len(self), asked) * self._picked.step
        which, rows = self._locate(picked)
        bounds = np.empty((3, len(rows)), dtype=np.intp)
        groups = [(number, np.flatnonzero(which == number)) for number in np.unique(which)]
        for number, members in groups:
            bounds[:, members] = self._bounds(int(number), rows[members])
        times, values = self._gather(groups, bounds[0], bounds[1])
        future_times, future = self._gather(groups, bounds[1], bounds[2])
        return WindowBatch(
            which, times, values, bounds[1] - bounds[0], future_times, future, bounds[2] - bounds[1]
        )

    def _ranges_by_rows(self) -> NDArray[np.intp]:
        """Origin rows of each series on a grid."""
        last = [len(series.times) - int(self.horizon) for series in self.panel.series]
        return np.array([(int(self.context) - 1, stop) for stop in last], dtype=np.intp)

    def _ranges_by_time(self) -> NDArray[np.intp]:
        """Origin rows of each series between (first + context - step) and (last - horizon)."""
        slack = reference_step(self.panel)
        ranges = []
        for series in self.panel.series:
            times = series.times
            first = np.searchsorted(times, times[0] + (self.context - slack), side="left")
            ranges.append((first, np.searchsorted(times, times[-1] - self.horizon, side="right")))
        return np.array(ranges, dtype=np.intp)

    def _locate(self, picked: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Series and origin row of windows by their number among all."""
        which = np.searchsorted(self._ends, picked, side="right")
        before = np.where(which > 0, self._ends[which - 1], 0)
        return which, self._starts[which] + picked - before

    def _bounds(
        self, number: int, rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """First row of the context, first of the future, one past the last, for origins of one series."""
        if self.by == "rows":
            return rows + 1 - int(self.context), rows + 1, rows + 1 + int(self.horizon)
        times = self.panel.series[number].times
        begin = np.searchsorted(times, times[rows] - self.context, side="right")
        return begin, rows + 1, np.searchsorted(times, times[rows] + self.horizon, side="right")

    def _gather(
        self, groups: list[tuple[np.intp, NDArray[np.intp]]], begins: NDArray[np.intp], ends: NDArray[np.intp]
    ) -> tuple[Times, NDArray[np.float64]]:
        """Rows [begin, end) of each window, padded to the longest."""
        steps = np.arange(int((ends - begins).max(initial=0)))
        rows = begins[:, None] + np.minimum(steps, ends[:, None] - begins[:, None] - 1)
        times = np.empty(rows.shape, dtype=self.panel.series[0].times.dtype)
        values = np.empty((*rows.shape, self.panel.n_channels))
        for number, members in groups:
            series = self.panel.series[number]
            times[members] = series.times[rows[members]]
            values[members] = series.values[rows[members]]
        values[steps >= (ends - begins)[:, None]] = np.nan
        return times, values
