"""The closed form over the bands that a clock carries: a kernel machine, solved for every octave of rates.

The tokens of a case are averaged over stretches of it, so that cases of any length give as many numbers;
random cosines of these approximate a Gaussian kernel, and ridge regression on them gives the answer. For a
coarser clock it is solved without the modes that this clock does not carry, in fit as in predict.

References
----------
Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.models.whole_series.loo_ridge import fit_ridge
from ssmts.models.whole_series.tokens import LEAST_DEVIATION, CaseTokens, Tokens

__all__ = ["CaseBands", "cuts_of", "fit_bands"]

_STRETCHES = 6
_OCTAVES = 4
_FEWEST_MODES = 8
_MOST_COSINES = 2048
_FEWEST_COSINES = 256
_MOST_NUMBERS = 30_000_000  # cases times cosines
# Fields that files know by an older name.
_STORED = {"scale": "spread", "longest_interval": "reach", "is_energy": "loud"}
_GAMMA = 0.5  # times the mean squared number of a pooled case


@dataclass(frozen=True)
class CaseBands:
    """Pooled tokens, random cosines of them, and a readout for every octave of rates.

    Parameters
    ----------
    longest_interval : ndarray of float64, shape (n_features,)
        Longest interval in reference steps that carries each number of a token.
    is_energy : ndarray of bool, shape (n_features,)
        Which of them are strengths of modes: how loud a case is as a whole is taken out of these.
    center, scale : ndarray of float64, shape (n_features, n_pooled)
    directions : ndarray of float32, shape (n_cosines, n_features, n_pooled)
    phases : ndarray of float32, shape (n_cosines,)
    intervals : ndarray of float64, shape (n_cuts,)
        Longest interval that each readout is for, increasing.
    weights : ndarray of float64, shape (n_cuts, n_cosines, n_targets)
    intercept : ndarray of float64, shape (n_cuts, n_targets)
    """

    longest_interval: Float
    is_energy: NDArray[np.bool_]
    center: Float
    scale: Float
    directions: NDArray[np.float32]
    phases: NDArray[np.float32]
    intervals: Float
    weights: Float
    intercept: Float

    def carried(self, cut: int) -> NDArray[np.bool_]:
        """Which numbers of a token a clock of this cut carries, (n_features,)."""
        return np.asarray(self.longest_interval >= self.intervals[cut])

    def __call__(self, tokens: Sequence[Tokens], cuts: Rows) -> Float:
        """Answers, (n_cases, n_targets), each by the readout of its cut."""
        out = np.empty((len(tokens), self.intercept.shape[1]))
        if len(tokens) == 0:
            return out
        pooled = (_pooled(tokens) - self.center) / self.scale
        for cut in np.unique(cuts):
            # A product a case: its rounding then does not depend on the company.
            for row in np.flatnonzero(cuts == cut):
                out[row] = self.cosines(pooled[row : row + 1], cut)[0] @ self.weights[cut]
            out[cuts == cut] += self.intercept[cut]
        return out

    def cosines(self, pooled: Float, cut: int) -> Float:
        """Random features of standardised pooled tokens without the bands above a cut."""
        carried = self.carried(cut)
        own = np.where(carried[:, None], pooled, 0.0)
        is_energy = carried & self.is_energy
        own[:, is_energy] -= own[:, is_energy].mean(axis=(1, 2), keepdims=True)
        count = carried.sum() * pooled.shape[2]
        projected = own.reshape(len(own), -1) @ self.directions.reshape(len(self.phases), -1).T
        return np.asarray(np.cos(projected * np.sqrt(2.0 * _GAMMA / count) + self.phases))

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        return {
            _STORED.get(name, name): torch.from_numpy(getattr(self, name))
            for name in self.__dataclass_fields__
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> CaseBands:
        """Inverse of :meth:`to_tensors`."""
        return cls(
            **{name: tensors[_STORED.get(name, name)].numpy().copy() for name in cls.__dataclass_fields__}
        )


def cuts_of(bounds: Float, intervals: Float) -> Rows:
    """Number of the first bound that is not below each interval; the last one for all that are longer."""
    return np.minimum(np.searchsorted(bounds, np.asarray(intervals) * (1.0 - 1e-6)), len(bounds) - 1)


def fit_bands(
    encoder: CaseTokens,
    tokens: Sequence[Tokens],
    *,
    intervals: Float,
    targets: Float,
    weights: Float,
    copy_pairs: Rows,
    seed: int,
) -> tuple[CaseBands, Float]:
    """Solve a readout for every octave of rates that leaves enough bands.

    Parameters
    ----------
    encoder : CaseTokens
    tokens : sequence of Tokens
        Of the training cases.
    intervals : ndarray of float64, shape (n_cases,)
        Median interval of each in reference steps.
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
    copy_pairs : ndarray of int64, shape (n_cases,)
        As for `fit_ridge`.
    seed : int

    Returns
    -------
    CaseBands
    left_out : ndarray of float64, shape (n_cuts, n_cases, n_targets)
        Leave-one-out answers of each readout to the cases that carry its bands; NaN for others.
    """
    n_inputs = len(encoder.fold)
    of_modes = np.repeat(encoder.longest_interval, n_inputs)
    is_energy = np.arange(encoder.n_features) < len(of_modes)
    longest_interval = np.append(of_modes, np.full(n_inputs, np.inf))
    bounds = float(np.quantile(intervals[_originals(copy_pairs)], 0.9)) * 2.0 ** np.arange(_OCTAVES)
    bounds = bounds[
        [
            k == 0 or (encoder.longest_interval >= bound).sum() >= _FEWEST_MODES
            for k, bound in enumerate(bounds)
        ]
    ]
    pooled = _pooled(tokens)
    whole = intervals <= bounds[0] * (1.0 + 1e-6)
    center, scale = pooled[whole].mean(axis=0), pooled[whole].std(axis=0)
    scale = np.where(scale > LEAST_DEVIATION, scale, 1.0)
    n_cosines = int(np.clip(_MOST_NUMBERS // len(tokens), _FEWEST_COSINES, _MOST_COSINES))
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n_cosines, *center.shape)).astype(np.float32)
    phases = rng.uniform(0.0, 2.0 * np.pi, n_cosines).astype(np.float32)
    shape = len(bounds), n_cosines, targets.shape[1]
    bands = CaseBands(
        longest_interval=longest_interval,
        is_energy=is_energy,
        center=center,
        scale=scale,
        directions=directions,
        phases=phases,
        intervals=np.asarray(bounds, dtype=np.float64),
        weights=np.empty(shape),
        intercept=np.empty(shape[::2]),
    )
    pooled = (pooled - center) / scale
    left_out = np.full((len(bounds), *targets.shape), np.nan)
    for cut, bound in enumerate(bounds):
        rows = np.flatnonzero(intervals <= bound * (1.0 + 1e-6))
        place = np.full(len(tokens), -1)
        place[rows] = np.arange(len(rows))
        pairs = np.where(place[copy_pairs[rows]] < 0, np.arange(len(rows)), place[copy_pairs[rows]])
        cosines = bands.cosines(pooled[rows], cut)
        # Cosines lie within ±1 and are not clipped: one that hardly varies is left out.
        fit = fit_ridge(
            [cosines], [1.0], targets[rows], weights[rows], pairs, least_deviation=0.05, bound=np.inf
        )
        bands.weights[cut], bands.intercept[cut] = fit.weights[0], fit.intercept
        left_out[cut, rows] = fit.left_out
    return bands, left_out


def _originals(copy_pairs: Rows) -> Rows:
    """Cases that are no copies: a copy stands behind its case."""
    return np.flatnonzero(copy_pairs >= np.arange(len(copy_pairs)))


def _pooled(tokens: Sequence[Tokens]) -> Float:
    """Means over stretches of each case and the deviation, (n_cases, n_features, n_pooled)."""
    out = np.empty((len(tokens), tokens[0].values.shape[1], _STRETCHES + 1))
    middles = (np.arange(_STRETCHES) + 0.5) / _STRETCHES
    for row, own in enumerate(tokens):
        at = np.cumsum(own.intervals)
        at = (at + 0.5) / (at[-1] + 1.0)
        near = np.maximum(1.0 - 0.75 * _STRETCHES * np.abs(at[:, None] - middles), 0.0) + 1e-6
        out[row, :, :-1] = own.values.T @ (near / near.sum(axis=0))
        out[row, :, -1] = own.values.std(axis=0)
    return out
