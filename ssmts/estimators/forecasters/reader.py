"""Frames to panels with their covariates, as fit read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from ssmts.data import (
    CovariateColumns,
    Layout,
    Panel,
    as_names,
    attach_covariates,
    merge_covariates,
    read_covariates,
    read_panel,
    without_columns,
)
from ssmts.errors import ColumnError, CovariateError, InstantError, ParameterError
from ssmts.models import ForecastModel
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["FittedBase", "read_history", "read_training", "with_future"]


def read_training(
    X: Any, columns: CovariateColumns, roles: dict[str, Any]
) -> tuple[Panel, CovariateColumns | None]:
    """What fit is given: the panel, and the covariates with their categories (None if there are none).

    `roles` are the parameters id_col, time_col, channel_col and target_cols of
    :func:`ssmts.data.read_panel`.

    Raises
    ------
    CovariateError
        If there are covariates beside a channel column.
    ColumnError
        If a column is to be a target and a covariate.
    """
    if not columns.all:
        return read_panel(X, **roles), None
    if roles["channel_col"] is not None:
        raise CovariateError(
            f"channel_col={roles['channel_col']!r} says that a row is one observation of one channel: the "
            f"covariates {list(columns.all)} have no rows of their own. Fit without them, or give a frame "
            "with a column for each channel."
        )
    targets = roles["target_cols"]
    for name in [] if targets is None else as_names(targets, "target_cols"):
        if name in columns.all:
            raise ColumnError(f"Column {name!r} cannot be a target and a covariate. Name it in one of them.")
    panel = read_panel(without_columns(X, columns.all), **roles)
    columns, covariates = read_covariates(X, panel.layout, columns, fitting=True)
    return attach_covariates(panel, covariates), columns


def read_history(
    X: Any, expected: Layout, columns: CovariateColumns | None, roles: dict[str, Any], future: Any = None
) -> Panel:
    """What predict is given; covariates known ahead may be in X, in `future`, or in part in either."""
    if columns is None:
        return read_panel(X, expected=expected, **roles)
    panel = read_panel(without_columns(X, columns.all), expected=expected, **roles)
    names = X.collect_schema().names() if hasattr(X, "collect_schema") else list(X.columns)
    ahead = set(columns.future) - set(names) if future is not None else set()
    needed = [name for name in columns.all if name not in ahead]
    _, covariates = read_covariates(X, panel.layout, columns, names=needed)
    panel = attach_covariates(panel, covariates)
    return panel if future is None else with_future(panel, columns, future)


def with_future(panel: Panel, columns: CovariateColumns, future: Any) -> Panel:
    """A panel whose covariates go on as a frame says that has the same id and time columns.

    Raises
    ------
    InstantError
        If the frame holds a series that the panel does not.
    """
    _, more = read_covariates(future, panel.layout, columns, names=columns.future)
    if unknown := more.keys() - set(panel.ids):
        raise InstantError(
            f"future has rows for {panel.layout.id_col} {sorted(map(str, unknown))}, which X has not. Leave "
            "them out."
        )
    series = []
    for one in panel.series:
        own = one.covariates
        if own is not None and one.id in more:
            own = merge_covariates(own, more[one.id])
        series.append(replace(one, covariates=own))
    return replace(panel, series=tuple(series))


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
