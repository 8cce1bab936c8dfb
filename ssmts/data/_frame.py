"""Frames of either library to a panel, column by column: the general reader, which names every fault."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._channels import read_channels, value_column
from ssmts.data._convert import RowNamer, read_ids, read_instants, read_values
from ssmts.data._roles import Roles, resolve_roles
from ssmts.data._table import Table
from ssmts.data.duration import alias_of
from ssmts.data.series import Clock, Layout, Panel, Series, Times
from ssmts.errors import AllMissingError, ClockMismatchError, DuplicateTimeError, InfiniteValueError
from ssmts.wording import shown


def read_frame(
    table: Table,
    id_col: Hashable | None,
    time_col: Hashable | None,
    target_cols: Any,
    expected: Layout | None,
    *,
    ndim: int,
    allow_empty: bool = False,
    codes: Mapping[Any, NDArray[np.float64]] | None = None,
    channel_col: Hashable | None = None,
    mean_of_repeats: bool = False,
    nameless: bool | None = None,
) -> Panel:
    """Read any frame, column by column.

    `codes` are the values of non-numeric columns.
    """
    known = expected
    if channel_col is not None:
        target_cols = [value_column(table, channel_col, (id_col, time_col), target_cols)]
        known = None if expected is None else replace(expected, channels=tuple(target_cols))
    roles = resolve_roles(table, id_col, time_col, target_cols, known)
    where = "The index" if roles.time_level is not None else f"Column {roles.time!r}"
    layout_time: dict[str, Any]
    if roles.time is None and roles.time_level is None:
        times: Times = np.arange(table.n_rows, dtype=np.float64)
        layout_time = {"clock": Clock("number")}
    else:
        column = table.column(roles.time) if roles.time_level is None else table.level(roles.time_level)
        instants = read_instants(column, where, table.at)
        times = instants.times
        layout_time = {
            "clock": instants.clock,
            "time_col": roles.time,
            "time_in_index": roles.time_level is not None,
            "time_dtype": instants.dtype,
            "unit": instants.unit,
            "tz": instants.tz,
            "freq": _index_freq(table.index) if roles.time_level is not None else None,
            "period": instants.period,
        }
    layout = Layout(
        kind=table.kind,
        form="wide" if roles.id is None else "long",
        channels=roles.channels,
        ndim=ndim,
        **layout_time,
        **({} if roles.id is None else _label_layout(table, roles.id, "id")),
        id_in_index=roles.id is not None and roles.id not in table.names,
        columns_name=table.native.columns.name if table.kind == "pandas" else None,
        nameless=nameless,
        value_dtype=_value_dtype(table, roles),
    )
    check_clock(layout, expected)
    values = np.empty((table.n_rows, len(roles.channels)))
    for c, name in enumerate(roles.channels):
        coded = None if codes is None else codes.get(name)
        values[:, c] = read_values(table.column(name), name, table.at) if coded is None else coded
        _check_values(values[:, c], name, table.at, fitting=expected is None)
    groups, ids = (None, [None]) if roles.id is None else read_ids(table.column(roles.id), roles.id, table.at)
    if channel_col is not None:
        rows = read_channels(table, channel_col, expected)
        labels = _label_layout(table, channel_col, "channel")
        layout = replace(layout, channels=rows.names, value_col=roles.channels[0], **labels)
        times, values, groups = rows.spread(
            times, values, groups, ids, layout, table.at, mean_of_repeats=mean_of_repeats
        )
    series = _split(times, values, groups, ids, layout, table.at, allow_empty=allow_empty)
    return Panel(series, layout)


def _label_layout(table: Table, label: Hashable, what: str) -> dict[str, Any]:
    """Fields of a layout for a column of labels (ids or channels)."""
    column = table.column(label)
    native = column.to_native()
    categories = None
    if isinstance(native.dtype, pd.CategoricalDtype):
        categories = tuple(native.dtype.categories.tolist())
    elif table.kind == "polars" and str(native.dtype).startswith("Enum"):
        categories = tuple(native.dtype.categories.to_list())
    name = str(native.dtype).partition("(")[0]
    ordered = isinstance(native.dtype, pd.CategoricalDtype) and bool(native.dtype.ordered)
    return {
        f"{what}_col": label,
        f"{what}_dtype": name,
        f"{what}_categories": categories,
        f"{what}_ordered": ordered,
    }


def _index_freq(index: Any) -> str | None:
    """Explicit frequency of a pandas index; that of the starts of periods."""
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[0], periods=3, freq=index.freq).to_timestamp().freqstr
    freq = getattr(index, "freq", None)
    return None if freq is None else alias_of(freq)


def _value_dtype(table: Table, roles: Roles) -> str | None:
    """Output float dtype for a pandas frame of nullable or pyarrow columns."""
    if table.kind == "polars":
        return None
    dtypes = [table.native[name].dtype for name in roles.channels]
    if all(isinstance(dtype, pd.ArrowDtype) for dtype in dtypes):
        return "double[pyarrow]"
    masked = (
        pd.Int8Dtype,
        pd.Int16Dtype,
        pd.Int32Dtype,
        pd.Int64Dtype,
        pd.UInt8Dtype,
        pd.UInt16Dtype,
        pd.UInt32Dtype,
    )
    if all(
        isinstance(dtype, (*masked, pd.UInt64Dtype, pd.Float32Dtype, pd.Float64Dtype)) for dtype in dtypes
    ):
        return "Float64"
    return None


def _check_values(values: NDArray[np.float64], name: Any, at: RowNamer, *, fitting: bool) -> None:
    """Raise on an infinite value, and at fit on a channel without any observation."""
    if np.isfinite(values).all():
        return
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise InfiniteValueError(
            f"Input X contains infinity: column {shown(name)}, {at(row)} is {values[row]}. Correct it, or "
            "make it NaN if it was not observed."
        )
    if fitting and np.isnan(values).all():
        raise AllMissingError(
            f"Column {shown(name)} holds no observation: every value is missing. Leave it out."
        )


def check_clock(layout: Layout, expected: Layout | None) -> None:
    """Raise if the clock differs from that of fit."""
    if expected is None or (layout.clock == expected.clock and (layout.tz is None) == (expected.tz is None)):
        return
    words = [
        "numbers"
        if it.clock.kind == "number"
        else "naive datetimes"
        if it.tz is None
        else f"datetimes in {it.tz}"
        for it in (layout, expected)
    ]
    raise ClockMismatchError(
        f"The times of X are {words[0]}, at fit they were {words[1]}. Convert them (pd.to_datetime, "
        "set_index, tz_localize, tz_convert), or set time_col."
    )


def _split(
    times: Times,
    values: NDArray[np.float64],
    codes: NDArray[np.intp] | None,
    ids: list[Any],
    layout: Layout,
    at: RowNamer,
    *,
    allow_empty: bool,
) -> tuple[Series, ...]:
    """Series of the rows, sorted by series and time, and checked."""
    same = np.ones(len(times) - 1, dtype=bool) if codes is None else codes[1:] == codes[:-1]
    ordered = bool((times[1:] > times[:-1])[same].all()) and (
        codes is None or bool((codes[1:] >= codes[:-1]).all())
    )
    if not ordered:
        order = np.argsort(times, kind="stable") if codes is None else np.lexsort((times, codes))
        times, values = times[order], values[order]
        if codes is not None:
            codes = codes[order]
            same = codes[1:] == codes[:-1]
        twice = same & (times[1:] == times[:-1])
        if twice.any():
            k = int(twice.argmax())
            who = "" if codes is None else f" of {layout.id_col} {shown(ids[codes[k]])}"
            column = "the index" if layout.time_in_index else f"column {layout.time_col!r}"
            raise DuplicateTimeError(
                f"Two rows{who} have the time {layout.show_instant(times[k])} in {column}: "
                f"{at(int(order[k]))} and {at(int(order[k + 1]))}. Keep one, e.g. with drop_duplicates, or "
                "average them with groupby; if they are different series, set id_col."
            )
    cuts = [0, *(np.flatnonzero(~same) + 1).tolist(), len(times)]
    observed = np.logical_or.reduceat(~np.isnan(values).all(axis=1), cuts[:-1])
    if not (allow_empty or observed.all()):
        who = ids[int(observed.argmin())]
        what = "X" if who is None else f"The series of {layout.id_col} {shown(who)}"
        raise AllMissingError(f"{what} holds no observation: every value is missing. Leave it out.")
    return tuple(Series(ids[k], times[a:b], values[a:b]) for k, (a, b) in enumerate(itertools.pairwise(cuts)))
