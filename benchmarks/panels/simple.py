"""Simple forecasts of one series: what no model may be much worse than."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.panels.measures import LEVELS

__all__ = ["SIMPLE", "forecast_simply"]

Array = NDArray[np.float64]

SIMPLE = ("seasonal naive", "naive", "drift", "window mean", "seasonal mean")
_SEASONS_OF_MEAN = 4


def forecast_simply(name: str, past: Array, horizon: int, season: int) -> tuple[Array, Array]:
    """Point forecast and quantiles of one method.

    Errors inside the past, of one season ahead, give the width: normal, growing with the root of the seasons
    that a lead is away, as for the seasonal naive forecast of statsforecast.

    Parameters
    ----------
    name : str
        One of `SIMPLE`. A past shorter than a season has season 1.
    past : ndarray of float64, shape (length,)
    horizon, season : int

    Returns
    -------
    point : ndarray of float64, shape (horizon,)
    quantiles : ndarray of float64, shape (horizon, n_levels)
    """
    season = season if len(past) > season else 1
    point = _METHODS[name](past, horizon, season)
    lag = season if name.startswith("seasonal") else 1
    steps = past[lag:] - past[:-lag] if len(past) > lag else np.zeros(1)
    width = np.sqrt(np.mean(steps**2) * (np.arange(horizon) // lag + 1.0))
    return point, point[:, None] + width[:, None] * ndtri(np.array(LEVELS))


def _seasonal_naive(past: Array, horizon: int, season: int) -> Array:
    return np.resize(past[-season:], horizon)


def _naive(past: Array, horizon: int, season: int) -> Array:
    return np.full(horizon, past[-1])


def _drift(past: Array, horizon: int, season: int) -> Array:
    slope = (past[-1] - past[0]) / max(len(past) - 1, 1)
    return np.asarray(past[-1] + slope * np.arange(1, horizon + 1))


def _window_mean(past: Array, horizon: int, season: int) -> Array:
    """Mean of as many rows as are forecast, whole seasons of them."""
    rows = max(season, horizon // season * season)
    return np.full(horizon, past[-rows:].mean())


def _seasonal_mean(past: Array, horizon: int, season: int) -> Array:
    """Mean of up to four values of the same phase."""
    seasons = min(_SEASONS_OF_MEAN, len(past) // season)
    return np.resize(past[-seasons * season :].reshape(seasons, season).mean(axis=0), horizon)


_METHODS: dict[str, Callable[[Array, int, int], Array]] = {
    "seasonal naive": _seasonal_naive,
    "naive": _naive,
    "drift": _drift,
    "window mean": _window_mean,
    "seasonal mean": _seasonal_mean,
}
