"""Clocks of sequences: regular intervals, the reference grid, cuts at an instant."""

from __future__ import annotations

import numpy as np

from ssmts.data.arrays import Float

__all__ = ["begun_at", "on_reference_grid", "regular_interval"]

_FINER = 0.75  # reference steps


def regular_interval(times: Float) -> float | None:
    """Interval of a regular clock, None for an irregular one; regularity is looked for, never assumed."""
    if len(times) < 2:
        return None
    interval = (times[-1] - times[0]) / (len(times) - 1)
    grid = np.arange(len(times)) * interval
    if np.abs(times - times[0] - grid).max() > 1e-6 * interval:
        return None
    nearest = round(interval)  # 1.0000000002 is 1 if the whole clock says so: caches and views then hit
    whole = nearest > 0 and abs(interval - nearest) * (len(times) - 1) < 1e-6 * nearest
    return float(nearest) if whole else float(interval)


def on_reference_grid(times: Float, values: Float, *, every_phase: bool) -> list[tuple[Float, Float]]:
    """Read observations that come faster than the reference step on the reference grid.

    What happens within a reference step is nothing that a model has learnt: fast modes would read it as a
    change of slope (docs/decisions/005-faster-than-the-reference-step.md). Other clocks stay as they are.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        In reference steps.
    values : ndarray of float64, shape (n, length)
    every_phase : bool
        All grids that there are in regular data (for training), or the one that ends at the last observation.

    Returns
    -------
    list of (times, values)
    """
    interval = regular_interval(times)
    typical = (
        interval if interval is not None else float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    )
    if typical > _FINER:
        return [(times, values)]
    each = round(1.0 / typical)
    if interval is not None and abs(each * interval - 1.0) * len(times) < 1e-3:
        last = (len(times) - 1) % each
        phases = [(last + 1 + p) % each for p in range(each)] if every_phase else [last]
        return [(times[phase::each], values[:, phase::each]) for phase in phases]
    grid = times[-1] - np.arange(int(times[-1] - times[0] + 1e-9) + 1.0)[::-1]
    return [(grid, np.stack([np.interp(grid, times, own) for own in values]))]


def begun_at(begin: float, times: Float, values: Float) -> tuple[Float, Float]:
    """Cut observations to an instant at which they begin, on the line between the two around it.

    Parameters
    ----------
    begin : float
    times : ndarray of float64, shape (length,)
        Increasing; the last one is not before `begin`.
    values : ndarray of float64, shape (n, length)

    Returns
    -------
    times, values : ndarray of float64
        As they are from the first observation on where none lies before `begin`.
    """
    first = int(np.searchsorted(times, begin - 1e-9 * (times[-1] - begin + 1.0), side="left"))
    after = times[first] - begin
    if first == 0 or after <= 1e-9 * (times[-1] - begin + 1.0):
        return times[first:], values[:, first:]
    share = (begin - times[first - 1]) / (times[first] - times[first - 1])
    start = values[:, first - 1] + share * (values[:, first] - values[:, first - 1])
    return np.append(begin, times[first:]), np.column_stack([start, values[:, first:]])
