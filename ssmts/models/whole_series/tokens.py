"""Tokens of a case for the deep branch: the strength of every mode of a bank, stretch by stretch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Complex, Float, Rows
from ssmts.models.whole_series.case import Case, case_states

__all__ = ["LEAST_DEVIATION", "CaseTokens", "Tokens", "fit_tokens"]

_FLOOR = 1e-5  # of the energy of a mode, in units of the input's variance
_MOST_INPUTS = 8
LEAST_DEVIATION = 1e-3  # of a feature to be scaled by: logarithms and standardised means are of order 1
_BOUND = 20.0  # deviations that features are clipped to
_CARRIED = 0.9  # of the Nyquist frequency: what lies above is not carried by a clock


@dataclass(frozen=True)
class Tokens:
    """Tokens of one case.

    Parameters
    ----------
    values : ndarray of float64, shape (n_tokens, n_features)
        Standardised; 0 where the sampling carries no such mode.
    intervals : ndarray of float64, shape (n_tokens,)
        Time since the previous token in token strides; 0 for the first.
    """

    values: Float
    intervals: Float


@dataclass(frozen=True)
class CaseTokens:
    """How cases become tokens.

    Parameters
    ----------
    A : ndarray of complex128, shape (n_modes,)
        Modes of the stem, in order of frequency.
    fold : ndarray of float64, shape (n_inputs, n_channels)
        Inputs from channels.
    stride : float
        Length of a token in reference steps.
    center, scale : ndarray of float64, shape (n_features,)
        Training mean and standard deviation of every feature: mode by mode the logarithm of its energy in
        each input, then the mean of each input.
    """

    A: Complex
    fold: Float
    stride: float
    center: Float
    scale: Float

    def __call__(self, cases: Sequence[Case]) -> list[Tokens]:
        """Tokens of every case; a stretch without an observation has none."""
        out: list[Tokens | None] = [None] * len(cases)
        for number, marks, raw in _raw(cases, self.A, self.fold, self.stride):
            values = np.clip(np.nan_to_num((raw - self.center) / self.scale, copy=False), -_BOUND, _BOUND)
            out[number] = Tokens(values, np.diff(marks, prepend=marks[0]).astype(np.float64))
        return [tokens for tokens in out if tokens is not None]

    @property
    def longest_interval(self) -> Float:
        """Longest interval in reference steps that carries each mode, (n_modes,)."""
        return np.asarray(_CARRIED * np.pi / np.maximum(self.A.imag, 1e-300))

    @property
    def n_features(self) -> int:
        """Numbers of a token."""
        return len(self.center)


def fit_tokens(cases: Sequence[Case], n_modes: int, stride: float) -> CaseTokens:
    """Lay out the stem and standardise its features on training cases.

    Half of the modes are spaced evenly from 0 to the Nyquist frequency of the reference step and half evenly
    in the logarithm; each rings for about a token, or for one period where that is longer.

    Parameters
    ----------
    cases : sequence of Case
    n_modes : int
        Over all inputs together.
    stride : float
    """
    n_channels = len(cases[0].values)
    n_inputs = min(n_channels, _MOST_INPUTS)
    # Channels that share an input take turns in sign, so that they do not cancel to the mean of all.
    fold = np.zeros((n_inputs, n_channels))
    fold[np.arange(n_channels) % n_inputs, np.arange(n_channels)] = 1.0
    fold /= np.sqrt(fold.sum(axis=1, keepdims=True))
    each = max(4, n_modes // n_inputs)
    longest = max(float(np.median([case.times[-1] for case in cases])), 4.0)
    even = np.linspace(0.0, 0.5, each // 2 + 2)[1:-1]
    log = np.geomspace(1.0 / longest, 0.45, each - len(even))
    frequencies = np.sort(np.concatenate([even, log]))
    rate = np.maximum(1.0 / np.maximum(stride, 1.0), 0.1 * frequencies)
    A = -rate + 2j * np.pi * frequencies
    raws = [raw for _, _, raw in _raw(cases, A, fold, stride)]
    joined = np.concatenate(raws)
    carried = ~np.isnan(joined)
    joined = np.where(carried, joined, 0.0)
    count = np.maximum(carried.sum(axis=0), 1)
    center = joined.sum(axis=0) / count
    scale = np.sqrt((np.where(carried, joined - center, 0.0) ** 2).sum(axis=0) / count)
    return CaseTokens(
        A=A, fold=fold, stride=stride, center=center, scale=np.where(scale > LEAST_DEVIATION, scale, 1.0)
    )


def _raw(cases: Sequence[Case], A: Complex, fold: Float, stride: float) -> Iterator[tuple[int, Rows, Float]]:
    """Yield number of the case, numbers of its tokens, and their features before standardisation.

    NaN where the sampling carries no such mode.
    """
    inputs = [Case(case.times, fold @ case.values) for case in cases]
    power = -2.0 * A.real * np.abs(A)  # the energy of white noise is then about as large in every mode
    for number, states in case_states(inputs, A):
        case = inputs[number]
        marks, first = np.unique(np.floor(case.times / stride + 1e-9).astype(np.int64), return_index=True)
        weights = np.maximum(case.weights, 1e-12)
        total = np.add.reduceat(weights, first)[:, None]
        energy = (states.real**2 + states.imag**2).transpose(0, 2, 1) * power[:, None]
        energy = energy.reshape(len(case.times), -1)
        mean_energy = np.add.reduceat(energy * weights[:, None], first, axis=0) / total
        mean = np.add.reduceat(case.values.T * weights[:, None], first, axis=0) / total
        strength = np.log(mean_energy + _FLOOR)
        beyond_nyquist = A.imag * case.interval > _CARRIED * np.pi
        strength[:, np.repeat(beyond_nyquist, len(fold))] = np.nan
        yield number, marks, np.concatenate([strength, mean], axis=1)
