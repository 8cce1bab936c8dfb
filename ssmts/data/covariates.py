"""Covariate columns: numbers as they are, categories as codes, each series on its own clock."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._frame import read_frame
from ssmts.data._roles import as_names
from ssmts.data._table import Table, collected, is_hashable, require_unique
from ssmts.data.series import Covariates, Layout, Panel
from ssmts.errors import AllMissingError, ColumnError, CovariateError, MissingColumnError
from ssmts.wording import listed, shown

__all__ = ["CovariateColumns", "attach_covariates", "category_code", "read_covariates", "without_columns"]


@dataclass(frozen=True, slots=True)
class CovariateColumns:
    """Covariate columns, and the categories of the categorical ones.

    Parameters
    ----------
    past, future, static : tuple of str or int
        Known up to the origin; known beyond it; one value for each series.
    categories : dict
        Sorted categories seen by fit, by categorical column; the other columns are numeric.
    """

    past: tuple[Any, ...] = ()
    future: tuple[Any, ...] = ()
    static: tuple[Any, ...] = ()
    categories: dict[Any, tuple[Any, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, past: Any, future: Any, static: Any) -> CovariateColumns:
        """From the parameters of an estimator: a name, a list of names or None each.

        Raises
        ------
        ParameterError
            If one of them is neither.
        ColumnError
            If a column has two roles.
        """
        named = {
            f"{part}_covariates": () if names is None else tuple(as_names(names, f"{part}_covariates"))
            for part, names in (("past", past), ("future", future), ("static", static))
        }
        seen: dict[Any, str] = {}
        for part, names in named.items():
            for name in names:
                if name in seen:
                    raise ColumnError(
                        f"Column {shown(name)} cannot be in both {seen[name]} and {part}. Name it in one."
                    )
                seen[name] = part
        return cls(named["past_covariates"], named["future_covariates"], named["static_covariates"])

    @property
    def dynamic(self) -> tuple[Any, ...]:
        """Columns that change in time: the future ones, then the past ones."""
        return (*self.future, *self.past)

    @property
    def all(self) -> tuple[Any, ...]:
        """Every covariate column."""
        return (*self.dynamic, *self.static)

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self) | {"categories": [[name, list(held)] for name, held in self.categories.items()]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> CovariateColumns:
        """Inverse of :meth:`to_dict`."""
        parts = {part: tuple(state[part]) for part in ("past", "future", "static")}
        return cls(**parts, categories={name: tuple(held) for name, held in state["categories"]})


def without_columns(X: Any, names: Sequence[Hashable]) -> Any:
    """X without some columns, collected if it is lazy; only frames are accepted.

    Raises
    ------
    ColumnError
        If X has no named columns.
    """
    if not hasattr(type(X), "columns"):
        raise ColumnError(
            f"Covariates {listed(names)} are named, but X is a {type(X).__name__} without named columns. "
            "Give a frame."
        )
    X = collected(X)
    is_pandas = nw.dependencies.is_pandas_dataframe(X)
    if is_pandas:
        require_unique(X, "Rename one or leave it out.")
    elif not nw.dependencies.is_polars_dataframe(X):
        Table(X)  # which says what is read
    named = set(names)
    present = [name for name in X.columns if name in named]
    if not present:
        return X
    return X.drop(columns=present) if is_pandas else X.drop(present)


def read_covariates(
    X: Any,
    layout: Layout,
    columns: CovariateColumns,
    *,
    names: Sequence[Hashable] | None = None,
    fitting: bool = False,
) -> tuple[CovariateColumns, dict[Hashable | None, Covariates]]:
    """Read the covariates of a frame by series.

    Parameters
    ----------
    X : pandas or polars frame
    layout : Layout
        Of the channels: names the id and time columns, and the clock that must be the same.
    columns : CovariateColumns
    names : sequence, optional
        The columns to read, all by default; the others are missing throughout.
    fitting : bool
        Learn the categorical columns and their categories.

    Returns
    -------
    columns : CovariateColumns
        With the categories.
    covariates : dict
        By id; None is the id of a single series.

    Raises
    ------
    SSMTSError
        As :func:`read_panel`; a category that fit did not see is a `CovariateError`.
    """
    table = Table(X)
    wanted = list(columns.all if names is None else names)
    for name in wanted:
        if name not in table.names:
            raise MissingColumnError(
                f"Covariate {shown(name)} is not a column (columns: {listed(table.names)}). Add it, or "
                "leave it out of the covariates."
            )
    if fitting:
        categories = {name: found for name in wanted if (found := _categories(table.column(name), name))}
        columns = replace(columns, categories=categories)
    codes = {name: _codes(table, name, columns) for name in wanted if name in columns.categories}
    time_col = layout.time_col if table.has(layout.time_col) else None
    expected = replace(layout, channels=tuple(wanted), kind=table.kind)
    panel = read_frame(
        table, layout.id_col, time_col, wanted, expected, ndim=2, codes=codes, allow_empty=True
    )
    if fitting:
        for k, name in enumerate(wanted):
            if all(np.isnan(series.values[:, k]).all() for series in panel.series):
                raise AllMissingError(
                    f"Covariate {shown(name)} holds no value: every one is missing. Leave it out."
                )
    dynamic = [wanted.index(name) if name in wanted else -1 for name in columns.dynamic]
    static = [wanted.index(name) if name in wanted else -1 for name in columns.static]
    out = {}
    for series in panel.series:
        values = np.column_stack([series.values, np.full(len(series.times), np.nan)])
        fixed = np.array([_only_value(values[:, k], series.id, n) for k, n in zip(static, columns.static)])
        out[series.id] = Covariates(layout.to_instants(series.times), values[:, dynamic], fixed)
    return columns, out


def attach_covariates(panel: Panel, covariates: dict[Hashable | None, Covariates]) -> Panel:
    """A panel with the covariates of its series."""
    return replace(
        panel,
        series=tuple(replace(series, covariates=covariates[series.id]) for series in panel.series),
    )


def _categories(column: nw.Series[Any], name: Hashable) -> tuple[Any, ...]:
    """Sorted categories of a column of text, booleans or categories; () for a numeric column."""
    if column.dtype.is_numeric():
        return ()
    items = [item for item in column.to_list() if item is not None]
    odd = [item for item in items if not is_hashable(item)]
    found = set() if odd else {item for item in items if item == item}
    for item in odd or found:
        if not isinstance(item, str | int | bool):
            raise ColumnError(
                f"Covariate {shown(name)} holds {shown(item)}, a {type(item).__name__}: categories are "
                "text or integers. Convert the column to text or to numbers."
            )
    return tuple(sorted(found, key=str))


def category_code(columns: CovariateColumns, name: Hashable, item: Any, where: str) -> float:
    """Position of a category among those seen by fit; NaN if missing.

    Raises
    ------
    CovariateError
        If fit did not see it.
    """
    categories = columns.categories[name]
    if item is None or item is pd.NA or item != item:
        return np.nan
    if item not in categories:
        raise CovariateError(
            f"Covariate {shown(name)} holds {shown(item)} in {where}, which fit did not see (it saw "
            f"{listed(categories)}). Fit with it, or leave it missing."
        )
    return float(categories.index(item))


def _codes(table: Table, name: Hashable, columns: CovariateColumns) -> NDArray[np.float64]:
    """Code of every row's category, NaN where it is missing."""
    items = table.column(name).to_list()
    found: dict[Any, float] = {}
    for row, item in enumerate(items):
        if item not in found:
            found[item] = category_code(columns, name, item, table.at(row))
    return np.array([found[item] for item in items])


def _only_value(values: NDArray[np.float64], id_: Hashable | None, name: Hashable) -> float:
    """The value of a static column; NaN if always missing."""
    seen = values[~np.isnan(values)]
    if len(seen) and (seen != seen[0]).any():
        who = "X" if id_ is None else f"series {shown(id_)}"
        raise CovariateError(
            f"Static covariate {shown(name)} takes several values in {who}. Give one value a series, or "
            "name it in past_covariates or future_covariates."
        )
    return float(seen[0]) if len(seen) else np.nan
