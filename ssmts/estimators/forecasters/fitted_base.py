"""What every part of a forecaster's public API stands on: the fitted state, and reading X as fit read it."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.data import Layout, Panel
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.reader import read_history, with_future
from ssmts.models import ForecastModel
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["FittedBase"]


class FittedBase(BaseEstimator):
    """Base of the forecaster and of the mixins that add to its public API."""

    id_col: Any
    time_col: Any
    channel_col: Any
    target_cols: Any

    @property
    def model_(self) -> ForecastModel:
        """Stem, linear path and deep path."""
        return self._check_fitted().model

    def _check_fitted(self) -> FittedForecaster:
        fitted: FittedForecaster | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' before using it."
            )
        return fitted

    @property
    def _roles(self) -> dict[str, Any]:
        names = ("id_col", "time_col", "channel_col", "target_cols")
        return {name: getattr(self, name) for name in names}

    def _read(self, X: Any, expected: Layout, *, allow_empty: bool = False, future: Any = None) -> Panel:
        """X as fit read it, its covariates included."""
        columns, roles = self._check_fitted().columns, self._roles | {"allow_empty": allow_empty}
        return read_history(X, expected, columns, roles, future)

    def _history(self, X: Any, future: Any = None) -> Panel:
        """X as a panel, or the stored end of the training data; `future` holds covariates known ahead."""
        fitted = self._check_fitted()
        self._check_future(future)
        if X is not None:
            return self._read(X, fitted.layout, future=future)
        if fitted.tail is None:
            raise ParameterError("X", None, "given: this model was saved without its tail (store_tail=False)")
        return self._with_future(fitted.tail, future)

    def _check_future(self, future: Any) -> None:
        columns = self._check_fitted().columns
        if future is not None and not (columns and columns.future):
            raise ParameterError("future", future, "None: this model was fitted without future_covariates")

    def _with_future(self, panel: Panel, future: Any) -> Panel:
        """A panel that was read before, whose covariates go on as `future` says."""
        self._check_future(future)
        columns = self._check_fitted().columns
        return panel if future is None or columns is None else with_future(panel, columns, future)
