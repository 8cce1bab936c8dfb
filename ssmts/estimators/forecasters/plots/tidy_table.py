"""Tables of `backtest` and `cross_validate`, read back; or made from rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data import Layout, Times
from ssmts.data.arrays import Float
from ssmts.errors import MissingColumnError, ParameterError
from ssmts.estimators.forecasters.cross_validation import backtest
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["TidyTable", "table_of"]

_OURS = ("cutoff", "y", "forecast")
_PER_HORIZON = 4


@dataclass(frozen=True, eq=False)
class TidyTable:
    """Columns of a table of forecasts, each (n_rows,).

    Parameters
    ----------
    ids, channels : ndarray of object
        None in every row where there is one series or channel.
    times, cutoffs : ndarray
        As the clock of the layout counts them.
    y, forecast : ndarray of float64
    ends : dict of str to pair of ndarray of float64
        Lower and upper ends of intervals by percent, as the columns name it.
    quantiles : dict of str to ndarray of float64
        By level.
    """

    ids: NDArray[np.object_]
    channels: NDArray[np.object_]
    times: Times
    cutoffs: Times
    y: Float
    forecast: Float
    ends: dict[str, tuple[Float, Float]]
    quantiles: dict[str, Float]

    def rows(self, which: NDArray[np.bool_]) -> TidyTable:
        """The table of some of the rows."""
        return TidyTable(
            **{name: getattr(self, name)[which] for name in ("ids", "channels", "times", "cutoffs")},
            y=self.y[which],
            forecast=self.forecast[which],
            ends={percent: (low[which], high[which]) for percent, (low, high) in self.ends.items()},
            quantiles={level: own[which] for level, own in self.quantiles.items()},
        )

    def with_ends(self, ends: dict[str, tuple[Float, Float]]) -> TidyTable:
        """The table with other intervals."""
        return replace(self, ends=ends)

    def members(self) -> list[tuple[Any, Any]]:
        """Pairs of id and channel in the order in which they appear."""
        _, first = np.unique(self._codes, return_index=True)
        return [(self.ids[row], self.channels[row]) for row in np.sort(first)]

    def parts(self) -> Iterator[TidyTable]:
        """The rows of each pair of id and channel, in that order."""
        for code in pd.unique(self._codes):
            yield self.rows(self._codes == code)

    @property
    def _codes(self) -> NDArray[np.int64]:
        """A number for each pair of id and channel."""
        ids, channels = pd.factorize(self.ids)[0], pd.factorize(self.channels)
        return np.asarray(ids * (len(channels[1]) + 1) + channels[0], dtype=np.int64)

    def by_channel(self) -> dict[Any, TidyTable]:
        """The rows of each channel over all series."""
        codes = pd.factorize(self.channels)[0]
        found = (self.rows(codes == code) for code in pd.unique(codes))
        return {own.channels[0]: own for own in found}


def table_of(fitted: FittedForecaster, reader: HistoryReader, X: Any, level: Any) -> TidyTable:
    """A table as it is given, or that of a backtest on rows, from four origins a horizon.

    Parameters
    ----------
    fitted : FittedForecaster
    reader : HistoryReader
    X : frame or array
        A table has the columns cutoff, y and forecast.
    level : list of float
        Intervals of the backtest in percent.

    Raises
    ------
    MissingColumnError
        If a table lacks columns of the keys that the model's tables have.
    ParameterError
        If the table holds the forecasts of several models.
    TooShortError
        If rows hold no whole window.
    """
    if X is None:
        raise ParameterError("X", None, "rows with a context and a horizon, or a table of backtest()")
    if not (hasattr(X, "columns") and {*_OURS} <= {str(name).rstrip("_") for name in X.columns}):
        X = backtest(
            fitted,
            reader,
            X,
            stride=max(1, fitted.n_steps // _PER_HORIZON),
            horizon=None,
            level=level,
            quantiles=None,
            adaptive=False,
            verbose=False,
        )
    return _read(X, fitted.layout)


def _read(table: Any, layout: Layout) -> TidyTable:
    frame: Any = nw.from_native(table, eager_only=True)
    names = list(frame.columns)
    if len(frame) == 0:
        raise ParameterError("X", "a table without rows", "a table with forecasts: check how it was filtered")

    def ours(name: str) -> Any:
        """A column of ours; an underscore is appended where the input has a column of its name."""
        while f"{name}_" in names:
            name += "_"
        return frame[name]

    def labels(name: Any, default: str) -> NDArray[np.object_]:
        column = default if name is None else name
        if column not in names:
            return np.full(len(frame), None, dtype=object)
        return np.array([*frame[column].to_list(), None], dtype=object)[:-1]

    time = "time" if layout.time_col is None else layout.time_col
    if time not in names:
        raise MissingColumnError(f"The table has no column {time!r}. Give one that backtest() returned.")
    text = [name for name in names if isinstance(name, str)]
    lower = [name.removeprefix("lo-") for name in text if name.startswith("lo-")]
    ends = {
        percent: (frame[f"lo-{percent}"].to_numpy(), frame[f"hi-{percent}"].to_numpy())
        for percent in sorted(lower, key=float, reverse=True)
        if f"hi-{percent}" in names
    }
    found = TidyTable(
        ids=labels(layout.id_col, "id"),
        channels=labels(layout.channel_col, "channel"),
        times=_instants(frame[time], layout),
        cutoffs=_instants(ours("cutoff"), layout),
        y=np.asarray(ours("y").to_numpy(), dtype=np.float64),
        forecast=np.asarray(ours("forecast").to_numpy(), dtype=np.float64),
        ends=ends,
        quantiles={name[2:]: frame[name].to_numpy() for name in text if name.startswith("q-")},
    )
    keys = {"id": found.ids, "channel": found.channels, "cutoff": found.cutoffs, "time": found.times}
    if pd.DataFrame(keys).astype({"id": object, "channel": object}).duplicated().any():
        raise ParameterError(
            "X",
            "a table with several forecasts of one value from one cutoff",
            "the forecasts of one model, e.g. forecasts[forecasts['model'] == 'naive']",
        )
    return found


def _instants(column: Any, layout: Layout) -> Times:
    """A column of times as the clock counts them."""
    if layout.clock.kind == "number":
        return np.asarray(column.to_numpy(), dtype=np.float64)
    native = column.to_native()
    if isinstance(getattr(native, "dtype", None), pd.PeriodDtype):
        column = nw.from_native(native.dt.to_timestamp(), series_only=True)
    if getattr(column.dtype, "time_zone", None) is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    numbers = column.cast(nw.Datetime("ns")).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return layout.to_instants(numbers)
