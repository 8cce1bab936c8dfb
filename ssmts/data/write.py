"""Forecasts in the layout of the input."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._channels import label_column, melted
from ssmts.data._convert import NANOSECONDS
from ssmts.data.series import Layout, Times
from ssmts.errors import DuplicateColumnError, HorizonError
from ssmts.wording import listed, shown

__all__ = ["id_column", "time_column", "write_forecast"]

_NARROW = re.compile(r"(u?int(?:8|16|32|64)|float32)(\[pyarrow\])?")


def write_forecast(
    layout: Layout,
    ids: Sequence[Hashable | None],
    times: Sequence[Times],
    values: Sequence[NDArray[np.float64]],
    *,
    suffixes: Sequence[str] | None = None,
) -> Any:
    """Data in the input layout, from one block for each series.

    Parameters
    ----------
    layout : Layout
        Layout of the input.
    ids : sequence
        Id of each series.
    times : sequence of ndarray of shape (horizon,)
        Instants of each block, as the layout's clock counts them.
    values : sequence of ndarray of shape (horizon, n_channels) or (horizon, n_channels, n_suffixes)
        Forecasts of each block.
    suffixes : sequence of str, optional
        One column ``<channel><suffix>`` for each, e.g. ``"-q-0.1"``; `values` then has a last axis of that
        length.

    Returns
    -------
    pandas.DataFrame, pandas.Series, polars.DataFrame or ndarray
        Wide pandas: an index of times; polars: the time column first; long: id, time, channels; with a
        channel column: id, channel, time, value, without rows of NaN; arrays
        (horizon,), (horizon, n_channels) or (n_series, horizon, n_channels), with a last axis for suffixes.
        Times keep dtype, unit and zone; where the unit is too coarse to hold them exactly, the next one that
        does is used.

    Raises
    ------
    HorizonError
        If blocks of different length were to be stacked into one array.
    DuplicateColumnError
        If two columns of the output would share a name.
    """
    names: tuple[Hashable, ...] = layout.value_columns
    labels: list[Hashable] | None = None
    if layout.channel_col is not None:
        ids, labels, times, values = melted(layout, ids, times, values)
    if suffixes is not None:
        names = tuple(f"{channel}{suffix}" for channel in names for suffix in suffixes)
    if layout.kind == "numpy":
        return _to_array(layout, values)
    flat = values if suffixes is None else [block.reshape(len(block), len(names)) for block in values]
    rows = [len(part) for part in times]
    alone = len(flat) == 1
    instants: Any = times[0] if alone else np.concatenate(times)
    block = flat[0] if alone else np.concatenate(flat)
    column = None if labels is None else label_column(layout, labels, rows)
    _check_unique(layout, names)
    if layout.kind == "polars":
        return _to_polars(layout, ids, rows, instants, block, names, column)
    as_series = layout.ndim == 1 and suffixes is None
    return _to_pandas(layout, ids, rows, instants, block, names, column, as_series=as_series)


def _check_unique(layout: Layout, names: tuple[Hashable, ...]) -> None:
    """Raise if two columns of the output would share a name, as channels 1 and "1" do with a suffix."""
    known: set[Hashable] = set()
    inside = [] if layout.form == "wide" and layout.time_in_index else [layout.time_col]
    for name in (*inside, layout.id_col, layout.channel_col, *names):
        if name is not None and name in known:
            raise DuplicateColumnError(
                f"The forecast would have two columns {shown(name)}: of {listed(layout.channels)}, id and "
                "time two lead to this name. Rename one of them before fit."
            )
        known.add(name)


def _to_array(layout: Layout, values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Blocks as one array of the input's dimensions."""
    if layout.ndim == 3:
        lengths = {len(block) for block in values}
        if len(lengths) > 1:
            raise HorizonError(
                f"Forecasts of {sorted(lengths)} rows do not stack into one array. Ask for the same number "
                "of instants in every series, or give a long frame."
            )
        return np.stack(values)
    return values[0][:, 0] if layout.ndim == 1 else values[0]


@lru_cache(maxsize=64)
def _columns(names: tuple[Hashable, ...], name: Hashable = None) -> pd.Index[Any]:
    """Building an index of strings costs more than building the frame around it."""
    return pd.Index(names, name=name)


def _stamps(layout: Layout, times: Times) -> NDArray[np.datetime64]:
    """Nanoseconds as datetime64 in the input's unit, or the next finer one that is exact."""
    units = ("s", "ms", "us", "ns")
    start = units.index("ms" if layout.unit == "D" or layout.unit is None else layout.unit)
    for unit in units[start:-1]:
        counts, rest = np.divmod(times, NANOSECONDS[unit])
        if not rest.any():
            return counts.view(f"M8[{unit}]")
    return times.view("M8[ns]")


def _number_dtype(layout: Layout, times: Times) -> str:
    """The input's dtype where it holds the times exactly, else the 64-bit one of its family, else floats."""
    dtype = layout.time_dtype or ("Float64" if layout.kind == "polars" else "float64")
    came = dtype.lower()
    narrow = _NARROW.fullmatch(came)
    with np.errstate(invalid="ignore", over="ignore"):
        if narrow and bool((times.astype(narrow[1]).astype(np.float64) == times).all()):
            return dtype
    whole = "int" in came and bool((times == np.floor(times)).all())
    if "pyarrow" in came:
        return "int64[pyarrow]" if whole else "double[pyarrow]"
    name = "int64" if whole else "float64"
    return name.capitalize() if dtype[:1].isupper() else name


