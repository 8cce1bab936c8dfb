"""Methods that forecast one series from its own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.panels.simple_forecasts import drift, naive, seasonal_naive, window_mean

__all__ = ["Drift", "LocalMethod", "Naive", "SeasonalNaive", "WindowMean"]

_LEAST_WINDOW = 12  # values in a window mean without a season


class LocalMethod(Protocol):
    """Forecasts a series from its own values on the reference grid.

    Methods whose own intervals are used have `has_quantiles`; those of the others are learnt from the errors
    at earlier origins.
    """

    has_quantiles: bool

    def forecast(self, values: Float, n_steps: int, season: int, levels: Float) -> tuple[Float, Float]:
        """Forecast from the end of a series.

        Parameters
        ----------
        values : ndarray of float64, shape (length,)
        n_steps : int
        season : int
            In reference steps, 1 for none.
        levels : ndarray of float64, shape (n_levels,)
            Quantile levels; without `has_quantiles` they are ignored.

        Returns
        -------
        forecast : ndarray of float64, shape (n_steps,)
        quantiles : ndarray of float64, shape (n_steps, n_levels)
            n_levels is 0 without `has_quantiles`.
        """


class _Simple:
    """A method without a model of its errors."""

    has_quantiles = False

    def _windows(self, values: Float, n_steps: int, season: int) -> Float:
        """Forecasts (n, n_steps) of windows (n, length)."""
        raise NotImplementedError

    def forecast(self, values: Float, n_steps: int, season: int, levels: Float) -> tuple[Float, Float]:
        """See :meth:`LocalMethod.forecast`."""
        return self._windows(values[None], n_steps, season)[0], np.empty((n_steps, 0))


class Naive(_Simple):
    """The last value."""

    def _windows(self, values: Float, n_steps: int, season: int) -> Float:
        return naive(values, n_steps)


class SeasonalNaive(_Simple):
    """The value a season earlier; the last value where the series is shorter than a season."""

    def _windows(self, values: Float, n_steps: int, season: int) -> Float:
        return seasonal_naive(values, n_steps, season)


class Drift(_Simple):
    """On the line through the first and the last value."""

    def _windows(self, values: Float, n_steps: int, season: int) -> Float:
        return drift(values, n_steps, values.shape[1])


@dataclass(frozen=True)
class WindowMean(_Simple):
    """The mean of the last `window` values; None: two seasons, and at least 12 values."""

    window: int | None = None

    def _windows(self, values: Float, n_steps: int, season: int) -> Float:
        size = max(2 * season, _LEAST_WINDOW) if self.window is None else self.window
        return window_mean(values, n_steps, size)
