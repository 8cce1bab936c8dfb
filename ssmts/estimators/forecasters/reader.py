"""Frames to panels with their covariates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
from ssmts.errors import ColumnError, CovariateError, InstantError

__all__ = ["read_history", "read_training", "with_future"]


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
