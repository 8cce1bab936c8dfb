"""Forecasts from past origins beside the observations that followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.data import (
    Panel,
    Series,
    TidyForecasts,
    Times,
    is_integer,
    parse_duration,
    parse_horizon,
    reference_step,
    write_tidy,
)
from ssmts.data.arrays import Float
from ssmts.errors import HorizonError, ParameterError, TooShortError
from ssmts.estimators.forecasters.protocols import Refittable
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.backtest import all_origins, until, window_of
from ssmts.models.forecasting.calibration import calibrated
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_at
from ssmts.models.forecasting.quantiles import error_quantiles_of, quantiles_around
from ssmts.models.forecasting.score import with_context

__all__ = ["backtest", "cross_validate"]


def backtest(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    *,
    stride: int,
    horizon: Any,
    level: Any,
    adaptive: bool,
) -> Any:
    """Forecasts from all origins in X; see :meth:`ForecasterVerbs.backtest`."""
    if not is_integer(stride) or stride < 1:
        raise ParameterError("stride", stride, "an integer >= 1")
    clock = fitted.layout.clock
    reach = (
        fitted.horizon
        if horizon is None
        else parse_horizon(horizon, clock, fitted.layout.counted_step(fitted.step))
    )
    if reach > fitted.horizon * (1 + 1e-9):
        raise HorizonError(f"horizon={horizon!r} is longer than that of the model. Ask for less.")
    panel = reader.read(X)
    names, levels = _ends(fitted, level)
    panel = with_context(fitted, panel)
    table = all_origins(fitted, panel, reach / fitted.step, int(stride), levels, bool(adaptive))
    return write_tidy(panel.layout, panel.ids, table, names)


def cross_validate(
    model: Refittable,
    X: Any,
    n_windows: int,
    step_size: Any,
    refit: bool | int,
    *,
    level: Any,
    adaptive: bool,
) -> Any:
    """Forecasts of fits on the past, window by window; see :meth:`ForecasterVerbs.cross_validate`."""
    if not is_integer(n_windows) or n_windows < 1:
        raise ParameterError("n_windows", n_windows, "an integer >= 1")
    if not (isinstance(refit, bool) or (is_integer(refit) and refit >= 1)):
        raise ParameterError("refit", refit, "True, False or an integer >= 1")
    panel, columns = model._read_training(X)
    step = reference_step(panel)
    reach = parse_horizon(model.horizon, panel.clock, panel.layout.counted_step(step))
    spacing = reach if step_size is None else _spacing(step_size, panel, step)
    every = n_windows if refit is False else int(refit)
    parts: list[TidyForecasts] = []
    names: list[str] = []
    for k in range(n_windows):
        back = reach + (n_windows - 1 - k) * spacing
        ends = [series.origin - back for series in panel.series]
        if k % every == 0:
            past = until(panel, ends, known_ahead=False)
            if not past.series:
                raise TooShortError(
                    "X has no history before the first cutoff. Give more rows, or fewer windows."
                )
            learnt = model._learnt(past, past, columns)
            learnt_until = {series.id: series.times[-1] for series in past.series}
        past, fitted = until(panel, ends, known_ahead=True), learnt
        names, levels = _ends(fitted, level)
        if adaptive and k % every:
            fitted = _with_widths(fitted, past, learnt_until)
        parts += _next_window(fitted, panel, past, ends, reach, levels)
    return write_tidy(panel.layout, panel.ids, TidyForecasts.joined(parts), names)


def _spacing(step_size: Any, panel: Panel, step: float) -> float:
    """Time between cutoffs, in the unit of the clock."""
    spacing = int(step_size) * step if is_integer(step_size) else parse_duration(step_size, panel.clock)
    if spacing <= 0:
        raise ParameterError("step_size", step_size, "positive")
    return spacing


def _next_window(
    fitted: FittedForecaster, panel: Panel, past: Panel, ends: list[float], reach: float, levels: Float
) -> Iterator[TidyForecasts]:
    """Forecasts of all series from their cutoffs `ends` at the observations that follow within `reach`."""
    position = {series.id: number for number, series in enumerate(panel.series)}
    found: list[tuple[int, Series]] = []
    times: list[Times] = []
    for series in past.series:
        number = position[series.id]
        clock, end = panel.series[number].times, ends[number]
        ahead = clock[(clock > end) & (clock <= end + reach)]
        if len(ahead):
            found.append((number, series))
            times.append(ahead)
    known = replace(past, series=tuple(series for _, series in found))
    values = forecast_at(fitted, known, times)
    around = [np.empty((*one.shape, 0)) for one in values]
    if len(levels):
        around = quantiles_around(fitted, known, times, values, levels)
    rows = zip(found, times, values, around, strict=True)
    for (number, series), instants, forecast, quantiles in rows:
        yield window_of(number, panel.series[number], series.origin, instants, forecast, quantiles)


def _with_widths(
    fitted: FittedForecaster, past: Panel, learnt_until: Mapping[Any, float]
) -> FittedForecaster:
    """Intervals as wide as the rows after those of the fit ask for; as they are while these hold no truth."""
    series = []
    for one in past.series:
        new = one.times > learnt_until.get(one.id, -np.inf)
        if new.any():
            series.append(replace(one, times=one.times[new], values=one.values[new]))
    try:
        return replace(
            fitted, model=calibrated(fitted, with_context(fitted, Panel(tuple(series), past.layout)))
        )
    except TooShortError:
        return fitted


def _ends(fitted: FittedForecaster, level: Any) -> tuple[list[str], Float]:
    """Names and levels of the ends of intervals; none where no level was asked for."""
    if level is None:
        return [], np.empty(0)
    suffixes, levels = interval_levels(level, error_quantiles_of(fitted).levels)
    return [suffix.removeprefix("-") for suffix in suffixes], levels
