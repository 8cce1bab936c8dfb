"""What adapters ask of an estimator, and of each other."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

from sklearn.base import clone

from ssmts.data import Panel
from ssmts.estimators import SSMForecaster

__all__ = ["AdaptedCases", "cloned", "panel_of", "trains_by_gradient", "without_autologging"]


class AdaptedCases:
    """What adapters of classifiers and regressors share: a clone of an estimator does the work."""

    _default: ClassVar[Any]

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: Any) -> Self:
        self.estimator_ = cloned(self.estimator, self._default).fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)


def cloned(estimator: Any, default: Any) -> Any:
    """A clone of an estimator, or a new one with its defaults."""
    return default() if estimator is None else clone(estimator)


def panel_of(estimator: SSMForecaster, X: Any) -> Panel:
    """The series that a fit on X would see."""
    return estimator._read_training(X)[0]


def trains_by_gradient(estimator: Any) -> bool:
    """Whether fit has epochs that callbacks can watch."""
    return "max_epochs" in estimator.get_params()


def without_autologging() -> AbstractContextManager[Any]:
    """No fit inside is logged by MLflow, if MLflow is loaded at all."""
    loaded = sys.modules.get("mlflow.utils.autologging_utils")
    context: AbstractContextManager[Any] = nullcontext() if loaded is None else loaded.disable_autologging()
    return context
