"""What functions over estimators need of them: mypy checks the estimators against it."""

from __future__ import annotations

from typing import Any, Protocol, Self

from ssmts.data import CovariateColumns, Panel
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["HasFitted", "Refittable"]


class HasFitted(Protocol):
    """An estimator with a fitted state."""

    def _check_fitted(self) -> FittedForecaster:
        """The fitted state.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before fit.
        """

    @property
    def _reader(self) -> HistoryReader:
        """Reads histories as the training data were read."""

    def _adopt(self, fitted: FittedForecaster) -> None:
        """Take on a fitted state, all attributes at once."""


class Refittable(HasFitted, Protocol):
    """An estimator that can also be fitted."""

    horizon: Any
    verbose: Any

    def fit(self, X: Any, *, sample_weight: Any = None) -> Self:
        """Fit on one series or many."""

    def _read_training(self, X: Any) -> tuple[Panel, CovariateColumns | None]:
        """The panel that a fit on X sees, and its covariates."""

    def _learnt(self, panel: Panel, whole: Panel, columns: CovariateColumns | None) -> FittedForecaster:
        """The state that a fit on a panel leads to; the estimator stays as it is."""
