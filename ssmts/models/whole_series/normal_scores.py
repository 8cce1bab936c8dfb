"""Features of any distribution to normal scores: robust against outliers and skew, for any value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ssmts.data.arrays import Float, Rows

__all__ = ["NormalScores", "fit_normal_scores"]

_N_KNOTS = 65
_OUTERMOST = 0.003  # a score lies within those of this fraction of the cases
_FEWEST = 0.02  # fraction of cases in which a feature must be there
_CONSTANT = 1e-9  # range of a feature relative to its size


@dataclass(frozen=True)
class NormalScores:
    """Piecewise linear maps from features to scores.

    Parameters
    ----------
    columns : ndarray of int64, shape (n_kept,)
        Features that say something.
    knots, scores : ndarray of float64, shape (n_kept, n_knots)
        Map of every kept feature, on increasing knots; a value beyond has the outermost score.
    present : ndarray of int64, shape (n_present,)
        Features whose presence is a score as well.
    center, scale : ndarray of float64, shape (n_kept + n_present,)
        Mean of the scores over the training cases and the factor on what is left.
    """

    columns: Rows
    knots: Float
    scores: Float
    present: Rows
    center: Float
    scale: Float

    def __call__(self, features: Float) -> Float:
        """Standardised scores of features (n_cases, n_features); a missing one has the mean score."""
        return (self._raw(features) - self.center) * self.scale

    def _raw(self, features: Float) -> Float:
        out = np.zeros((len(features), len(self.columns) + len(self.present)))
        for place, column in enumerate(self.columns):
            values = features[:, column]
            own = np.interp(values, self.knots[place], self.scores[place])
            out[:, place] = np.where(np.isnan(values), 0.0, own)
        out[:, len(self.columns) :] = ~np.isnan(features[:, self.present])
        return out


def fit_normal_scores(features: Float, presence: Sequence[int]) -> NormalScores:
    """Fit to training cases.

    Parameters
    ----------
    features : ndarray of float64, shape (n_cases, n_features)
        NaN where missing.
    presence : sequence of int
        Features whose presence is told beside their value, where some cases have it and some have not.
    """
    columns, knots, scores, seen = [], [], [], set()
    for column in range(features.shape[1])[::-1]:  # the last channel speaks for all: it comes first
        values = features[:, column]
        there = values[~np.isnan(values)]
        if len(there) < max(2, _FEWEST * len(features)):
            continue
        distinct, counts = np.unique(there, return_counts=True)
        if distinct[-1] - distinct[0] <= _CONSTANT * max(abs(distinct[0]), abs(distinct[-1])):
            continue
        # Statistics of a channel that was observed once are the same, or one a function of the other.
        rank = np.full(len(values), -1.0)
        rank[~np.isnan(values)] = np.searchsorted(distinct, there)
        key = min(rank.tobytes(), np.where(rank < 0, rank, len(distinct) - 1 - rank).tobytes())
        if key in seen:
            continue
        seen.add(key)
        ranks = (np.cumsum(counts) - 0.5 * counts) / len(there)
        if len(distinct) > _N_KNOTS:
            levels = np.linspace(ranks[0], ranks[-1], _N_KNOTS)
            places = np.unique(np.searchsorted(ranks, levels - 1e-12).clip(0, len(ranks) - 1))
            distinct, ranks = distinct[places], ranks[places]
        room = _N_KNOTS - len(distinct)
        columns.append(column)
        knots.append(np.pad(distinct, (0, room), mode="edge"))
        scores.append(ndtri(np.pad(ranks, (0, room), mode="edge").clip(_OUTERMOST, 1.0 - _OUTERMOST)))
    share_present = (~np.isnan(features[:, list(presence)])).mean(axis=0)
    told = np.array(presence, dtype=np.int64)[(share_present > 0.01) & (share_present < 0.99)]
    n_kept = len(columns)
    plain = NormalScores(
        columns=np.array(columns, dtype=np.int64),
        knots=np.array(knots).reshape(n_kept, _N_KNOTS),
        scores=np.array(scores).reshape(n_kept, _N_KNOTS),
        present=told,
        center=np.zeros(n_kept + len(told)),
        scale=np.ones(n_kept + len(told)),
    )
    raw = plain(features)
    center = raw.mean(axis=0)
    # The summand keeps what hardly varies from being blown up.
    scale = 1.0 / (raw.std(axis=0) + 0.05)
    return NormalScores(
        columns=plain.columns,
        knots=plain.knots,
        scores=plain.scores,
        present=told,
        center=center,
        scale=scale,
    )
