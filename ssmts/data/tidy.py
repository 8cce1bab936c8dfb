"""Tidy tables of forecasts and truths: one row for each series, channel, cutoff and instant."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._channels import label_column
from ssmts.data.series import Layout, Times
from ssmts.data.write import id_column, time_column
from ssmts.errors import ColumnRenamedWarning
from ssmts.wording import shown

__all__ = ["TidyForecasts", "write_contributions", "write_tidy"]


@dataclass(frozen=True)
class TidyForecasts:
    """Forecasts of successive windows.

    Parameters
    ----------
    series, channels : ndarray of int64, shape (n_windows,)
        Number of each window's series and channel.
    cutoffs : ndarray, shape (n_windows,)
        Origin of each forecast.
    lengths : ndarray of int64, shape (n_windows,)
        Number of instants that each window forecasts.
    times : ndarray, shape (n_rows,)
        Instants of all windows.
    y, forecast : ndarray of float64, shape (n_rows,)
    quantiles : ndarray of float64, shape (n_rows, n_levels)
        n_levels may be 0.
    """

    series: NDArray[np.int64]
    channels: NDArray[np.int64]
    cutoffs: Times
    lengths: NDArray[np.int64]
    times: Times
    y: NDArray[np.float64]
    forecast: NDArray[np.float64]
    quantiles: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence[TidyForecasts]) -> TidyForecasts:
        """All windows, in the order of series, cutoffs and channels."""
        names = cls.__dataclass_fields__
        whole = parts[0]
        if len(parts) > 1:
            whole = cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
        order = np.lexsort((whole.channels, whole.cutoffs, whole.series))
        if (np.diff(order) > 0).all():
            return whole
        begins = np.cumsum(whole.lengths) - whole.lengths
        lengths = whole.lengths[order]
        shift = begins[order] - (np.cumsum(lengths) - lengths)
        rows = np.arange(len(whole.times)) + np.repeat(shift, lengths)
        return cls(
            series=whole.series[order],
            channels=whole.channels[order],
            cutoffs=whole.cutoffs[order],
            lengths=lengths,
            times=whole.times[rows],
            y=whole.y[rows],
            forecast=whole.forecast[rows],
            quantiles=whole.quantiles[rows],
        )


def write_tidy(
    layout: Layout, ids: Sequence[Hashable | None], table: TidyForecasts, names: Sequence[str] = ()
) -> Any:
    """A frame with the columns id, channel, time, cutoff, y, forecast, and quantiles by their names.

    There is an id column if the series have ids, a channel column if there are several. Id, channel and time
    keep their names, "id", "channel" and "time" if they had none. A column of ours whose name they have taken
    gets an underscore at its end, and a warning says so. Names of channels stay text or
    integers as they came.

    Parameters
    ----------
    layout : Layout
    ids : sequence
        Id of each series.
    table : TidyForecasts
    names : sequence of str
        Of the columns of quantiles.

    Returns
    -------
    polars.DataFrame or pandas.DataFrame
        polars for a polars input.
    """
    columns = _keys(layout, ids, table.series, table.channels, table.lengths, table.times)
    cutoffs = time_column(replace(layout, freq=None), table.cutoffs)
    if layout.kind == "polars":
        cutoffs = cutoffs.gather(np.repeat(np.arange(len(table.lengths)), table.lengths))
    else:
        cutoffs = _plain(cutoffs.repeat(table.lengths))
    ours = {"cutoff": cutoffs, "y": table.y, "forecast": table.forecast}
    return _to_frame(layout, _beside(columns, ours | dict(zip(names, table.quantiles.T, strict=True))))


def write_contributions(
    layout: Layout,
    ids: Sequence[Hashable | None],
    times: Sequence[Times],
    parts: Sequence[str],
    values: Sequence[NDArray[np.float64]],
) -> Any:
    """A frame with the columns id, channel, time, part and contribution, named as :func:`write_tidy` does.

    Parameters
    ----------
    layout : Layout
    ids : sequence
        Id of each series.
    times : sequence of ndarray, each (n_instants,)
    parts : sequence of str
    values : sequence of ndarray of float64, each (n_parts, n_instants, n_channels)

    Returns
    -------
    polars.DataFrame or pandas.DataFrame
        polars for a polars input.
    """
    n_channels, n_parts = len(layout.channels), len(parts)
    of_series = n_channels * n_parts
    series = np.repeat(np.arange(len(times)), of_series)
    channels = np.tile(np.repeat(np.arange(n_channels), n_parts), len(times))
    lengths = np.repeat([len(own) for own in times], of_series)
    instants: Any = np.concatenate([np.tile(own, of_series) for own in times])
    columns = _keys(layout, ids, series, channels, lengths, instants)
    which = np.repeat(np.tile(np.arange(n_parts), n_channels * len(times)), lengths)
    flat = np.concatenate([own.transpose(2, 0, 1).ravel() for own in values])
    ours = {"part": _names(layout, parts, which), "contribution": flat}
    return _to_frame(layout, _beside(columns, ours))


def _keys(
    layout: Layout,
    ids: Sequence[Hashable | None],
    series: NDArray[np.int64],
    channels: NDArray[np.int64],
    lengths: NDArray[np.int64],
    times: Times,
) -> dict[Any, Any]:
    """Key columns of the rows, from series, channel and length of each block."""
    layout = replace(layout, freq=None)
    taken = [layout.id_col, layout.channel_col, layout.time_col]
    columns: dict[Any, Any] = {}
    if list(ids) != [None]:
        name = _free("id", taken) if layout.id_col is None else layout.id_col
        columns[name] = _plain(id_column(layout, [ids[number] for number in series.tolist()], lengths))
    if layout.channel_col is not None:
        names = [layout.channels[number] for number in channels.tolist()]
        columns[layout.channel_col] = _plain(label_column(layout, names, lengths.tolist()))
    elif len(layout.channels) > 1:
        columns[_free("channel", taken)] = _names(layout, layout.channels, np.repeat(channels, lengths))
    time = _free("time", taken) if layout.time_col is None else layout.time_col
    columns[time] = _plain(time_column(layout, times))
    return columns


def _beside(theirs: dict[Any, Any], ours: dict[str, Any]) -> dict[Any, Any]:
    """Key columns and those of the table."""
    columns = dict(theirs)
    for name, column in ours.items():
        columns[_free(name, columns)] = column
    return columns


def _free(name: str, taken: Collection[Any]) -> str:
    """Name of a column of ours; with an underscore where a column of the input has taken it."""
    free = name
    while free in taken:
        free += "_"
    if free != name:
        warnings.warn(
            f"The input has a column {shown(name)}: that of the table is called {shown(free)}.",
            ColumnRenamedWarning,
            stacklevel=2,
        )
    return free


def _names(layout: Layout, names: Sequence[Hashable], which: NDArray[np.int64]) -> Any:
    """A column of text, of integers, or of both as objects."""
    if layout.kind == "polars":
        import polars as pl

        return pl.Series([str(name) for name in names]).gather(which)
    return _plain(pd.Series(list(names)))[which]


def _to_frame(layout: Layout, columns: dict[Any, Any]) -> Any:
    """Frame of the input's kind; pandas for arrays."""
    if layout.kind == "polars":
        import polars as pl

        return pl.DataFrame(columns)
    return pd.DataFrame(columns, copy=False)


def _plain(column: Any) -> Any:
    """A column without an index, which a frame would align."""
    return column.array if isinstance(column, pd.Series | pd.Index) else column
