r"""Coherent forecasts: the projection of forecasts of all nodes on those that add up.

With errors of covariance W the coherent forecasts of least expected squared error are
:math:`\hat y - W C^\top (C W C^\top)^{-1} C \hat y`, the rows of C saying that each sum minus its parts is 0.

References
----------
Wickramasuriya, Athanasopoulos and Hyndman, "Optimal forecast reconciliation for hierarchical and grouped time
series through trace minimization", JASA 2019. Shrinkage: Schäfer and Strimmer, 2005.
"""

from __future__ import annotations

import numpy as np

from ssmts.data.arrays import Float
from ssmts.hierarchies.hierarchy import Hierarchy

__all__ = ["METHODS", "coherent", "error_covariance"]

METHODS = ("mint_shrink", "wls", "ols", "bottom_up")


def coherent(forecasts: Float, hierarchy: Hierarchy, covariance: Float | None) -> Float:
    """Forecasts of all nodes that add up.

    Parameters
    ----------
    forecasts : ndarray of float64, shape (n_nodes, n_instants)
    hierarchy : Hierarchy
    covariance : ndarray of float64, shape (n_nodes, n_nodes), or None
        Of the errors; None takes the bottom series as they are.

    Returns
    -------
    ndarray of float64, shape (n_nodes, n_instants)
    """
    bottom = forecasts[len(hierarchy.sums) :]
    if covariance is not None:
        constraints = np.concatenate([np.eye(len(hierarchy.sums)), -hierarchy.sums], axis=1)
        across = covariance @ constraints.T
        off = constraints @ forecasts
        bottom = (forecasts - across @ np.linalg.lstsq(constraints @ across, off)[0])[len(hierarchy.sums) :]
    return hierarchy.added_up(bottom)


def error_covariance(errors: Float, method: str) -> Float | None:
    """Covariance of the errors of all nodes, as a method of reconciliation takes it.

    Parameters
    ----------
    errors : ndarray of float64, shape (n_errors, n_nodes)
        Of forecasts of the same instants; rows with NaN are left out.
    method : str
        One of `METHODS`: ``"mint_shrink"`` shrinks correlations towards 0, ``"wls"`` takes variances alone,
        ``"ols"`` the unit matrix, ``"bottom_up"`` none.
    """
    if method == "bottom_up":
        return None
    if method == "ols":
        return np.eye(errors.shape[1])
    with np.errstate(invalid="ignore"):
        variance = np.nanmean(errors**2, axis=0)
    variance = np.maximum(
        np.where(np.isnan(variance), np.nanmean(variance), variance), 1e-12 * np.nanmax(variance)
    )
    whole = errors[np.isfinite(errors).all(axis=1)]
    if method == "wls" or len(whole) < 3:
        return np.diag(variance)
    scaled = whole / np.sqrt(np.maximum((whole**2).mean(axis=0), 1e-300))
    n = len(scaled)
    correlation = scaled.T @ scaled / n
    # Variance of each correlation over the errors, against its size.
    noise = ((scaled**2).T @ (scaled**2) / n - correlation**2) / (n - 1)
    off = ~np.eye(len(correlation), dtype=bool)
    weight = float(np.clip(noise[off].sum() / max(float((correlation[off] ** 2).sum()), 1e-300), 0.0, 1.0))
    correlation = np.where(off, (1.0 - weight) * correlation, 1.0)
    root = np.sqrt(variance)
    return np.asarray(correlation * root * root[:, None])
