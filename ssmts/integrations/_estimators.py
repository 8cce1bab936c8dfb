"""What adapters ask of an estimator, and of each other."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ssmts.data import CovariateColumns, Panel
from ssmts.estimators import SSMForecaster
from ssmts.estimators._reading import read_training

__all__ = ["panel_of", "trains_by_gradient", "without_autologging"]


def panel_of(estimator: SSMForecaster, X: Any) -> Panel:
    """The series that a fit on X would see."""
    columns = CovariateColumns.of(
        estimator.past_covariates, estimator.future_covariates, estimator.static_covariates
    )
    return read_training(X, columns, estimator._roles)[0]


def trains_by_gradient(estimator: Any) -> bool:
    """Whether fit has epochs that callbacks can watch."""
    return "max_epochs" in estimator.get_params()


def without_autologging() -> AbstractContextManager[Any]:
    """No fit inside is logged by MLflow, if MLflow is loaded at all."""
    loaded = sys.modules.get("mlflow.utils.autologging_utils")
    context: AbstractContextManager[Any] = nullcontext() if loaded is None else loaded.disable_autologging()
    return context
