"""Answers to cases that have only begun, drawn towards the prior as far as unseen prefixes ask for it.

A readout of whole cases is sure of itself after one observation too: what it extrapolates from there is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ssmts.data.arrays import Float, Rows
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.features import MOST_INSTANTS

__all__ = ["EarlyAnswers", "PrefixAnswers", "fit_early", "prefix_answers"]

_FRACTIONS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4)  # of the shortest usual case
_SHORT = 0.02  # fraction of training cases that may be shorter than a usual one
_MOST_CASES, _FEWEST_CASES = 64, 12  # whose prefixes are judged
_INSTANTS = 100_000  # of all prefixes, or half of those of the cases


@dataclass(frozen=True)
class EarlyAnswers:
    """How much of an answer stands, by the age of its case.

    Parameters
    ----------
    ages : ndarray of float64, shape (n_ages,)
        Increasing, in reference steps since the first observation; the last is that of the shortest usual
        case.
    weights : ndarray of float64, shape (n_ages,)
        Of the answer; the rest is that of `prior`. Not decreasing, 1 at the last age; between two ages
        interpolated over the logarithm.
    prior : ndarray of float64, shape (n_targets,)
        The answer without any case.
    """

    ages: Float
    weights: Float
    prior: Float

    def __call__(self, answers: Float, elapsed: Float) -> Float:
        """Answers (n_cases, n_targets) to cases of some ages (n_cases,)."""
        weights = np.interp(np.log(np.maximum(elapsed, self.ages[0])), np.log(self.ages), self.weights)
        young = weights < 1.0
        out = answers.copy()
        out[young] = self.prior + weights[young, None] * (answers[young] - self.prior)
        return out

    def to_dict(self) -> dict[str, list[float]]:
        """As JSON can hold it."""
        return {name: getattr(self, name).tolist() for name in ("ages", "weights", "prior")}

    @classmethod
    def from_dict(cls, state: dict[str, Any] | None) -> EarlyAnswers | None:
        """Inverse of :meth:`to_dict`; None of None."""
        return None if state is None else cls(**{name: np.array(own) for name, own in state.items()})


@dataclass(frozen=True)
class PrefixAnswers:
    """What a model that has not seen a case says of its first observations.

    Parameters
    ----------
    ages : ndarray of float64, shape (n_ages,)
        The last is the age of the shortest usual case; its prefixes are not judged.
    rows : ndarray of int64, shape (n_judged,)
        Training cases.
    answers : ndarray of float64, shape (n_ages - 1, n_judged, n_targets)
    """

    ages: Float
    rows: Rows
    answers: Float


def prefix_answers(
    cases: Sequence[Case],
    originals: Rows,
    features: Callable[[Sequence[Case]], tuple[NDArray[Any], ...]],
    left_out: Callable[[Sequence[Float], Rows], Float],
) -> PrefixAnswers | None:
    """Leave-one-out answers to the prefixes of some training cases.

    Parameters
    ----------
    cases : sequence of Case
    originals : ndarray of int64, shape (n_originals,)
        Cases that are no copies at another rate.
    features : callable
        Blocks of features of cases.
    left_out : callable
        Answers, from blocks of features and the numbers of the cases that they are taken from, of fits
        without these cases.

    Returns
    -------
    PrefixAnswers or None
        None where usual cases are too short to have a prefix.
    """
    usual = float(np.quantile([cases[row].times[-1] for row in originals], _SHORT))
    ages = np.unique([1.0, *(usual * fraction for fraction in (*_FRACTIONS, 1.0))])
    ages = ages[(ages >= 1.0) & (ages <= usual)]
    if len(ages) < 2:
        return None
    lengths = np.array([len(cases[row].times) for row in originals])
    each = np.minimum(lengths.mean() * ages[:-1] / usual, MOST_INSTANTS).sum()
    whole = np.minimum(lengths, MOST_INSTANTS).sum()
    count = int(np.clip(max(_INSTANTS, 0.5 * whole) / each, _FEWEST_CASES, _MOST_CASES))
    rows = originals[np.unique(np.linspace(0, len(originals) - 1, count).astype(np.int64))]
    answers = []
    for number, age in enumerate(ages[:-1].tolist()):
        prefixes = [cases[row].until(age if number else 0.0) for row in rows]
        answers.append(left_out([block.astype(np.float64) for block in features(prefixes)], rows))
    return PrefixAnswers(ages, rows, np.stack(answers))


def fit_early(prefixes: PrefixAnswers, prior: Float, losses: Callable[[Float, Rows], Float]) -> EarlyAnswers:
    """Weights of least loss on unseen prefixes.

    Parameters
    ----------
    prefixes : PrefixAnswers
        Answers in the units that `losses` takes.
    prior : ndarray of float64, shape (n_targets,)
    losses : callable
        Loss of answers (n_judged, n_targets) to cases of some numbers, (n_judged,).
    """
    weights = [
        float(
            minimize_scalar(
                lambda weight, own=own: float(losses(prior + weight * (own - prior), prefixes.rows).sum()),
                bounds=(0.0, 1.0),
                method="bounded",
                options={"xatol": 1e-4},
            ).x
        )
        for own in prefixes.answers
    ]
    rising = np.minimum.accumulate([*weights, 1.0][::-1])[::-1]
    return EarlyAnswers(prefixes.ages, rising, prior)
