"""What a fitted classifier or regressor knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Layout
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.linear_model import CaseModel
from ssmts.models.whole_series.network import CaseEnsemble
from ssmts.training import Callback

__all__ = ["FittedCases", "TrainingCases", "not_fitted"]


@dataclass(frozen=True)
class TrainingCases:
    """What a fit reads: distinct cases, in an order that depends on nothing but them.

    Parameters
    ----------
    layout : Layout
    step : int or float
        Reference step.
    cases : list of Case
    targets : ndarray of float64, shape (n_cases, n_targets)
    weights : ndarray of float64, shape (n_cases,)
    extra : dict
        Labels of a classifier, unit and mean of a regressor's target.
    callbacks : sequence of Callback or None
    of_case : ndarray of int64, shape (n_cases,)
        Number of the case that each is, or is a copy of at another rate.
    """

    layout: Layout
    step: int | float
    cases: list[Case]
    targets: Float
    weights: Float
    extra: dict[str, Any]
    callbacks: Sequence[Callback] | None
    of_case: Rows

    @property
    def share(self) -> Float:
        """Weights that sum to 1."""
        return np.asarray(self.weights / self.weights.sum())


@dataclass(frozen=True)
class FittedCases:
    """A fitted classifier or regressor.

    Parameters
    ----------
    model : CaseModel
        The closed form.
    layout : Layout
        Of the training cases.
    history : dict
        What fit chose and measured, as JSON can hold it.
    linear_factor, deep_factor : float
        Factors on the two paths; of a classifier they hold the inverse temperature.
    deep : CaseEnsemble or None
        The deep path; None where it did not earn its place.
    scale, level : float
        Unit and mean of a regressor's target.
    classes : ndarray or None
        Labels; None for regressors.
    alone : tuple of float or None
        Median interval in reference steps beyond which the deep path answers alone, and its factor then: it
        was trained to do without the bands that such a clock does not carry, the closed form was not.
    """

    model: CaseModel
    layout: Layout
    history: dict[str, Any]
    linear_factor: float = 1.0
    deep_factor: float = 0.0
    deep: CaseEnsemble | None = None
    scale: float = 1.0
    level: float = 0.0
    classes: Any = None
    alone: tuple[float, float] | None = None

    def __call__(self, cases: Sequence[Case]) -> Float:
        """Logarithms of probabilities up to a constant, or numbers, (n_cases, n_targets)."""
        values = self.linear_factor * self.model(cases)
        if self.deep is not None:
            answers = self.deep(cases)
            values += self.deep_factor * answers
            if self.alone is not None:
                coarsest, share = self.alone
                beyond = np.array([case.interval > coarsest for case in cases], dtype=bool)
                values[beyond] = share * answers[beyond]
        return values * self.scale + self.level

    def without_deep(self, reason: str | None) -> FittedCases:
        """The closed form alone; the history says why, unless the estimator has no deep path."""
        if reason is None:
            return self
        return replace(self, history=self.history | {"deep": {"accepted": False, "reason": reason}})

    def with_deep(
        self,
        deep: CaseEnsemble,
        shares: tuple[float, float],
        record: dict[str, Any],
        accepted: bool,
        alone: tuple[float, float] | None = None,
    ) -> FittedCases:
        """Both paths by their shares, or the closed form alone where that is not accepted."""
        history = self.history | {"deep": record | {"shares": list(shares)}}
        if not accepted:
            return replace(self, history=history)
        return replace(
            self, history=history, linear_factor=shares[0], deep_factor=shares[1], deep=deep, alone=alone
        )


def not_fitted(estimator: object) -> NotFittedError:
    """Error of an estimator that is used before fit."""
    return NotFittedError(
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' before using it."
    )
