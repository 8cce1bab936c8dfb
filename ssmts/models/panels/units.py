"""What the errors of a series are measured in: its mean absolute seasonal difference."""

from __future__ import annotations

import numpy as np

from ssmts.data.arrays import Float, Rows

__all__ = ["recent_unit", "series_unit"]

_RECENT = 12  # differences that say how much a series has lately moved


def series_unit(values: Float, first: Rows, period: int) -> Float:
    """Mean absolute difference over a period (over a step where the history is shorter), (n,).

    Parameters
    ----------
    values : ndarray of float64, shape (n, length)
    first : ndarray of int64, shape (n,)
        Column of each series' first value.
    period : int
    """
    length = values.shape[1]
    out = np.ones(len(values))
    lengths = length - first
    for m in {period, 1}:
        rows = (
            np.flatnonzero((lengths > period + 1) == (m == period)) if period > 1 else np.arange(len(values))
        )
        if not len(rows) or length <= m:
            continue
        moved = np.abs(values[rows, m:] - values[rows, :-m])
        inside = np.arange(m, length)[None, :] >= first[rows, None] + m
        count = inside.sum(axis=1)
        out[rows] = np.where(count > 0, (moved * inside).sum(axis=1) / np.maximum(count, 1), 1.0)
    # A constant series is forecast as constant whatever its unit is; standardised values are about 1.
    return np.maximum(out, 1e-9)


def recent_unit(values: Float, unit: Float, period: int) -> Float:
    """Unit of the end of windows: errors grow with what a series has lately been doing, (n,).

    Parameters
    ----------
    values : ndarray of float64, shape (n, length)
    unit : ndarray of float64, shape (n,)
        Of the series.
    period : int
    """
    m = period if values.shape[1] > period + 1 else 1
    recent = values[:, -(m + max(m, _RECENT)) :]
    if recent.shape[1] <= m:
        return unit
    own = np.abs(recent[:, m:] - recent[:, :-m]).mean(axis=1)
    return np.asarray(np.sqrt((own**2 + unit**2) / 2.0))
