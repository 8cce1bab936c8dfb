"""Forecasts at any lead time: a cubic spline through the leads of the reference grid."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from ssmts.data.arrays import Float

__all__ = ["at_leads"]


def at_leads(grid: Float, leads: Float) -> Float:
    """Forecasts at given leads from those on the reference grid.

    Parameters
    ----------
    grid : ndarray of float64, shape (n_windows, horizon + 1)
        At leads 0, 1, ..., horizon.
    leads : ndarray of float64, shape (n_leads,)
        In reference steps, between 0 and the horizon.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_leads)
        On the grid its values, between them the spline: two calls agree wherever their instants do.

    References
    ----------
    docs/decisions/001-forecast-at-any-lead.md compares the spline with a modal basis.
    """
    nearest = np.rint(leads)
    if not len(leads):
        return np.empty((len(grid), 0))
    if np.abs(leads - nearest).max() < 1e-9:
        return grid[:, nearest.astype(np.int64)]
    spline = CubicSpline(np.arange(grid.shape[1], dtype=np.float64), grid, axis=1)
    return np.asarray(spline(leads))
