"""Forecasts from past origins beside the observations that followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ssmts.data import (
    Panel,
    Series,
    TidyForecasts,
    Times,
    is_integer,
    parse_horizon,
    write_tidy,
)
from ssmts.data.arrays import Float
from ssmts.errors import HorizonError, ParameterError, TooShortError
from ssmts.estimators.forecasters.protocols import Refittable
from ssmts.estimators.forecasters.quantile_levels import tidy_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.backtest import all_origins, rolling_cutoffs, until, window_of
from ssmts.models.forecasting.calibration import calibrated
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_at
from ssmts.models.forecasting.quantiles import error_quantiles_of, quantiles_around
from ssmts.models.forecasting.score import with_context
from ssmts.progress import reporting, tracked
from ssmts.wording import shown

__all__ = ["backtest", "cross_validate", "rolling_table"]

F = TypeVar("F")


def backtest(
    fitted: FittedForecaster,
    reader: HistoryReader,
    X: Any,
    *,
    stride: int,
    horizon: Any,
    level: Any,
    quantiles: Any,
    adaptive: bool,
    verbose: Any,
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
        raise HorizonError(
            f"horizon={shown(horizon)} is longer than the {clock.show_duration(fitted.horizon)} that the "
            "model was trained for. Ask for less, or fit with a longer horizon."
        )
    panel = reader.read(X)
    names, levels = _asked_levels(fitted, level, quantiles)
    panel = with_context(fitted, panel)
    with reporting("backtest", verbose):
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
    quantiles: Any,
    adaptive: bool,
) -> Any:
    """Forecasts of fits on the past, window by window; see :meth:`ForecasterVerbs.cross_validate`."""
    panel, columns = model._read_training(X)
    fits: dict[str, Any] = {}

    def learn(past: Panel) -> FittedForecaster:
        fits["until"] = {series.id: series.times[-1] for series in past.series}
        fits["columns"], levels = _asked_levels(
            fitted := model._learnt(past, past, columns), level, quantiles
        )
        fits["levels"] = levels
        return fitted

    def forecast(
        fitted: FittedForecaster, past: Panel, known: Panel, times: list[Times], is_new: bool
    ) -> tuple[list[Float], list[Float]]:
        if adaptive and not is_new:
            fitted = _with_widths(fitted, past, fits["until"])
        values = forecast_at(fitted, known, times)
        if not len(fits["levels"]):
            return fitted.bounded(values), [np.empty((*one.shape, 0)) for one in values]
        quantiles = quantiles_around(fitted, known, times, values, fits["levels"])
        return fitted.bounded(values), quantiles

    with reporting("cross-validation", model.verbose):
        table = rolling_table(panel, model.horizon, n_windows, step_size, refit, learn, forecast)
    return write_tidy(panel.layout, panel.ids, table, fits["columns"])


def rolling_table(
    panel: Panel,
    horizon: Any,
    n_windows: int,
    step_size: Any,
    refit: bool | int,
    learn: Callable[[Panel], F],
    forecast: Callable[[F, Panel, Panel, list[Times], bool], tuple[list[Float], list[Float]]],
) -> TidyForecasts:
    """Fit on the past and forecast the next horizon, window by window.

    Parameters
    ----------
    panel : Panel
    horizon, n_windows, step_size, refit
        As for :meth:`ForecasterVerbs.cross_validate`.
    learn : callable
        From the past to a fitted state.
    forecast : callable
        From a fitted state, the past, its series that have observations ahead, the instants of these, and
        whether the state was fitted on this past, to forecasts (n_instants, n_channels) and quantiles
        (n_instants, n_channels, n_levels) of each.

    Raises
    ------
    ParameterError
        If `n_windows` or `refit` is malformed.
    TooShortError
        If there is no history before the first cutoff.
    """
    if not (isinstance(refit, bool) or (is_integer(refit) and refit >= 1)):
        raise ParameterError("refit", refit, "True, False or an integer >= 1")
    reach, cutoffs = rolling_cutoffs(panel, horizon, n_windows, step_size)
    every = n_windows if refit is False else int(refit)
    parts: list[TidyForecasts] = []
    for k, ends in enumerate(tracked(cutoffs, "window")):
        if k % every == 0:
            past = until(panel, ends, known_ahead=False)
            if not past.series:
                raise TooShortError(
                    "X has no history before the first cutoff. Give more rows, or fewer windows."
                )
            fitted = learn(past)
        past = until(panel, ends, known_ahead=True)
        found, times = _ahead(panel, past, ends, reach)
        known = replace(past, series=tuple(series for _, series in found))
        values, around = forecast(fitted, past, known, times, k % every == 0)
        rows = zip(found, times, values, around, strict=True)
        for (number, series), instants, own, quantiles in rows:
            parts.append(window_of(number, panel.series[number], series.origin, instants, own, quantiles))
    return TidyForecasts.joined(parts)


def _ahead(
    panel: Panel, past: Panel, ends: list[float], reach: float
) -> tuple[list[tuple[int, Series]], list[Times]]:
    """Series of the past, by their numbers in the panel, with observations within `reach` of `ends`."""
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
    return found, times


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


def _asked_levels(fitted: FittedForecaster, level: Any, quantiles: Any) -> tuple[list[str], Float]:
    """Names and quantile levels of the columns that were asked for beside the forecast."""
    if level is None and quantiles is None:
        return [], np.empty(0)
    return tidy_levels(error_quantiles_of(fitted).levels, level, quantiles)
