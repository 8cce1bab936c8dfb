"""Forecasts from data at another rate than the training rate, by every way there is.

All ways forecast from the same origins and are judged at the same instants, those of the data at hand. An
origin is a row of the coarse data; for data sampled more coarsely than in training several phases of the
decimation are counted, and each way sees plainly decimated rows (``[phase::rate]``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.arrays import Float, Rows
from benchmarks.irregular.delta_only import DeltaOnly
from benchmarks.windows import Errors, futures, rolling
from ssmts.estimators import SSMForecaster
from ssmts.models.linear.lead_times import at_leads

__all__ = ["Span", "delta_only", "direct", "interpolated", "retrained", "subsampled"]

_PHASES = 4


@dataclass(frozen=True)
class Span:
    """What is judged: rows of a frame, and how long context and horizon are in those rows.

    Parameters
    ----------
    frame : DataFrame
        All rows of the finer of the two rates, standardised.
    start, stop : int
        Rows that are targets; the first origin is the row before `start`.
    context, horizon : int
        In rows of `frame`.
    """

    frame: pd.DataFrame
    start: int
    stop: int
    context: int
    horizon: int

    def first_origins(self, stride: int) -> list[int]:
        """First origin of each phase of a decimation by `stride`."""
        phases = np.unique(np.arange(_PHASES) * stride // _PHASES)
        return [int(self.start - 1 + phase) for phase in phases]

    def coarse(self, stride: int) -> Iterator[pd.DataFrame]:
        """Every `stride`-th row from the one before the first window to the end, by phase.

        The first origin is row `context // stride`: windows are whole contexts, with the line into them.
        """
        for origin in self.first_origins(stride):
            yield self.frame.iloc[origin - self.context : self.stop : stride]


def direct(model: SSMForecaster, span: Span, rate: float) -> dict[str, float]:
    """Ours: the data as they are, to the model as it is; `rate` is 2.0 for data sampled half as often."""
    stride, errors = max(1, round(rate)), Errors()
    for frame in span.coarse(stride):
        values = frame.to_numpy()
        for channel, rows, grid in rolling(model, frame):
            counted = rows >= span.context // stride
            forecast, truth = _judged(grid[counted], values[:, channel], rows[counted], rate)
            errors.add(forecast - truth)
    return errors.figures


def delta_only(model: DeltaOnly, span: Span, rate: float) -> dict[str, float]:
    """The step rescaled, the hold ignored."""
    stride, errors = max(1, round(rate)), Errors()
    for frame in span.coarse(stride):
        values = frame.to_numpy()
        rows = np.arange(span.context // stride, len(values) - span.horizon // stride)
        for channel, series in enumerate(values.T):
            forecast, truth = _judged(model.forecast(series, rows, channel, rate), series, rows, rate)
            errors.add(forecast - truth)
    return errors.figures


def _judged(grid: Float, series: Float, rows: Rows, rate: float) -> tuple[Float, Float]:
    """Forecast at the instants of the data, from one on the reference grid, and the data."""
    n_ahead = int((grid.shape[1] - 1) / rate + 1e-9)
    return at_leads(grid, rate * np.arange(1.0, n_ahead + 1.0)), futures(series, rows, n_ahead)


def interpolated(model: SSMForecaster, span: Span, rate: int) -> dict[str, float]:
    """Interpolate the coarse data linearly to the reference step, then predict."""
    errors = Errors()
    for origin in span.first_origins(rate):
        coarse = span.frame.iloc[origin - span.context : span.stop : rate]
        fine = coarse.reindex(span.frame.index[origin - span.context : span.stop]).interpolate("linear")
        fine = fine.loc[: coarse.index[-1]].iloc[1:]  # interpolate would hold the last value further on
        values = fine.to_numpy()
        for channel, rows, grid in rolling(model, fine, stride=rate):
            truth = futures(values[:, channel], rows, span.horizon)[:, rate - 1 :: rate]
            errors.add(grid[:, rate::rate] - truth)
    return errors.figures


def retrained(model: SSMForecaster, span: Span, rate: int) -> dict[str, float]:
    """A model that was trained at the rate of the data."""
    errors = Errors()
    for frame in span.coarse(rate):
        values = frame.to_numpy()
        for channel, rows, grid in rolling(model, frame):
            counted = rows >= span.context // rate
            n_ahead = grid.shape[1] - 1
            errors.add(grid[counted, 1:] - futures(values[:, channel], rows[counted], n_ahead))
    return errors.figures


def subsampled(model: SSMForecaster, span: Span, finer: int) -> dict[str, float]:
    """Keep every `finer`-th row of the data, predict, interpolate the forecast linearly.

    The rows kept end at the origin, and the interpolation begins at its value.
    """
    errors, values = Errors(), span.frame.to_numpy()
    for phase in range(finer):
        begin = span.start - 1 + phase - span.context + finer
        for channel, rows, grid in rolling(model, span.frame.iloc[begin : span.stop : finer]):
            series, origins = values[:, channel], begin + finer * rows
            knots = np.column_stack([series[origins], grid[:, 1:]])
            share = np.arange(1, finer + 1) / finer
            steps = knots[:, :-1, None] + np.diff(knots, axis=1)[..., None] * share
            errors.add(steps.reshape(len(rows), -1) - futures(series, origins, span.horizon))
    return errors.figures
