"""What a fitted classifier or regressor knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ssmts.data.arrays import Float
from ssmts.data.series import Layout
from ssmts.models.whole_series.deep_fit import DeepOutcome
from ssmts.models.whole_series.early_answers import EarlyAnswers
from ssmts.models.whole_series.gain import Gain
from ssmts.models.whole_series.linear_model import CaseModel
from ssmts.models.whole_series.network import CaseEnsemble
from ssmts.models.whole_series.observation_model import ObservationModel

__all__ = ["FittedCases", "not_fitted"]


@dataclass(frozen=True)
class FittedCases:
    """A fitted classifier or regressor.

    Parameters
    ----------
    model : CaseModel or ObservationModel
        The closed form.
    layout : Layout
        Of the training cases.
    history : dict
        What fit chose and measured, as JSON can hold it.
    linear_factor, deep_factor : float
        Factors on the outputs of the two branches; a classifier's include the inverse temperature.
    deep : CaseEnsemble or None
        Deep branch; None where it was not accepted.
    scale, mean : float
        Standard deviation and mean of a regressor's training targets.
    classes : ndarray or None
        Labels; None for regressors.
    class_offsets : ndarray of float64, shape (n_classes,), or None
        Logarithms of the class weights, added to those of the probabilities.
    early : EarlyAnswers or None
        What becomes of answers to cases that have only begun; None where the model knows of ages itself.
    networks_only : tuple of float or None
        Median interval in reference steps above which only the networks are used, and their factor there.
        They were trained without the bands that such coarse sampling loses; the linear branch was not.
    """

    model: CaseModel | ObservationModel
    layout: Layout
    history: dict[str, Any]
    linear_factor: float = 1.0
    deep_factor: float = 0.0
    deep: CaseEnsemble | None = None
    scale: float = 1.0
    mean: float = 0.0
    classes: Any = None
    class_offsets: Float | None = None
    early: EarlyAnswers | None = None
    networks_only: tuple[float, float] | None = None

    def __call__(self, cases: Sequence[Any]) -> Float:
        """Logarithms of probabilities up to a constant, or numbers, (n_cases, n_targets)."""
        values = self.linear_factor * self.model(cases)
        if self.deep is not None:
            answers = self.deep([case.filled for case in cases])
            values += self.deep_factor * answers
            if self.networks_only is not None:
                coarsest, factor = self.networks_only
                beyond = np.array([case.interval > coarsest for case in cases], dtype=bool)
                values[beyond] = factor * answers[beyond]
        if self.early is not None:
            values = self.early(values, np.array([case.times[-1] for case in cases]))
        if self.class_offsets is not None:
            values += self.class_offsets
        return values * self.scale + self.mean

    def decide(self, answers: Float) -> Any:
        """Label or number of every case, (n_cases,).

        Parameters
        ----------
        answers : ndarray of float64, shape (n_cases, n_targets)
            Of this model.
        """
        return answers[:, 0] if self.classes is None else self.classes[answers.argmax(axis=1)]

    def without_deep(self, reason: str) -> FittedCases:
        """The linear branch only; the history says why no network was trained."""
        return replace(self, history=self.history | {"deep": {"accepted": False, "reason": reason}})

    def with_deep(
        self, outcome: DeepOutcome, factors: tuple[float, float], gain: Gain, factor_alone: float
    ) -> FittedCases:
        """Both branches, or the linear branch only where the gain does not accept the networks.

        Parameters
        ----------
        outcome : DeepOutcome
        factors : tuple of float
            On the linear branch and on the networks.
        gain : Gain
            In loss on unseen cases.
        factor_alone : float
            On the networks where they are used without the linear branch.
        """
        accepted = gain.accepted or outcome.always
        record = outcome.record | gain.record(accepted) | {"shares": list(factors)}
        history = self.history | {"deep": record}
        if not accepted:
            return replace(self, history=history)
        return replace(
            self,
            history=history,
            linear_factor=factors[0],
            deep_factor=factors[1],
            deep=outcome.ensemble,
            networks_only=None if outcome.coarsest is None else (outcome.coarsest, factor_alone),
        )


def not_fitted(estimator: object) -> NotFittedError:
    """Error of an estimator that is used before fit."""
    return NotFittedError(
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' before using it."
    )
