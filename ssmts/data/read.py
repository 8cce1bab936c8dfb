"""Frames and arrays to a panel of series."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from ssmts.data._array import read_array
from ssmts.data._convert import NANOSECONDS, check_span, zone_name
from ssmts.data._frame import check_clock, read_frame
from ssmts.data._table import Table, is_hashable, is_name, is_text
from ssmts.data.duration import alias_of
from ssmts.data.panel_calendar import on_calendar
from ssmts.data.series import Clock, Layout, Panel, Series
from ssmts.errors import ColumnError, InputTypeError, ParameterError
from ssmts.wording import shown

__all__ = ["read_panel"]

_DATETIME = Clock("datetime")
_INT64 = np.iinfo(np.int64)
_NAT = _INT64.min


def read_panel(
    X: Any,
    *,
    id_col: Hashable | None = None,
    time_col: Hashable | None = None,
    target_cols: str | int | Sequence[Hashable] | None = None,
    expected: Layout | None = None,
    allow_empty: bool = False,
    channel_col: Hashable | None = None,
    mean_of_repeats: bool = False,
    freq: Any = None,
) -> Panel:
    """Read a frame or an array.

    Parameters
    ----------
    X : pandas.DataFrame, pandas.Series, polars.DataFrame, polars.LazyFrame or array-like
        Wide: a DatetimeIndex or `time_col`, every other column a channel. Long: `id_col` and `time_col`;
        columns ``unique_id, ds, y`` need no names. Arrays: (length,), (length, n_channels) or (n_series,
        length, n_channels), in unit steps. A pandas frame with a numeric index is timed by its numbers.
    id_col, time_col : str or int, optional
        Columns, or levels of the pandas index.
    target_cols : str, int or list, optional
        The channels; all numeric columns beside id and time by default.
    expected : Layout, optional
        Layout of fit. Columns and clock must match; the order of columns and the library may differ.
    allow_empty : bool, default=False
        Accept series without any observation, an error by default.
    channel_col : str or int, optional
        Column of a frame whose rows are single observations: which channel each is of. The values are in one
        other column. Every channel of every series has a clock of its own.
    mean_of_repeats : bool, default=False
        Whether observations of one channel at one instant become their mean, which is an error otherwise.
    freq : str or pandas offset, optional
        Calendar of the rows, e.g. ``"B"`` or ``"MS"``; every row has to lie on it.

    Returns
    -------
    Panel
        Rows sorted by time within each series. NaN and null stay NaN: a missing observation. Stamps that are
        all starts, ends or one day of a month are counted in months (:mod:`ssmts.data.month_clock`).

    Raises
    ------
    SSMTSError
        One class per fault, see :mod:`ssmts.errors`; the message names column, row and remedy.
    """
    for part, name in (("id_col", id_col), ("time_col", time_col), ("channel_col", channel_col)):
        if not is_hashable(name):
            raise ParameterError(part, name, "the name of a column, or None")
    panel = _read(
        X,
        id_col=id_col,
        time_col=time_col,
        target_cols=target_cols,
        expected=expected,
        allow_empty=allow_empty,
        channel_col=channel_col,
        mean_of_repeats=mean_of_repeats,
    )
    if panel.clock.kind == "datetime":
        panel = on_calendar(panel, freq, expected)
        check_span([one.times for one in panel.series])
    elif freq is not None:
        raise ParameterError("freq", freq, "None: the times of X are numbers, which have no calendar")
    return panel


def _read(
    X: Any,
    *,
    id_col: Hashable | None,
    time_col: Hashable | None,
    target_cols: Any,
    expected: Layout | None,
    allow_empty: bool,
    channel_col: Hashable | None,
    mean_of_repeats: bool,
) -> Panel:
    """A panel of stamps in nanoseconds, or of numbers."""
    if isinstance(X, pd.DataFrame) and id_col is None and channel_col is None:
        panel = _read_plain(X, time_col, target_cols, expected)
        if panel is not None:
            return panel
    ndim, nameless = 2, None
    if isinstance(X, pd.Series):
        if isinstance(X.name, str) and not is_text(X.name):
            raise ColumnError(f"X has the name {shown(X.name)}, text that cannot be encoded. Rename it.")
        ndim, nameless, X = 1, X.name is None, X.to_frame()
    if hasattr(type(X), "columns"):
        table = Table(X)
        return read_frame(
            table,
            id_col,
            time_col,
            target_cols,
            expected,
            ndim=ndim,
            allow_empty=allow_empty,
            channel_col=channel_col,
            mean_of_repeats=mean_of_repeats,
            nameless=nameless,
        )
    if nw.dependencies.is_polars_series(X):
        raise InputTypeError(
            "X is a polars Series: give a frame with its times, or X.to_numpy() for unit steps."
        )
    named = {"id_col": id_col, "time_col": time_col, "channel_col": channel_col, "target_cols": target_cols}
    for part, name in named.items():
        if name is not None:
            raise ColumnError(
                f"{part}={shown(name)} is set, but X is a {type(X).__name__} without named columns. Give "
                "a frame."
            )
    panel = read_array(X, expected, allow_empty=allow_empty)
    check_clock(panel.layout, expected)
    return panel


def _read_plain(
    X: pd.DataFrame, time_col: Hashable | None, target_cols: Any, expected: Layout | None
) -> Panel | None:
    """Read the common case, a sorted numeric frame on a DatetimeIndex or with `time_col`, in microseconds.

    Returns None for anything else, which the general reader then reads or refuses.
    """
    columns, index = X.columns, X.index
    if columns.dtype == object and not all(map(is_name, columns)):
        return None
    if not columns.is_unique or not len(X) or (isinstance(index.name, str) and not is_text(index.name)):
        return None
    in_index = time_col is None or time_col not in columns
    if not in_index:
        stamps = X[time_col]
        if stamps.dtype.kind != "M" or isinstance(stamps.dtype, pd.ArrowDtype):
            return None
        index = pd.DatetimeIndex(stamps)
        # a slice is a view and four times as fast as drop
        X = X.iloc[:, 1:] if columns[0] == time_col else X.drop(columns=[time_col])
        columns = X.columns
    elif time_col is not None and time_col != index.name:
        return None
    if type(index) is not pd.DatetimeIndex:
        return None
    channels = tuple(columns.tolist())
    if not channels:
        return None
    if expected is None:
        if not (target_cols is None or (isinstance(target_cols, list) and tuple(target_cols) == channels)):
            return None
        if not all(map(is_name, channels)):
            return None
    elif channels != expected.channels or expected.time_col != index.name:
        return None
    values = X.to_numpy()
    if values.dtype != np.float64:
        if values.dtype.kind not in "iuf":
            return None
        values = values.astype(np.float64)
    if len(channels) == 1 and not isinstance(X.dtypes.iloc[0], np.dtype):
        return None  # a lone nullable or pyarrow column: its dtype is to come back
    unit = index.unit
    times = index.asi8
    if times[0] == _NAT or not (times[1:] > times[:-1]).all():
        return None
    if unit != "ns":
        factor = NANOSECONDS[unit]
        if max(-times[0], times[-1]) > _INT64.max // factor:
            return None
        times = times * factor
    if not np.isfinite(values).all():
        missing = np.isnan(values)
        if np.isinf(values).any() or (missing.all(axis=0).any() if expected is None else missing.all()):
            return None
    tz = index.tz
    layout = Layout(
        kind="pandas",
        form="wide",
        clock=_DATETIME,
        channels=channels,
        time_col=index.name,
        time_in_index=in_index,
        unit=unit,
        tz=None if tz is None else zone_name(str(tz)),
        freq=None if index.freq is None else alias_of(index.freq),
        columns_name=columns.name,
    )
    check_clock(layout, expected)
    return Panel((Series(None, times, values),), layout)
