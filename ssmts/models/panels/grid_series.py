"""Sequences on the reference grid, in batches of like length: what the panel branch learns from."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.sequences.sequence import Sequence

__all__ = ["GridBatch", "GridSeries", "batches", "on_grid"]

_CLOSE = 1.5  # reference steps: observations no further apart vouch for what lies between them
_CALENDAR = (0.8, 1.25)  # reference steps between rows of a calendar
_MOST_VALUES = 2_000_000  # in a batch
_MOST_RATIO = 1.5  # of the lengths in a batch


@dataclass(frozen=True)
class GridSeries:
    """One sequence on the reference grid that ends at its last observation.

    Parameters
    ----------
    values : ndarray of float64, shape (length,)
        Standardised; on the line between the neighbours where nothing was observed.
    seen : ndarray of bool, shape (length,), or None
        Where an observation is or vouches for its surroundings; None: everywhere.
    weights : ndarray of float64, shape (length,), or None
        How much a window counts that ends here; None: 1.
    group : int
        Number of the series (and channel) that it is of.
    """

    values: Float
    seen: NDArray[np.bool_] | None
    weights: Float | None
    group: int


@dataclass(frozen=True)
class GridBatch:
    """Series of like length, aligned at their ends.

    Parameters
    ----------
    values : ndarray of float64, shape (n, length)
        Shorter series are filled up with their first value.
    first : ndarray of int64, shape (n,)
        Column of each series' first value.
    seen : ndarray of bool, shape (n, length), or None
    weights : ndarray of float64, shape (n, length), or None
    groups : ndarray of int64, shape (n,)
    """

    values: Float
    first: Rows
    seen: NDArray[np.bool_] | None
    weights: Float | None
    groups: Rows

    @property
    def lengths(self) -> Rows:
        """Number of values of each series."""
        return np.asarray(self.values.shape[1] - self.first)


def on_grid(times: Float, values: Float) -> tuple[Float, NDArray[np.bool_] | None]:
    """Values on the reference grid that ends at the last observation, read on lines, and where one was seen.

    Rows of a calendar, such as months, stand for a step each, although steps differ in length.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        Strictly increasing, in reference steps.
    values : ndarray of float64, shape (n, length)

    Returns
    -------
    values : ndarray of float64, shape (n, n_steps)
    seen : ndarray of bool, shape (n_steps,), or None
        None: every grid instant is an observation.
    """
    apart = np.diff(times)
    if len(times) < 2 or (apart.min() > _CALENDAR[0] and apart.max() < _CALENDAR[1]):
        return values, None
    n_steps = int(times[-1] - times[0] + 1e-6) + 1
    grid = times[-1] - np.arange(n_steps)[::-1]
    filled = np.stack([np.interp(grid, times, own) for own in values])
    after = np.minimum(np.searchsorted(times, grid - 1e-6), len(times) - 1)
    gap = times[after] - times[np.maximum(after - 1, 0)]
    seen = (gap <= _CLOSE) | (np.abs(times[after] - grid) < 1e-5)
    return filled, None if seen.all() else seen


def grid_series(sequences: Seq[Sequence]) -> list[GridSeries]:
    """Every sequence on the reference grid; of several phases of a series the one that ends last."""
    latest: dict[int, Sequence] = {}
    for one in sequences:
        known = latest.get(one.group)
        if known is None or one.start + one.times[-1] > known.start + known.times[-1]:
            latest[one.group] = one
    found = []
    for group, one in latest.items():
        values, seen = on_grid(one.times, one.values[None])
        weights = None
        if one.weights is not None:
            grid = one.times[-1] - np.arange(values.shape[1])[::-1]
            nearest = np.clip(np.searchsorted(one.times, grid - 1e-6), 0, len(one.times) - 1)
            weights = one.weights[nearest]
        found.append(GridSeries(values[0], seen, weights, group))
    return found


def batches(series: Seq[GridSeries], most: int = _MOST_VALUES) -> Iterator[GridBatch]:
    """Series of like length together, shortest first."""
    order = sorted(range(len(series)), key=lambda number: len(series[number].values))
    begin = 0
    while begin < len(order):
        shortest = len(series[order[begin]].values)
        end = begin
        while end < len(order):
            length = len(series[order[end]].values)
            if end > begin and (length > _MOST_RATIO * shortest or length * (end - begin + 1) > most):
                break
            end += 1
        yield _batch([series[number] for number in order[begin:end]])
        begin = end


def _batch(members: Seq[GridSeries]) -> GridBatch:
    longest = max(len(one.values) for one in members)
    values = np.empty((len(members), longest))
    first = np.array([longest - len(one.values) for one in members])
    some_missing = any(one.seen is not None for one in members)
    seen = np.zeros(values.shape, dtype=bool) if some_missing else None
    weights = np.zeros(values.shape) if any(one.weights is not None for one in members) else None
    for row, (one, start) in enumerate(zip(members, first)):
        values[row, start:], values[row, :start] = one.values, one.values[0]
        if seen is not None:
            seen[row, start:] = True if one.seen is None else one.seen
        if weights is not None:
            weights[row, start:] = 1.0 if one.weights is None else one.weights
    return GridBatch(
        values=values,
        first=first,
        seen=seen,
        weights=weights,
        groups=np.array([one.group for one in members]),
    )
