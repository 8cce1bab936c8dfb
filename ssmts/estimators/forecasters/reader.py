"""Frames to panels with covariates: for fit, and for later data of the same layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ssmts.data import (
    CovariateColumns,
    Layout,
    Panel,
    as_names,
    attach_covariates,
    collected,
    merge_covariates,
    read_covariates,
    read_panel,
    without_columns,
)
from ssmts.errors import ColumnError, CovariateError, InstantError, ParameterError
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.wording import listed, shown

__all__ = ["ROLES", "HistoryReader", "read_history", "read_training", "with_future"]

ROLES = ("id_col", "time_col", "channel_col", "target_cols", "freq")


def read_training(
    X: Any, columns: CovariateColumns, roles: dict[str, Any]
) -> tuple[Panel, CovariateColumns | None]:
    """Read training data: the panel, and the covariates with their categories (None without covariates).

    `roles` are the parameters id_col, time_col, channel_col, target_cols and freq of
    :func:`ssmts.data.read_panel`.

    Raises
    ------
    CovariateError
        If there are covariates and a channel column.
    ColumnError
        If a column is named as a target and as a covariate.
    """
    if not columns.all:
        return read_panel(X, **roles), None
    if roles["channel_col"] is not None:
        raise CovariateError(
            f"With channel_col={shown(roles['channel_col'])} each row is one observation of one channel, "
            f"so the covariates {listed(columns.all)} have no rows of their own. Fit without covariates, "
            "or give a frame with a column for each channel."
        )
    targets = roles["target_cols"]
    for name in [] if targets is None else as_names(targets, "target_cols"):
        if name in columns.all:
            raise ColumnError(
                f"Column {shown(name)} cannot be a target and a covariate. Name it in one of them."
            )
    X = collected(X)  # once: targets and covariates are both read from it
    panel = read_panel(without_columns(X, columns.all), **roles)
    columns, covariates = read_covariates(X, panel.layout, columns, fitting=True)
    return attach_covariates(panel, covariates), columns


def read_history(
    X: Any, expected: Layout, columns: CovariateColumns | None, roles: dict[str, Any], future: Any = None
) -> Panel:
    """Read data after fit; covariates known ahead may be in X, in `future`, or in part in either."""
    if columns is None:
        return read_panel(X, expected=expected, **roles)
    X = collected(X)
    panel = read_panel(without_columns(X, columns.all), expected=expected, **roles)
    ahead = set(columns.future) - set(X.columns) if future is not None else set()
    needed = [name for name in columns.all if name not in ahead]
    _, covariates = read_covariates(X, panel.layout, columns, names=needed)
    panel = attach_covariates(panel, covariates)
    return panel if future is None else with_future(panel, columns, future)


def with_future(panel: Panel, columns: CovariateColumns, future: Any) -> Panel:
    """A panel with its covariates continued by a frame with the same id and time columns.

    Raises
    ------
    InstantError
        If the frame holds a series that the panel does not hold.
    """
    _, more = read_covariates(future, panel.layout, columns, names=columns.future)
    if unknown := more.keys() - set(panel.ids):
        raise InstantError(
            f"future has rows for {panel.layout.id_col} {listed(sorted(unknown, key=str))}, which X does "
            "not hold. Remove them."
        )
    series = []
    for one in panel.series:
        own = one.covariates
        if own is not None and one.id in more:
            own = merge_covariates(own, more[one.id])
        series.append(replace(one, covariates=own))
    return replace(panel, series=tuple(series))


@dataclass(frozen=True)
class HistoryReader:
    """Reads histories and covariates known ahead as the data of a fit were read.

    Parameters
    ----------
    roles : mapping
        Parameters `id_col`, `time_col`, `channel_col`, `target_cols` and `freq` of the estimator.
    layout : Layout
        Of the training data.
    columns : CovariateColumns or None
        Covariates of the fit.
    tail : Panel or None
        End of the training data; None where it was not saved.
    """

    roles: Mapping[str, Any]
    layout: Layout
    columns: CovariateColumns | None
    tail: Panel | None

    @classmethod
    def of(cls, fitted: FittedForecaster, params: Mapping[str, Any]) -> HistoryReader:
        """The reader of a fitted forecaster; `params` are those of its estimator."""
        return cls(
            roles={name: params[name] for name in ROLES},
            layout=fitted.layout,
            columns=fitted.columns,
            tail=fitted.tail,
        )

    def read(
        self, X: Any, *, layout: Layout | None = None, allow_empty: bool = False, future: Any = None
    ) -> Panel:
        """X as a panel with its covariates.

        Parameters
        ----------
        X : frame or array
        layout : Layout, optional
            Expected of X; that of the training data by default.
        allow_empty : bool, default=False
            Whether rows may hold covariates only.
        future : frame, optional
            Covariates known ahead.

        Raises
        ------
        ssmts.errors.SSMTSError
            If X does not have the layout, or is malformed.
        """
        roles = {**self.roles, "allow_empty": allow_empty}
        return read_history(X, self.layout if layout is None else layout, self.columns, roles, future)

    def history(self, X: Any, future: Any = None) -> Panel:
        """X as a panel, or the end of the training data where X is None.

        Raises
        ------
        ParameterError
            If X is None and the end is not known, or `future` is given to a model without future covariates.
        ssmts.errors.SSMTSError
            If X is malformed.
        """
        self._require_future_columns(future)
        if X is not None:
            return self.read(X, future=future)
        if self.tail is None:
            raise ParameterError(
                "X",
                None,
                "given: this model does not hold the end of its training data (fitted from shards, or "
                "saved with store_tail=False); give the latest rows of every series",
            )
        return self.with_future(self.tail, future)

    def with_future(self, panel: Panel, future: Any) -> Panel:
        """A panel that was read before, its covariates continued by `future`.

        Raises
        ------
        ParameterError
            If `future` is given to a model without future covariates.
        """
        self._require_future_columns(future)
        return panel if future is None or self.columns is None else with_future(panel, self.columns, future)

    def _require_future_columns(self, future: Any) -> None:
        if future is not None and not (self.columns and self.columns.future):
            raise ParameterError("future", future, "None: this model was fitted without future_covariates")
