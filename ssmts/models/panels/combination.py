"""Weights of several forecasts for every series, by held-out error drawn towards that of the panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float

__all__ = ["combination_weights", "pulled_errors"]

_PULL = 3.0  # errors of the panel count so many times those of a series
_SHARPNESS = 8.0  # a forecast a tenth worse than the best has weight exp(-0.8) of its
_BOUNDS = (0.02, 50.0)  # of a relative error
_FLOOR = 0.02  # of a series' unit: an error below it is none


def pulled_errors(
    errors: Float, counts: Float, reference: Float, panel: Float | None = None
) -> tuple[Float, Float]:
    """Held-out errors relative to a reference forecast on the same origins, drawn towards the panel's.

    Parameters
    ----------
    errors : ndarray of float64, shape (n_series, n_forecasts)
        Mean absolute error over the origins that a forecast could be made from; NaN: none.
    counts : ndarray of float64, shape (n_series, n_forecasts)
    reference : ndarray of float64, shape (n_series, n_forecasts)
        Error of the reference forecast on those origins.
    panel : ndarray of float64, shape (n_forecasts,), optional
        Relative errors of the panel; None: those of these series.

    Returns
    -------
    pulled : ndarray of float64, shape (n_series, n_forecasts)
    panel : ndarray of float64, shape (n_forecasts,)
        NaN where no series has an error.
    """
    relative = (errors + _FLOOR) / (reference + _FLOOR)
    known = np.isfinite(relative) & (counts > 0)
    if panel is None:
        # The geometric mean: a series that nothing forecasts well does not decide for the others.
        logs = np.where(known, np.log(np.clip(relative, *_BOUNDS)), 0.0)
        count = known.sum(axis=0)
        panel = np.where(count > 0, np.exp(logs.sum(axis=0) / np.maximum(count, 1)), np.nan)
    own = np.where(known, relative, panel)
    return (own + _PULL * panel) / (1.0 + _PULL), panel


def combination_weights(pulled: Float, usable: NDArray[np.bool_]) -> Float:
    """Convex weights that fall with the error relative to the least, (n_series, n_forecasts).

    Parameters
    ----------
    pulled : ndarray of float64, shape (n_series, n_forecasts)
        Positive; NaN: not known.
    usable : ndarray of bool, broadcastable to the same shape
    """
    errors = np.where(usable & np.isfinite(pulled), pulled, np.inf)
    least = errors.min(axis=1, keepdims=True)
    weights = np.exp(-_SHARPNESS * (errors / least - 1.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
