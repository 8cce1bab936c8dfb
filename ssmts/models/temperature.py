"""Probabilities from decision values: one temperature, fitted to leave-one-out values."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from ssmts.models.arrays import Float, Rows

__all__ = ["fit_temperature", "log_loss", "softmax"]


def softmax(values: Float) -> Float:
    """Probabilities along the last axis."""
    shifted = values - values.max(axis=-1, keepdims=True)
    exponential = np.exp(shifted)
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True))


def log_loss(values: Float, codes: Rows, weights: Float) -> float:
    """Weighted mean of minus the logarithm of the true class' probability.

    Parameters
    ----------
    values : ndarray of float64, shape (n_cases, n_classes)
        Before the softmax.
    codes : ndarray of int64, shape (n_cases,)
        The true class.
    weights : ndarray of float64, shape (n_cases,)
    """
    top = values.max(axis=1)
    total = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
    return float(weights @ (total - values[np.arange(len(codes)), codes]) / weights.sum())


def fit_temperature(values: Float, codes: Rows, weights: Float) -> float:
    """Factor on decision values of cases that the model had not seen, by maximum likelihood.

    Parameters
    ----------
    values, codes, weights
        As of :func:`log_loss`.

    Returns
    -------
    float
        Between 0.05 and 50.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    found = minimize_scalar(
        lambda power: log_loss(np.exp(power) * values, codes, weights),
        bounds=(np.log(0.05), np.log(50.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))
