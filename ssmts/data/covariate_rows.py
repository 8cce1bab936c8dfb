"""Rows of covariates: merge, cut, compare, read one, write beside the channels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.covariates import CovariateColumns, category_code
from ssmts.data.series import Covariates, Panel, Series, Times
from ssmts.data.write import write_forecast

__all__ = [
    "covariates_since",
    "merge_covariates",
    "new_covariates",
    "read_covariate_row",
    "write_panel",
]


def merge_covariates(known: Covariates, more: Covariates) -> Covariates:
    """Covariates of two sources on the union of their times; the second wins at a common instant."""
    times = np.union1d(known.times, more.times)
    values = np.full((len(times), known.values.shape[1]), np.nan)
    for part in (known, more):
        rows = np.searchsorted(times, part.times)
        values[rows] = np.where(np.isnan(part.values), values[rows], part.values)
    return Covariates(times, values, np.where(np.isnan(more.static), known.static, more.static))


def covariates_since(known: Covariates | None, instant: float) -> Covariates | None:
    """Copy of the covariates from an instant on, with the last value of each column at or before it.

    A sparse column, such as a category that lasts until the next, keeps its own last value.
    """
    if known is None:
        return None
    before = int(np.searchsorted(known.times, instant, side="right"))
    seen = ~np.isnan(known.values[:before])
    column = np.flatnonzero(seen.any(axis=0))
    last = before - 1 - seen[::-1].argmax(axis=0)[column] if before else column
    rows = np.unique(last)
    values = known.values[np.concatenate([rows, np.arange(before, len(known.times))])]
    values[: len(rows)] = np.nan
    values[np.searchsorted(rows, last), column] = known.values[last, column]
    return Covariates(np.concatenate([known.times[rows], known.times[before:]]), values, known.static)


def new_covariates(known: Covariates, more: Covariates) -> NDArray[np.bool_]:
    """Mask of later rows with new values, (length,)."""
    place = np.searchsorted(known.times, more.times)
    old = np.full_like(more.values, np.nan)
    inside = place < len(known.times)
    inside[inside] = known.times[place[inside]] == more.times[inside]
    old[inside] = known.values[place[inside]]
    differs = (~np.isnan(more.values) & (more.values != old)).any(axis=1)
    static = (~np.isnan(more.static) & (more.static != known.static)).any()
    return np.asarray(differs | static)


def read_covariate_row(columns: CovariateColumns, times: Times, given: Mapping[Hashable, Any]) -> Covariates:
    """Covariates of one instant by name; omitted ones are missing.

    Parameters
    ----------
    columns : CovariateColumns
    times : ndarray, shape (1,)
        The instant.
    given : mapping of name to value
        Numbers, or the category itself; None and NaN are missing.

    Raises
    ------
    CovariateError
        If fit did not see a category.
    """
    values = {
        name: category_code(columns, name, item, "values") if name in columns.categories else item
        for name, item in given.items()
    }
    dynamic, static = (
        np.array([values.get(name, np.nan) for name in names], dtype=np.float64)
        for names in (columns.dynamic, columns.static)
    )
    return Covariates(times, dynamic[None], static)


def write_panel(panel: Panel, columns: CovariateColumns | None) -> Any:
    """Frame of a panel in its layout, with covariates in columns after the channels.

    Parameters
    ----------
    panel : Panel
    columns : CovariateColumns or None
        Covariates of its series.
    """
    times, values = [one.times for one in panel.series], [one.values for one in panel.series]
    if columns is None:
        return write_forecast(panel.layout, panel.ids, times, values)
    rows = [_with_covariates(one) for one in panel.series]
    times, blocks = [own for own, _ in rows], [block for _, block in rows]
    layout = replace(panel.layout, channels=(*panel.channels, *columns.all))
    frame = write_forecast(layout, panel.ids, times, blocks)
    joined = np.concatenate(blocks)
    for name, held in columns.categories.items():
        codes = joined[:, panel.n_channels + columns.all.index(name)]
        items = [None if np.isnan(code) else held[int(code)] for code in codes]
        if panel.layout.kind == "polars":
            import polars as pl

            frame = frame.with_columns(pl.Series(name, items))
        else:
            frame[name] = items
    return frame


def _with_covariates(series: Series) -> tuple[Times, NDArray[np.float64]]:
    """Channels, covariates and static covariates of a series on the union of their times."""
    own = series.covariates
    assert own is not None
    times: Times = np.union1d(series.times, own.times)
    n_channels, n_dynamic = series.values.shape[1], own.values.shape[1]
    block = np.full((len(times), n_channels + n_dynamic + len(own.static)), np.nan)
    block[np.searchsorted(times, series.times), :n_channels] = series.values
    block[np.searchsorted(times, own.times), n_channels : n_channels + n_dynamic] = own.values
    block[:, n_channels + n_dynamic :] = own.static
    return times, block
