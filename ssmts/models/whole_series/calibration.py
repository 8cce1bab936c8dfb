"""Probabilities from decision values: one inverse temperature, fitted to leave-one-out values."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ssmts.data.arrays import Float, Rows

__all__ = ["fit_factors", "fit_inverse_temperature", "log_losses", "softmax"]


def softmax(values: Float) -> Float:
    """Probabilities along the last axis."""
    shifted = values - values.max(axis=-1, keepdims=True)
    exponential = np.exp(shifted)
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True))


def log_losses(values: Float, codes: Rows) -> Float:
    """Minus the logarithm of the true class' probability, (n_cases,).

    Parameters
    ----------
    values : ndarray of float64, shape (n_cases, n_classes)
        Before the softmax.
    codes : ndarray of int64, shape (n_cases,)
        The true class.
    """
    top = values.max(axis=1)
    total = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
    return np.asarray(total - values[np.arange(len(codes)), codes])


def fit_inverse_temperature(values: Float, codes: Rows, weights: Float) -> float:
    """Inverse temperature: the factor on decision values of unseen cases, by maximum likelihood.

    Parameters
    ----------
    values, codes
        As of :func:`log_losses`.
    weights : ndarray of float64, shape (n_cases,)

    Returns
    -------
    float
        Between 0.05 and 50.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    found = minimize_scalar(
        lambda power: float(weights @ log_losses(np.exp(power) * values, codes)),
        bounds=(np.log(0.05), np.log(50.0)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def fit_factors(linear: Float, deep: Float, codes: Rows, weights: Float) -> tuple[float, float]:
    """Factors on two kinds of decision values, neither negative, by maximum likelihood on unseen cases.

    Parameters
    ----------
    linear, deep : ndarray of float64, shape (n_cases, n_classes)
    codes, weights
        As of :func:`fit_inverse_temperature`.
    """
    found = minimize(
        lambda factors: (
            float(weights @ log_losses(factors[0] * linear + factors[1] * deep, codes)) / weights.sum()
        ),
        x0=np.array([1.0, 0.5]),
        bounds=[(0.0, 50.0), (0.0, 50.0)],
        method="L-BFGS-B",
    )
    return float(found.x[0]), float(found.x[1])
