"""What a fitted classifier or regressor knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.exceptions import NotFittedError

from ssmts.data import Layout
from ssmts.models.arrays import Float
from ssmts.models.case_model import CaseModel
from ssmts.models.case_states import Case

__all__ = ["FittedCases", "not_fitted"]


@dataclass(frozen=True)
class FittedCases:
    """A fitted classifier or regressor.

    Parameters
    ----------
    model : CaseModel
        The closed form.
    layout : Layout
        Of the training cases.
    scale, level : float
        Decision values times the temperature, or the unit and the mean of a regressor's target.
    classes : ndarray or None
        Labels; None for regressors.
    history : dict
        What fit chose and measured, as JSON can hold it.
    """

    model: CaseModel
    layout: Layout
    scale: float
    history: dict[str, Any]
    level: float = 0.0
    classes: Any = None

    def __call__(self, cases: Sequence[Case]) -> Float:
        """Logarithms of probabilities up to a constant, or numbers, (n_cases, n_targets)."""
        return self.model(cases) * self.scale + self.level


def not_fitted(estimator: object) -> NotFittedError:
    """Error of an estimator that is used before fit."""
    return NotFittedError(
        f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' before using it."
    )
