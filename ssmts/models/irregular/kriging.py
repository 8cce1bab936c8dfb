"""Conditional expectation of a series at some instants, given its observations: best linear prediction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from ssmts.data.arrays import Float
from ssmts.models.irregular.autocovariance import Autocovariance

__all__ = ["conditional"]

_TOGETHER = 1024  # observations that are conditioned on together
_MARGIN = 256  # of them on either side of the instants asked for, where there are more
_SAME = 1e-6  # reference steps


def conditional(
    covariance: Autocovariance, times: Float, values: Float, at: Float, *, with_variance: bool = False
) -> tuple[Float, Float]:
    """Mean and variance of series on one clock at some instants, given their observations.

    The level is unknown and estimated by generalised least squares: a constant added to the observations is
    added to the mean. At the instant of an observation the mean is the observation. Beyond 1024 observations,
    instants are conditioned on those around them.

    Parameters
    ----------
    covariance : Autocovariance
    times : ndarray of float64, shape (length,)
        Of the observations, increasing, in reference steps.
    values : ndarray of float64, shape (n, length)
    at : ndarray of float64, shape (n_instants,)
        Increasing.
    with_variance : bool
        Else the variance is left at 0.

    Returns
    -------
    mean : ndarray of float64, shape (n, n_instants)
    variance : ndarray of float64, shape (n_instants,)
        Of an observation at the instant: nugget included, 0 where it was observed.
    """
    mean, variance = np.empty((len(values), len(at))), np.zeros(len(at))
    for near, asked in _parts(times, at):
        mean[:, asked], variance[asked] = _of_part(
            covariance, times[near], values[:, near], at[asked], with_variance=with_variance
        )
    row = np.minimum(np.searchsorted(times, at - _SAME), len(times) - 1)
    known = np.abs(times[row] - at) <= _SAME
    mean[:, known], variance[known] = values[:, row[known]], 0.0
    return mean, variance


def _parts(times: Float, at: Float) -> Iterator[tuple[slice, slice]]:
    """Observations to condition on, and the instants asked for among them."""
    if len(times) <= _TOGETHER:
        yield slice(None), slice(None)
        return
    step, begin = _TOGETHER - 2 * _MARGIN, 0
    for first in range(0, len(times), step):
        last = first + step
        end = len(at) if last >= len(times) else int(np.searchsorted(at, times[last]))
        if end > begin:
            yield slice(max(first - _MARGIN, 0), last + _MARGIN), slice(begin, end)
        begin = end


def _of_part(
    covariance: Autocovariance, times: Float, values: Float, at: Float, *, with_variance: bool
) -> tuple[Float, Float]:
    K = covariance(np.abs(times[:, None] - times))
    K[np.diag_indices(len(K))] += covariance.nugget
    factor = cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
    # One solve for the series and for the constant that carries their level.
    right = np.empty((len(times), len(values) + 1))
    right[:, 0], right[:, 1:] = 1.0, values.T
    solved = cho_solve(factor, right, overwrite_b=True, check_finite=False)
    of_one = solved[:, 0]
    level = (values @ of_one) / of_one.sum()
    to_at = covariance(np.abs(at[:, None] - times))
    mean = (level + to_at @ (solved[:, 1:] - of_one[:, None] * level)).T
    if not with_variance:
        return mean, np.zeros(len(at))
    rotated = solve_triangular(factor[0], to_at.T, lower=True, check_finite=False)
    unsure_of_level = (1.0 - to_at @ of_one) ** 2 / of_one.sum()
    variance = covariance.variance - np.einsum("ij,ij->j", rotated, rotated) + unsure_of_level
    return mean, np.maximum(variance, 0.0)
