"""What forecasts of a panel are worth: MASE, weighted quantile loss, coverage, share behind the naive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVELS", "Forecasts", "Judge", "seasonal_scale"]

Array = NDArray[np.float64]

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SCORED = slice(1, -1)  # 0.1, ..., 0.9: GIFT-Eval's nine
_BEHIND = 1.05
_FEWEST_SEASONS = 3


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of some units; a unit is a series at an origin.

    Parameters
    ----------
    units : ndarray of int, shape (n_units, 2)
        Number of the series and of the window.
    point : ndarray, shape (n_units, horizon)
    quantiles : ndarray, shape (n_units, horizon, n_levels), or None
        At `LEVELS`; NaN at the outermost where a peer stops at 0.1 and 0.9.
    """

    units: NDArray[np.int64]
    point: NDArray[Any]
    quantiles: NDArray[Any] | None

    def where(self, kept: NDArray[np.bool_]) -> Forecasts:
        """Some of the units."""
        quantiles = None if self.quantiles is None else self.quantiles[kept]
        return replace(self, units=self.units[kept], point=self.point[kept], quantiles=quantiles)


@dataclass(frozen=True)
class Judge:
    """Truth of a task and what errors are measured by.

    Parameters
    ----------
    truth : ndarray of float64, shape (n_series, n_windows, horizon)
    scale : ndarray of float64, shape (n_series, n_windows)
        Of :func:`seasonal_scale`, from the rows known at the window.
    naive : ndarray of float64, shape (n_series, n_windows)
        Mean absolute error of the seasonal naive forecast.
    n_seasons : ndarray of float64, shape (n_series,)
        Seasons known at the first window.
    """

    truth: Array
    scale: Array
    naive: Array
    n_seasons: Array

    def figures(self, forecasts: Forecasts) -> dict[str, Any]:
        r"""Measures over all units of the forecasts.

        Returns
        -------
        dict
            `mase`, the mean over units of the mean absolute error over the seasonal scale (units of scale 0
            are left out, `n_flat` counts them); `wql`, the mean over the levels 0.1 to 0.9 of
            :math:`\sum 2 \rho_q(y - \hat y_q) / \sum |y|`, GIFT-Eval's CRPS; `cover80` and `cover90`, shares
            of truths within the intervals; `mse`; `behind`, the share of series with three seasons or more
            whose total error is above 1.05 times that of the seasonal naive forecast; `n_units`, `n_flat`.
            What needs quantiles is None without them.

        Raises
        ------
        ValueError
            If a forecast is not finite.
        """
        series, window = forecasts.units.T
        truth, scale = self.truth[series, window], self.scale[series, window]
        point = np.asarray(forecasts.point, dtype=np.float64)
        if not np.isfinite(point).all():
            raise ValueError(f"{int((~np.isfinite(point)).any(axis=1).sum())} forecasts are not finite.")
        error = np.abs(point - truth).mean(axis=1)
        usable = scale > 0
        own = np.bincount(series, error, len(self.truth))
        naive = np.bincount(series, self.naive[series, window], len(self.truth))
        long = np.isin(np.arange(len(self.truth)), series) & (self.n_seasons >= _FEWEST_SEASONS)
        behind = own[long] > _BEHIND * naive[long] + 1e-9 * np.abs(truth).max()
        return {
            "mase": float((error[usable] / scale[usable]).mean()) if usable.any() else None,
            "mse": float(((point - truth) ** 2).mean()),
            **_of_quantiles(forecasts.quantiles, truth),
            "behind": float(behind.mean()) if long.any() else None,
            "n_units": len(series),
            "n_flat": int((~usable).sum()),
        }


def _of_quantiles(quantiles: NDArray[Any] | None, truth: Array) -> dict[str, float | None]:
    if quantiles is None:
        return {"wql": None, "cover80": None, "cover90": None}
    if not np.isfinite(quantiles[..., _SCORED]).all():
        raise ValueError("Some quantiles are not finite.")
    losses = []
    for level, told in zip(LEVELS[_SCORED], np.moveaxis(quantiles, -1, 0)[_SCORED], strict=True):
        miss = truth - told
        losses.append(2.0 * np.maximum(level * miss, (level - 1.0) * miss).sum())
    covered: dict[str, float | None] = {}
    for name, number in (("cover80", 1), ("cover90", 0)):
        low, high = quantiles[..., number], quantiles[..., -1 - number]
        known = np.isfinite(low).all() and np.isfinite(high).all()
        covered[name] = float(((low <= truth) & (truth <= high)).mean()) if known else None
    return {"wql": float(np.mean(losses) / np.abs(truth).sum()), **covered}


def seasonal_scale(past: Array, season: int) -> float:
    """Mean absolute difference of values a season apart (a row apart where there is no whole season).

    Parameters
    ----------
    past : ndarray of float64, shape (length,)
    season : int

    Returns
    -------
    float
        0 for a series that repeats itself, or of one row.
    """
    lag = season if len(past) > season else 1
    return float(np.abs(past[lag:] - past[:-lag]).mean()) if len(past) > lag else 0.0
