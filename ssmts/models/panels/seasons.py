"""Seasons of a panel: calendar units and spectral peaks that seasonal forecasts gain from on held-out ends."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np

from ssmts.models.panels.branch import series_unit
from ssmts.models.panels.grid_series import GridSeries, batches
from ssmts.models.panels.simple_forecasts import simple_forecasts, simple_names

__all__ = ["find_seasons"]

_USUAL = (4, 7, 12, 24, 52)  # offered where a clock has no units, or the spectrum says nothing
_CALENDAR_SECONDS = (3600.0, 86400.0, 604800.0, 365.2425 * 86400.0)
_GAIN = 0.98  # error of the best seasonal forecast over that of the best other, for a season to be one
_MOST_SERIES = 500
_MOST = 2


def find_seasons(
    series: Seq[GridSeries], horizon: int, step_seconds: float | None, candidates: Seq[float]
) -> list[int]:
    """Seasons in reference steps, the one with the least error first.

    Parameters
    ----------
    series : sequence of GridSeries
    horizon : int
    step_seconds : float or None
        Length of a reference step; None for unit-less clocks.
    candidates : sequence of float
        Further periods, as from the spectrum.
    """
    typical = float(np.median([len(one.values) for one in series]))
    offered = {round(period) for period in candidates if abs(period - round(period)) < 0.02 * period}
    if step_seconds is None:
        offered |= set(_USUAL)
    else:
        offered |= {round(unit / step_seconds) for unit in _CALENDAR_SECONDS}
        if step_seconds >= 20 * 86400:  # months and longer: their lengths differ
            offered |= {round(365.2425 * 86400 / step_seconds)}
    offered = {m for m in offered if 2 <= m and 2 * m + horizon <= typical}
    errors = _errors_by_season(series[:: max(1, len(series) // _MOST_SERIES)], horizon, sorted(offered))
    plain = errors.pop(1)
    good = sorted((error, m) for m, error in errors.items() if error < _GAIN * plain)
    chosen: list[int] = []
    for _, m in good:  # a multiple says what its fraction says, unless it is better by itself
        if not any(known % m == 0 for known in chosen):
            chosen.append(m)
    return chosen[:_MOST]


def _errors_by_season(series: Seq[GridSeries], horizon: int, seasons: Seq[int]) -> dict[int, float]:
    """Mean absolute error of the best forecast of each season at the last two origins; 1: of all others."""
    names = simple_names(seasons)
    total, count = np.zeros(len(names)), 0.0
    for batch in batches(series):
        unit = series_unit(batch.values, batch.first, 1)
        for back in (horizon, horizon + max(1, horizon // 2)):
            end = batch.values.shape[1] - back
            able = batch.first < end - 2
            if end < 3 or not able.any():
                continue
            forecasts = simple_forecasts(batch.values[able, :end], horizon, seasons)
            truth = batch.values[able, end : end + horizon]
            missed = np.abs(forecasts - truth[:, None]).mean(axis=-1) / unit[able, None]
            # A series counts by how its methods compare, not by how hard it is.
            total += (missed / (missed.mean(axis=1, keepdims=True) + 1e-9)).sum(axis=0)
            count += len(truth)
    means = total / max(count, 1.0)
    errors = {1: float(min(m for m, name in zip(means, names) if not name.startswith("seasonal")))}
    for season in seasons:
        ends = (f"_{season}", f"x{season}")
        errors[season] = float(min(m for m, name in zip(means, names) if name.endswith(ends) and "seasonal" in name))
    return errors
