"""Channels of a panel on the reference grid, their season and the scale of their errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float
from ssmts.data.series import Panel, Series, Times
from ssmts.models.linear.seasonal_periods import candidate_periods
from ssmts.models.panels.grid_series import grid_series, on_grid
from ssmts.models.panels.seasons import find_seasons
from ssmts.models.sequences.grid import on_reference_grid
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import stack_sequences
from ssmts.models.sequences.training_sequences import training_sequences

__all__ = ["channel_on_grid", "grid_leads", "main_season", "seasonal_scale"]

_CALENDAR = (0.8, 1.25)  # reference steps between rows of a calendar, as in `panels.grid_series`
_REPEAT = 0.02  # of a whole multiple
_LONGEST = 32  # horizons: the longest season that is looked for


def main_season(panel: Panel, step: float, n_steps: int) -> int:
    """The season of a panel in reference steps that explains most; 1 where none does.

    Parameters
    ----------
    panel : Panel
    step : int or float
        Reference step in the unit of the clock.
    n_steps : int
        Horizon in reference steps.
    """
    sequences = training_sequences(panel, Scaling.of(panel, panel).as_panel, step)
    series = [one for one in grid_series(sequences) if len(one.values) > 1]
    if not series:
        return 1
    seconds = panel.clock.seconds(step)
    peaks = candidate_periods(stack_sequences(sequences), float(_LONGEST * n_steps), seconds)
    seasons = find_seasons(series, n_steps, seconds, peaks)
    main = next(iter(seasons), 1)
    for shorter in seasons:  # 365 weeks are seven years of 52.14: a repeat, not the season
        ratio = main / shorter
        if ratio > 1.5 and abs(ratio - round(ratio)) < _REPEAT * ratio:
            main = shorter
    return main


def channel_on_grid(
    series: Series, channel: int, step: float
) -> tuple[Float, NDArray[np.bool_] | None, float] | None:
    """Values of a channel on the reference grid that ends at its last observation; None without any.

    Parameters
    ----------
    series : Series
    channel : int
    step : int or float
        Reference step in the unit of the clock.

    Returns
    -------
    values : ndarray of float64, shape (length,)
        On the line between the neighbours where nothing was observed.
    seen : ndarray of bool, shape (length,), or None
        Where an observation is near; None: everywhere.
    last : int or float
        Instant of the last observation.
    """
    rows = ~np.isnan(series.values[:, channel])
    times = series.times[rows]
    if not len(times):
        return None
    last = times[-1].item()
    relative = (times - last) / step
    ((relative, values),) = on_reference_grid(relative, series.values[rows, channel][None], every_phase=False)
    values, seen = on_grid(relative - relative[0], values)
    return values[0], seen, last


def grid_leads(last: float, times: Times, step: float) -> Float:
    """Lead times of instants in reference steps; rows of a calendar count one each, whatever their length."""
    leads = np.asarray((times - last) / step, dtype=np.float64)
    apart = np.diff(leads, prepend=0.0)
    if len(leads) and apart.min() > _CALENDAR[0] and apart.max() < _CALENDAR[1]:
        return np.asarray(np.arange(1.0, len(leads) + 1.0), dtype=np.float64)
    return leads


def seasonal_scale(values: Float, seen: NDArray[np.bool_] | None, season: int) -> float:
    """Mean absolute difference of values a season apart, the unit of MASE; of neighbours in short series.

    NaN where no two values are that far apart, 0 for a constant series.
    """
    m = season if len(values) > season else 1
    differences = np.abs(values[m:] - values[:-m])
    if seen is not None:
        differences = differences[seen[m:] & seen[:-m]]
    return float(differences.mean()) if len(differences) else float("nan")
