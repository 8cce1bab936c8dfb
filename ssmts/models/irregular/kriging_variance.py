"""How far conditional expectations miss: the variance that a covariance claims, set right by errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.models.irregular.thinning_errors import GapErrors

__all__ = ["GapWidths", "fit_gap_widths"]

_LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99])
_MOST_KNOTS = 6
_FEWEST = 60  # errors of a knot
_PRIOR = 60.0  # errors: a group with so many of its own is half shared, half its own


@dataclass(frozen=True)
class GapWidths:
    """Deviation and shape of what an expectation inside a gap misses.

    Parameters
    ----------
    knots : ndarray of float64, shape (n_knots,)
        Logarithm of the claimed variance, increasing.
    factors : ndarray of float64, shape (n_knots,)
        Logarithm of the true over the claimed variance there; linear between knots, constant beyond.
    by_group : ndarray of float64, shape (n_groups,)
        What is added to it for a group.
    scores : ndarray of float64, shape (n_levels,)
        What share `_LEVELS` of the errors stays within, in deviations.
    """

    knots: Float
    factors: Float
    by_group: Float
    scores: Float

    def deviation(self, variance: Float, group: int) -> Float:
        """Standard deviation where a variance is claimed; 0 where it is 0."""
        claimed = np.log(np.maximum(variance, 1e-300))
        factor = np.interp(claimed, self.knots, self.factors)
        if len(self.by_group) > 1 and 0 <= group < len(self.by_group):
            factor = factor + self.by_group[group]
        return np.asarray(np.sqrt(variance * np.exp(factor)))

    def ends(self, levels: Float) -> Float:
        """Quantiles at some levels between 0 and 1, in deviations: symmetric, normal beyond the table."""
        central = np.abs(2.0 * levels - 1.0)
        normal = ndtri(0.5 + 0.5 * central)
        known = np.concatenate([[0.0], ndtri(0.5 + 0.5 * _LEVELS)])
        wide = np.interp(normal, known, np.concatenate([[0.0], self.scores]))
        beyond = normal > known[-1]
        wide[beyond] = normal[beyond] * self.scores[-1] / known[-1]
        return np.asarray(np.sign(levels - 0.5) * wide)

    def of_groups(self, kept: Rows) -> GapWidths:
        """Those of some groups, in their order."""
        known = [self.by_group[k] if k < len(self.by_group) else 0.0 for k in kept]
        return replace(self, by_group=np.array(known))

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        names = ("knots", "factors", "by_group", "scores")
        return {name: torch.from_numpy(getattr(self, name)) for name in names}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> GapWidths:
        """Inverse of :meth:`to_tensors`."""
        return cls(**{name: tensor.numpy().copy() for name, tensor in tensors.items()})


def fit_gap_widths(errors: GapErrors, n_groups: int) -> GapWidths | None:
    """Set the widths by errors inside training windows that were thinned.

    Parameters
    ----------
    errors : GapErrors
    n_groups : int

    Returns
    -------
    GapWidths or None
        None where there are too few errors to say anything: intervals are then those of the covariance.
    """
    some = errors.claimed > 0.0
    claimed, squared, groups = errors.claimed[some], errors.squared[some], errors.groups[some]
    if len(claimed) < _FEWEST or not squared.any():
        return None
    order = np.argsort(claimed, kind="stable")
    parts = np.array_split(order, min(_MOST_KNOTS, len(order) // _FEWEST))
    knots = np.array([np.log(claimed[part]).mean() for part in parts])
    means = np.array([[squared[part].mean(), claimed[part].mean()] for part in parts])
    factors = np.log(np.maximum(means[:, 0], 1e-12 * squared.mean()) / means[:, 1])
    knots, first = np.unique(knots, return_index=True)
    factors = factors[first]
    ratio = squared / (claimed * np.exp(np.interp(np.log(claimed), knots, factors)))
    by_group = np.zeros(n_groups)
    for group in range(n_groups):
        own = ratio[groups == group]
        by_group[group] = np.log((own.sum() + _PRIOR) / (len(own) + _PRIOR))
    score = np.sqrt(ratio / np.exp(np.where(groups >= 0, by_group[groups], 0.0)))
    return GapWidths(knots, factors, by_group, np.quantile(score, _LEVELS))
