"""Simple forecasts of a window: last value, drift, seasonal values and means, weighted levels.

All are linear in the window and know nothing of other series: they are what the panel branch falls back on.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np

from ssmts.data.arrays import Float

__all__ = ["drift", "naive", "seasonal_naive", "simple_forecasts", "simple_names", "window_mean"]

_SMOOTHING = (0.1, 0.3, 0.6)  # of exponentially weighted levels
_SEASONS = (3, 8)  # seasons that a seasonal mean is taken over
_REACH = 260  # values that exponentially weighted levels look back at most


def simple_names(periods: Seq[int]) -> list[str]:
    """Names of the simple forecasts, in the order of :func:`simple_forecasts`."""
    names = ["naive", "drift", "window_mean", *(f"ewm_{alpha:g}" for alpha in _SMOOTHING)]
    for period in periods:
        names.append(f"seasonal_naive_{period}")
        names += [f"seasonal_mean_{count}x{period}" for count in _SEASONS]
    return names


def naive(values: Float, horizon: int) -> Float:
    """The last value of windows (n, length), at leads 1, ..., horizon: (n, horizon)."""
    return np.repeat(values[:, -1:], horizon, axis=1)


def seasonal_naive(values: Float, horizon: int, season: int) -> Float:
    """The last season, again and again; of windows shorter than a season the last value."""
    length = values.shape[1]
    m = season if length >= season else 1
    return values[:, length - m :][:, np.arange(horizon) % m]


def drift(values: Float, horizon: int, back: int) -> Float:
    """On the line through the last value and the one `back` steps before it, at most the first."""
    length = values.shape[1]
    back = min(length - 1, back)
    last = values[:, -1:]
    slope = (last - values[:, -1 - back : length - back]) / max(back, 1)
    return last + slope * np.arange(1, horizon + 1)


def window_mean(values: Float, horizon: int, size: int) -> Float:
    """The mean of the last `size` values."""
    return np.repeat(values[:, -min(values.shape[1], size) :].mean(1, keepdims=True), horizon, 1)


def simple_forecasts(values: Float, horizon: int, periods: Seq[int]) -> Float:
    """Forecast windows of one length by every simple method.

    Parameters
    ----------
    values : ndarray of float64, shape (n, length)
        Windows on the reference grid, the origin last. A method that needs more history than there is falls
        back on what there is: a seasonal one on the last value.
    horizon : int
    periods : sequence of int
        Seasons in reference steps.

    Returns
    -------
    ndarray of float64, shape (n, n_methods, horizon)
        Leads 1, ..., horizon.
    """
    n, length = values.shape
    leads = np.arange(1, horizon + 1)
    longest = max([1, *periods])
    out = [
        naive(values, horizon),
        drift(values, horizon, max(2 * longest, 10)),
        window_mean(values, horizon, max(2 * longest, 12)),
    ]
    recent = values[:, -_REACH:]
    age = np.arange(recent.shape[1])[::-1]
    for alpha in _SMOOTHING:
        kernel = (1.0 - alpha) ** age
        out.append(np.repeat(recent @ (kernel / kernel.sum())[:, None], horizon, axis=1))
    for period in periods:
        m = period if length >= period else 1
        phase = (leads - 1) % m
        out.append(seasonal_naive(values, horizon, period))
        for count in _SEASONS:
            k = min(count, length // m)
            mean = values[:, length - k * m :].reshape(n, k, m).mean(axis=1)
            out.append(mean[:, phase])
    return np.stack(out, axis=1)
