"""Tables of forecasts beside what came: one row for each series, channel, cutoff and instant."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data.series import Layout, Times
from ssmts.data.write import id_column, time_column

__all__ = ["TidyForecasts", "write_tidy"]


@dataclass(frozen=True)
class TidyForecasts:
    """Forecasts of windows, one after the other.

    Parameters
    ----------
    series, channels : ndarray of int64, shape (n_windows,)
        Number of each window's series and channel.
    cutoffs : ndarray, shape (n_windows,)
        Instant that each forecast is made from.
    lengths : ndarray of int64, shape (n_windows,)
        Number of instants that each window forecasts.
    times : ndarray, shape (n_rows,)
        Instants of all windows.
    y, forecast : ndarray of float64, shape (n_rows,)
    """

    series: NDArray[np.int64]
    channels: NDArray[np.int64]
    cutoffs: Times
    lengths: NDArray[np.int64]
    times: Times
    y: NDArray[np.float64]
    forecast: NDArray[np.float64]

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
            whole.series[order],
            whole.channels[order],
            whole.cutoffs[order],
            lengths,
            whole.times[rows],
            whole.y[rows],
            whole.forecast[rows],
        )


def write_tidy(layout: Layout, ids: Sequence[Hashable | None], table: TidyForecasts) -> Any:
    """A frame with the columns id, channel, time, cutoff, y and forecast.

    The id column is there if the series have ids, the channel column if there are several. Id and time are
    called as they came, "id" and "time" where they had no name.

    Parameters
    ----------
    layout : Layout
    ids : sequence
        Id of each series.
    table : TidyForecasts

    Returns
    -------
    polars.DataFrame or pandas.DataFrame
        polars where polars came in.
    """
    layout = replace(layout, freq=None)
    time = "time" if layout.time_col is None else layout.time_col
    columns: dict[Any, Any] = {}
    if list(ids) != [None]:
        of_window = [ids[number] for number in table.series.tolist()]
        name = "id" if layout.id_col is None else layout.id_col
        columns[name] = id_column(layout, of_window, table.lengths)
    if len(layout.channels) > 1:
        names = pd.Series([str(channel) for channel in layout.channels]).to_numpy()
        columns["channel"] = np.repeat(names[table.channels], table.lengths)
    columns[time] = time_column(layout, table.times)
    columns["cutoff"] = time_column(layout, table.cutoffs)
    if layout.kind == "polars":
        import polars as pl

        repeated = np.repeat(np.arange(len(table.lengths)), table.lengths)
        columns["cutoff"] = columns["cutoff"].gather(repeated)
        if "channel" in columns:
            columns["channel"] = pl.Series(columns["channel"].tolist())
        return pl.DataFrame(columns | {"y": table.y, "forecast": table.forecast})
    columns["cutoff"] = columns["cutoff"].repeat(table.lengths)
    frame = pd.DataFrame({name: _plain(column) for name, column in columns.items()}, copy=False)
    return frame.assign(y=table.y, forecast=table.forecast)


def _plain(column: Any) -> Any:
    """A column without an index of its own, which a frame would align."""
    return column.array if isinstance(column, pd.Series | pd.Index) else column
