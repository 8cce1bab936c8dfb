"""Stationary autocovariance of the training data: damped cosines at the frequencies of the mode bank."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from ssmts.data.arrays import Complex, Float
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank

__all__ = ["Autocovariance", "covariance_modes", "fit_autocovariance", "sample_autocovariance"]

_DENSE_LAGS = 192
_N_LAGS = 384
_MOST_LAGS = 4096
_FEWEST_PAIRS = 16
_FINE = 32  # entries of a table of covariances per reference step


@dataclass(frozen=True)
class Autocovariance:
    r"""Covariance of a standardised series, :math:`k(\tau) = \sum_m w_m e^{-\alpha_m\tau}\cos\omega_m\tau`.

    Every term is positive definite in continuous time, so that lags need not lie on the reference grid.

    Parameters
    ----------
    A : ndarray of complex128, shape (n_modes,)
        Modes -α + iω, per reference step.
    weights : ndarray of float64, shape (n_modes,)
        Variance of every term, not negative.
    nugget : float
        Variance of what is independent from one observation to the next.
    """

    A: Complex
    weights: Float
    nugget: float

    @property
    def variance(self) -> float:
        """Of one observation."""
        return float(self.weights.sum()) + self.nugget

    def __call__(self, lags: Float) -> Float:
        """Covariance, without the nugget, at some lags >= 0 in reference steps; of the same shape."""
        grid = np.asarray(lags) * _FINE
        low = grid.astype(np.int64)
        table = self._table(int(grid.max(initial=0.0)) + 2)
        share = grid - low
        between = table[low]
        if share.any():
            between += share * (table[low + 1] - between)
        return np.asarray(between)

    def _table(self, length: int) -> Float:
        """Covariance at lags 0, 1 / 32, 2 / 32, ... reference steps; computed once for the longest."""
        known: Float | None = self.__dict__.get("_known")
        if known is None or len(known) < length:
            lags = np.arange(2 ** int(np.ceil(np.log2(length)))) / _FINE
            known = np.zeros(len(lags))
            for a, weight in zip(self.A, self.weights):
                if weight > 0.0:
                    known += weight * np.exp(a.real * lags) * np.cos(a.imag * lags)
            self.__dict__["_known"] = known
        return known


def covariance_modes(bank: ModeBank, context: float) -> Complex:
    """Modes of a bank, and each of its frequencies undamped: a wave that keeps its phase for all of the data.

    Damped ones alone would have to begin above the variance to reach its covariance at long lags.
    """
    frequencies = np.unique(bank.A.imag[bank.n_real :])
    return np.asarray(np.concatenate([bank.A, -1e-3 / context + 1j * frequencies]))


def sample_autocovariance(stacks: Seq[SequenceStack], n_lags: int) -> tuple[Float, Float]:
    """Mean product of observations 0, 1, ... reference steps apart, and the number of such pairs.

    Observations count at the nearest instant of the reference grid; what was not observed makes no pair.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Standardised training data.
    n_lags : int

    Returns
    -------
    products, pairs : ndarray of float64, shape (n_lags,)
    """
    products, pairs = np.zeros(n_lags), np.zeros(n_lags)
    for stack in stacks:
        rows = np.rint(stack.times).astype(np.int64)
        n_fft = int(2 ** np.ceil(np.log2(rows[-1] + n_lags + 1)))
        count = np.bincount(rows, minlength=rows[-1] + 1)
        seen = np.fft.rfft((count > 0).astype(np.float64), n_fft)
        reach = min(n_lags, int(rows[-1]) + 1)
        for values in stack.values:
            centred = values - values.mean()
            grid = np.bincount(rows, centred) / np.maximum(count, 1)
            spectrum = np.abs(np.fft.rfft(grid, n_fft)) ** 2
            products[:reach] += np.fft.irfft(spectrum, n_fft)[:reach]
            pairs[:reach] += np.rint(np.fft.irfft(np.abs(seen) ** 2, n_fft)[:reach])
    return products / np.maximum(pairs, 1.0), pairs


def fit_autocovariance(stacks: Seq[SequenceStack], bank: ModeBank, context: float) -> Autocovariance | None:
    """Fit the weights of :func:`covariance_modes` to the sample autocovariance by non-negative least squares.

    A constant takes up what varies more slowly than the context: the level of a window is not part of the
    covariance.

    Returns
    -------
    Autocovariance or None
        None where too few pairs of observations say anything.
    """
    sample, pairs = sample_autocovariance(stacks, int(min(context, _MOST_LAGS)) + 1)
    lags = np.arange(len(sample))
    if len(lags) > _N_LAGS:
        lags = np.unique(np.r_[lags[:_DENSE_LAGS], np.geomspace(_DENSE_LAGS, len(lags) - 1, _DENSE_LAGS)])
        lags = np.rint(lags).astype(np.int64)
    lags = lags[pairs[lags] >= _FEWEST_PAIRS]
    if len(lags) < 3 or lags[0] != 0 or sample[0] <= 0.0:
        return None
    A = covariance_modes(bank, context)
    terms = np.exp(np.multiply.outer(lags.astype(np.float64), A)).real
    design = np.column_stack([terms, lags == 0, np.ones(len(lags))])
    weights, _ = nnls(design, sample[lags], maxiter=30 * design.shape[1])
    # Never without a nugget: it keeps the equations of close observations solvable.
    return Autocovariance(A, weights[:-2], max(float(weights[-2]), 1e-3 * float(sample[0])))
