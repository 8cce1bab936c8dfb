"""Simple forecasts of a window: last value, drift, seasonal values and means, weighted levels.

All are linear in the window and know nothing of other series: they are what the panel branch falls back on.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np

from ssmts.data.arrays import Float

__all__ = ["simple_forecasts", "simple_names"]

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
    last = values[:, -1:]
    longest = max([1, *periods])
    out = [np.repeat(last, horizon, axis=1)]
    back = min(length - 1, max(2 * longest, 10))
    slope = (last - values[:, -1 - back : length - back]) / max(back, 1)
    out.append(last + slope * leads)
    out.append(np.repeat(values[:, -min(length, max(2 * longest, 12)) :].mean(1, keepdims=True), horizon, 1))
    recent = values[:, -_REACH:]
    age = np.arange(recent.shape[1])[::-1]
    for alpha in _SMOOTHING:
        kernel = (1.0 - alpha) ** age
        out.append(np.repeat(recent @ (kernel / kernel.sum())[:, None], horizon, axis=1))
    for period in periods:
        m = period if length >= period else 1
        phase = (leads - 1) % m
        out.append(values[:, length - m :][:, phase])
        for count in _SEASONS:
            k = min(count, length // m)
            mean = values[:, length - k * m :].reshape(n, k, m).mean(axis=1)
            out.append(mean[:, phase])
    return np.stack(out, axis=1)
