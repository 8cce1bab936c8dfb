"""Logistic regression with a penalty that held-out cases choose, and what is said of each held-out case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ssmts.data.arrays import Float, Rows

__all__ = ["LogisticFit", "fit_logistic"]

_N_FOLDS = 5
_FACTORS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)  # on a penalty as strong as the data are on one feature
_N_NEWTON = 12
_LEAST_CURVATURE = 1e-3
_CLOSE = 2e-2  # in log-odds


@dataclass(frozen=True)
class LogisticFit:
    """Weights, and what weights that have not seen a case say of it.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_features, n_classes)
    intercept : ndarray of float64, shape (n_classes,)
    left_out : ndarray of float64, shape (n_cases, n_classes)
    factors : tuple of float
        On the penalty, one a class that was fitted.
    """

    weights: Float
    intercept: Float
    left_out: Float
    factors: tuple[float, ...]


def fit_logistic(
    features: Float, targets: Float, weights: Float, factors: Sequence[float] | None = None
) -> LogisticFit:
    """Fit every class against the others by Newton's method.

    Parameters
    ----------
    features : ndarray of float64, shape (n_cases, n_features)
        Standardised.
    targets : ndarray of float64, shape (n_cases, n_classes)
        1 for the class of a case, -1 for the others.
    weights : ndarray of float64, shape (n_cases,)
        Of mean 1.
    factors : sequence of float, optional
        On the penalty, where they are known.

    Returns
    -------
    LogisticFit
        Two classes get half of the log-odds each, of either sign.
    """
    binary = targets.shape[1] == 2
    order = np.lexsort(targets.T)  # every fold has its share of every class
    fold = np.empty(len(targets), dtype=np.int64)
    fold[order] = np.arange(len(targets)) % _N_FOLDS
    held = [np.flatnonzero(fold == k) for k in range(_N_FOLDS)]
    inputs = np.column_stack([np.ones(len(features)), features])
    labels = (targets[:, 1:] if binary else targets).T > 0
    fits = [
        _one_against_others(
            inputs,
            label.astype(np.float64),
            weights,
            held,
            _FACTORS if factors is None else factors[number : number + 1],
        )
        for number, label in enumerate(labels)
    ]
    solved, left_out = (
        np.stack([own for own, _, _ in fits], axis=1),
        np.stack([own for _, own, _ in fits], axis=1),
    )
    if binary:
        signs = np.array([-0.5, 0.5])
        solved, left_out = solved * signs, left_out * signs
    return LogisticFit(solved[1:], solved[0], left_out, tuple(factor for _, _, factor in fits))


def _one_against_others(
    inputs: Float, wanted: Float, weights: Float, held: Sequence[Rows], factors: Sequence[float]
) -> tuple[Float, Float, float]:
    """Weights with the intercept first, log-odds of held-out cases, and the factor of least held-out loss."""
    rate = float(np.clip(weights @ wanted / weights.sum(), 1e-3, 1.0 - 1e-3))
    start = np.zeros(inputs.shape[1])
    start[0] = np.log(rate / (1.0 - rate))
    unit = np.full(inputs.shape[1], len(inputs) * rate * (1.0 - rate))
    unit[0] = 1e-9
    best = np.inf, start, np.empty(0), 0.0
    for factor in factors:
        own, answers = _newton(inputs, wanted, weights, factor * unit, best[1], held)
        loss = float(weights @ np.logaddexp(0.0, np.where(wanted > 0, -answers, answers)))
        if loss >= best[0]:
            break
        best = loss, own, answers, factor
    return best[1:]


def _newton(
    inputs: Float, wanted: Float, weights: Float, penalties: Float, start: Float, held: Sequence[Rows]
) -> tuple[Float, Float]:
    """Weights, and log-odds of held-out rows by weights that have not seen them."""
    own, gram, parts = start, np.empty(0), []
    for _ in range(_N_NEWTON):
        chance = _chance(inputs @ own)
        curvature = weights * np.maximum(chance * (1.0 - chance), _LEAST_CURVATURE)
        scaled = inputs * np.sqrt(curvature)[:, None]
        parts = [scaled[rows].T @ scaled[rows] for rows in held]
        gram = np.sum(parts, axis=0)
        slope = inputs.T @ (weights * (wanted - chance)) - penalties * own
        step = cho_solve(_factor(gram, penalties), slope, check_finite=False)
        own = own + step
        if np.abs(inputs @ step).max() < _CLOSE:
            break
    answers = np.empty(len(wanted))
    for rows, part in zip(held, parts):
        # From the weights of all cases with their curvature: a factorisation a fold, then products alone.
        factor, seen = _factor(gram - part, penalties), np.ones(len(wanted))
        seen[rows] = 0.0
        without = own
        for _ in range(_N_NEWTON):
            slope = inputs.T @ (seen * weights * (wanted - _chance(inputs @ without))) - penalties * without
            step = cho_solve(factor, slope, check_finite=False)
            without = without + step
            if np.abs(inputs @ step).max() < _CLOSE:
                break
        answers[rows] = inputs[rows] @ without
    return own, answers


def _chance(odds: Float) -> Float:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))))


def _factor(gram: Float, penalties: Float) -> tuple[Float, bool]:
    penalised = gram.copy()
    penalised[np.diag_indices_from(penalised)] += penalties
    factor: tuple[Float, bool] = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
    return factor
