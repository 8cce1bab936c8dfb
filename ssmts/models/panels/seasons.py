"""Seasons of a panel: calendar units and spectral peaks whose phases explain variance."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np
from scipy.stats import f as f_distribution

from ssmts.models.panels.grid_series import GridSeries

__all__ = ["find_seasons"]

_USUAL = (4, 7, 12, 24, 52, 168, 365)  # offered where a clock has no units, or the spectrum says nothing
_CALENDAR_SECONDS = (3600.0, 86400.0, 604800.0, 365.2425 * 86400.0)
_LEAST_SHARE = 0.015  # of the variance around a moving mean, for a season to be one
_NEARLY = 0.8
_CHANCE = 1e-4
_MOST_CYCLES = 60
_MOST_SERIES = 500
_MOST = 2


def find_seasons(
    series: Seq[GridSeries], horizon: int, step_seconds: float | None, candidates: Seq[float]
) -> list[int]:
    """Seasons in reference steps, the one that explains most first.

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
    offered = {m for m in offered if m >= 2 and 2 * m + horizon <= typical}
    few = series[:: max(1, len(series) // _MOST_SERIES)]
    found = {m: _explained(few, m) for m in sorted(offered)}
    found = {m: share for m, share in found.items() if share > _LEAST_SHARE}
    if not found:
        return []
    best = max(found, key=lambda m: found[m])
    # The shortest season that explains nearly as much: its multiples repeat it.
    main = min(m for m in found if best % m == 0 and found[m] > _NEARLY * found[best])
    others = [m for m, share in found.items() if m % main == 0 and share > found[main] + _LEAST_SHARE]
    others += [m for m in found if m % main and main % m]
    return [main, *sorted(others, key=lambda m: -found[m])][:_MOST]


def _explained(series: Seq[GridSeries], period: int) -> float:
    """Share of the variance around a moving mean that the phase of a season explains, over all series.

    Adjusted for the number of phases; 0 where chance would explain as much.
    """
    between, within, n_free, n_phases = 0.0, 0.0, 0, 0
    for one in series:
        n_cycles = min((len(one.values) - period + 1) // period, _MOST_CYCLES)
        if n_cycles < 2:
            continue
        # From a moving mean over whole seasons, in which no season is left.
        sums = np.concatenate([[0.0], np.cumsum(one.values)])
        mean = (sums[period:] - sums[:-period]) / period
        middle = period // 2
        rest = one.values[middle : middle + len(mean)] - mean
        rest = rest[-n_cycles * period :]
        width = 3.0 * 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        if width <= 0.0:
            continue
        rest = np.clip(rest, -width, width) / width
        table = rest.reshape(n_cycles, period)
        phases = table.mean(axis=0)
        between += n_cycles * float(((phases - rest.mean()) ** 2).sum())
        within += float(((table - phases) ** 2).sum())
        n_free += n_cycles * period - period
        n_phases += period - 1
    if not n_free or within <= 0.0:
        return 0.0
    ratio = (between / n_phases) / (within / n_free)
    if f_distribution.sf(ratio, n_phases, n_free) > _CHANCE:
        return 0.0
    return 1.0 - (within / n_free) / ((between + within) / (n_free + n_phases))
