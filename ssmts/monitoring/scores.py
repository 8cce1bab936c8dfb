"""How far observations lie from their forecasts, and when that began to change."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ssmts.data.arrays import Float, Rows

__all__ = ["alarm", "longest_runs", "normal_scores"]


def normal_scores(y: Float, quantiles: Float, levels: Float) -> Float:
    """Scores that are standard normal where the quantiles are right, (n,).

    Lines between the quantiles, and beyond the outermost.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
    quantiles : ndarray of float64, shape (n, n_levels)
        Not decreasing.
    levels : ndarray of float64, shape (n_levels,)
    """
    scores = ndtri(levels)
    after = np.clip((quantiles < y[:, None]).sum(axis=1), 1, len(levels) - 1)
    rows = np.arange(len(y))
    low, high = quantiles[rows, after - 1], quantiles[rows, after]
    # Quantiles that coincide leave no line: one value away from them is far.
    width = np.maximum(high - low, 1e-9 * np.maximum(np.abs(y), 1e-300))
    return np.asarray(scores[after - 1] + (y - low) / width * (scores[after] - scores[after - 1]))


def alarm(scores: Float, drift: float, threshold: float) -> tuple[int, int] | None:
    """First row where a one-sided cumulative sum exceeds its threshold, and the row where that sum began.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Of mean 0 while nothing has changed.
    drift, threshold : float
        What is taken off each score, and what the sum may come to.

    References
    ----------
    Page, "Continuous inspection schemes", Biometrika 1954.
    """
    walk = np.concatenate([[0.0], np.cumsum(scores - drift)])
    lowest = np.minimum.accumulate(walk)
    beyond = np.flatnonzero(walk - lowest > threshold)
    if not len(beyond):
        return None
    end = int(beyond[0])
    return end - 1, int(np.argmin(walk[: end + 1]))


def longest_runs(values: Float) -> Rows:
    """How many equal values in a row end at each, (n,)."""
    new = np.concatenate([[True], values[1:] != values[:-1]])
    begins = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
    return np.asarray(np.arange(len(values)) - begins + 1, dtype=np.int64)
