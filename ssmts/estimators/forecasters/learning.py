"""Later data in a fitted forecaster: a new end of the history, new weights, new widths of intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssmts.data import is_integer, parse_duration, to_float
from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.estimators.forecasters.sample_weights import row_weights
from ssmts.estimators.forecasters.stream import ForecastStream
from ssmts.models.forecasting.calibration import calibrated
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import following, tail_of
from ssmts.models.forecasting.partial_fit import downdated, no_sums, updated
from ssmts.models.forecasting.score import with_context

__all__ = ["calibrate", "partial_fit", "unlearn", "update"]


def update(fitted: FittedForecaster, reader: HistoryReader, X: Any) -> FittedForecaster:
    """The forecaster with its history continued by X; weights stay as they are."""
    if fitted.tail is None:
        context = fitted.model.config.linear.context
        return replace(fitted, tail=tail_of(reader.read(X), context, fitted.step, fitted.run_in))
    stream = ForecastStream(fitted, reader, fitted.tail)
    stream.update(X)
    return replace(fitted, tail=stream.panel())


def partial_fit(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, forget: Any, sample_weight: Any
) -> FittedForecaster:
    """The forecaster with its linear branch solved from the windows of X as well.

    Raises
    ------
    ParameterError
        If the sums of the fit are not known.
    """
    if fitted.sums is None:
        raise no_sums(fitted)
    ends = {series.id: series.times[-1].item() for series in fitted.sums.tail.series}
    panel = following(reader.read(X), ends)
    weights = None if sample_weight is None else row_weights(sample_weight, X, panel)
    half_life = None if forget is None else _half_life(forget, fitted)
    return updated(fitted, fitted.sums, panel, weights, half_life)


def unlearn(fitted: FittedForecaster, reader: HistoryReader, X: Any) -> FittedForecaster:
    """The forecaster with its linear branch solved without the series of X.

    Raises
    ------
    ParameterError
        If the sums of the fit are not known, or do not hold these series.
    """
    if fitted.sums is None:
        raise no_sums(fitted)
    return downdated(fitted, fitted.sums, reader.read(X))


def calibrate(fitted: FittedForecaster, reader: HistoryReader, X: Any) -> FittedForecaster:
    """The forecaster with intervals as wide as X asks for."""
    return replace(fitted, model=calibrated(fitted, with_context(fitted, reader.read(X))))


def _half_life(forget: Any, fitted: FittedForecaster) -> float:
    """In the unit of the clock."""
    if not is_integer(forget):
        return parse_duration(forget, fitted.layout.clock)
    if forget < 1:
        raise ParameterError("forget", forget, "positive: a half-life in reference steps, or a duration")
    return to_float(int(forget)) * fitted.step