def _pandas_times(layout: Layout, times: Times) -> pd.Index[Any]:
    """Times as an index of the input's dtype."""
    name = layout.time_col
    times = layout.to_stamps(times)
    if layout.clock.kind == "number":
        return pd.Index(times, name=name).astype(_number_dtype(layout, times))
    index = pd.DatetimeIndex(_stamps(layout, times), name=name)
    if layout.period is not None:
        return index.to_period(layout.period)
    if layout.tz is not None:
        index = index.tz_localize("UTC").tz_convert(layout.tz)
    if layout.time_dtype is not None and "pyarrow" in layout.time_dtype:
        zone = "" if layout.tz is None else f", tz={layout.tz}"
        is_date = layout.unit == "D" and not (times % NANOSECONDS["D"]).any()
        return index.astype("date32[day][pyarrow]" if is_date else f"timestamp[{index.unit}{zone}][pyarrow]")
    if layout.freq is not None and layout.form == "wide":
        # another step than the index had, or a clock change within: then no freq is true
        with suppress(ValueError):
            index = pd.DatetimeIndex(index, freq=layout.freq)
    return index


def _to_pandas(
    layout: Layout,
    ids: Sequence[Hashable | None],
    rows: list[int],
    times: Times,
    block: NDArray[np.float64],
    names: tuple[Hashable, ...],
    labels: Any,
    *,
    as_series: bool,
) -> pd.DataFrame | pd.Series[Any]:
    """A pandas frame, or a Series for a Series."""
    index = _pandas_times(layout, times)
    dtype: Any = None if layout.value_dtype is None else pd.api.types.pandas_dtype(layout.value_dtype)
    if layout.form == "wide" and layout.time_in_index and labels is None:
        if as_series:
            nameless = names[0] == 0 if layout.nameless is None else layout.nameless
            column = pd.Series(block[:, 0], index=index, name=None if nameless else names[0])
            return column if dtype is None else column.astype(dtype)
        frame = pd.DataFrame(block, index=index, columns=_columns(names, layout.columns_name).view())
        return frame if dtype is None else frame.astype(dtype)
    frame = pd.DataFrame(block, columns=_columns(names).view())
    if dtype is not None:
        frame = frame.astype(dtype)
    keys: list[tuple[Hashable | None, Any, bool]] = [(layout.time_col, index, layout.time_in_index)]
    if layout.form == "long":
        keys.insert(0, (layout.id_col, _pandas_ids(layout, ids, rows), layout.id_in_index))
    if labels is not None:
        keys.insert(-1, (layout.channel_col, labels, False))
    for name, key, in_index in reversed(keys):
        if not in_index:
            frame.insert(0, name, key)
    levels = [(name, key) for name, key, in_index in keys if in_index]
    if len(levels) == 2:
        frame.index = pd.MultiIndex.from_arrays(
            [key for _, key in levels], names=[name for name, _ in levels]
        )
    elif levels:
        frame.index = pd.Index(levels[0][1], name=levels[0][0])
    return frame


def _pandas_ids(layout: Layout, ids: Sequence[Hashable | None], rows: list[int]) -> pd.Series[Any]:
    """One id for each row, in the input's dtype."""
    categories = layout.id_categories
    dtype: Any = (
        layout.id_dtype if categories is None else pd.CategoricalDtype(list(categories), layout.id_ordered)
    )
    # not Series.repeat, which turns objects into strings
    one_each = pd.Series(list[Any](ids)).astype(dtype)
    return one_each.iloc[np.repeat(np.arange(len(ids)), rows)].reset_index(drop=True)


def _to_polars(
    layout: Layout,
    ids: Sequence[Hashable | None],
    rows: list[int],
    times: Times,
    block: NDArray[np.float64],
    names: tuple[Hashable, ...],
    labels: Any,
) -> Any:
    """A polars frame: id, channel and time first."""
    import polars as pl

    columns: dict[Any, Any] = {}
    if layout.form == "long":
        columns[layout.id_col] = _polars_ids(pl, layout, ids, rows)
    if labels is not None:
        columns[layout.channel_col] = labels
    if layout.time_col is not None:
        columns[layout.time_col] = _polars_times(pl, layout, times)
    columns |= {name: np.ascontiguousarray(block[:, c]) for c, name in enumerate(names)}
    return pl.DataFrame(columns)


def _polars_ids(pl: Any, layout: Layout, ids: Sequence[Hashable | None], rows: Any) -> Any:
    """One id for each row, in the input's dtype."""
    categories = layout.id_categories
    dtype = pl.Enum(list[Any](categories)) if categories else getattr(pl, str(layout.id_dtype))
    return pl.Series(list(ids)).cast(dtype).gather(np.repeat(np.arange(len(ids)), rows))


def id_column(layout: Layout, ids: Sequence[Hashable | None], rows: Any) -> Any:
    """Ids repeated by the rows of their blocks, as a column of the input's kind."""
    if layout.kind == "polars":
        import polars as pl

        return _polars_ids(pl, layout, ids, rows)
    return _pandas_ids(layout, ids, rows)


def time_column(layout: Layout, times: Times) -> Any:
    """Times as a column of the input's kind."""
    if layout.kind == "polars":
        import polars as pl

        return _polars_times(pl, layout, times)
    return _pandas_times(layout, times)


def _polars_times(pl: Any, layout: Layout, times: Times) -> Any:
    """Times as a polars Series of the input's dtype."""
    times = layout.to_stamps(times)
    if layout.clock.kind == "number":
        return pl.Series(times).cast(getattr(pl, _number_dtype(layout, times)))
    if layout.unit == "D" and not (times % NANOSECONDS["D"]).any():
        return pl.Series(times).cast(pl.Datetime("ns")).cast(pl.Date)
    stamps = pl.Series(_stamps(layout, times))
    return stamps if layout.tz is None else stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(layout.tz)
