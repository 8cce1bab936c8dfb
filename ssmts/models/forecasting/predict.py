"""From a panel's last windows to forecasts at the instants that were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import Panel, Series, Times, parse_horizon, parse_instants, parse_step, reference_step
from ssmts.data import output_times as regular_times
from ssmts.data.arrays import Float, Rows
from ssmts.errors import HorizonError, NonFiniteForecastError, ParameterError
from ssmts.models.covariates.effect import require_covariates
from ssmts.models.forecasting.fitted import FittedForecaster, tail_of
from ssmts.models.linear.lead_times import at_leads
from ssmts.models.sequences.last_windows import LastWindows, last_windows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.uncertainty.error_quantiles import Spread

__all__ = [
    "evaluate",
    "forecast_at",
    "forecast_panel",
    "output_times",
    "parted",
    "window_scales",
    "windows_of",
]

_SNAP = 0.05  # an output step this close to the reference step is the reference step


def forecast_panel(
    fitted: FittedForecaster, panel: Panel, *, horizon: Any = None, step: Any = None, at: Any = None
) -> tuple[list[Times], list[Float]]:
    """Instants and forecasts of every series; the parameters are those of `SSMForecaster.predict`.

    Returns
    -------
    times : list of ndarray, each (n_instants,)
    values : list of ndarray of float64, each (n_instants, n_channels)
    """
    if fitted.effect is None:
        grid, age = _forecast_grid(fitted, panel)
        times = output_times(fitted, panel, horizon, step, at)
        values = evaluate(fitted, panel, grid, age, times)
    else:
        times = output_times(fitted, panel, horizon, step, at)
        values = forecast_at(fitted, panel, times)
    if panel.layout.channel_col is not None and step is None and at is None:
        _keep_own_instants(fitted, panel, times, values)
    return times, values


def _keep_own_instants(
    fitted: FittedForecaster, panel: Panel, times: list[Times], values: list[Float]
) -> None:
    """Leave every channel the instants of its own step alone."""
    for series, instants, own in zip(panel.series, times, values, strict=True):
        reach = instants[-1] - series.origin
        for channel, mine in _channel_times(panel, series, fitted.step, reach).items():
            own[~np.isin(instants, mine), channel] = np.nan


def forecast_at(fitted: FittedForecaster, panel: Panel, times: list[Times]) -> list[Float]:
    """Forecasts of every series at its instants, all after its origin and within the horizon."""
    if fitted.effect is None:
        return evaluate(fitted, panel, *_forecast_grid(fitted, panel), times)
    require_covariates(panel, fitted.effect.columns, times)
    panel, plain = parted(fitted, panel)
    values = evaluate(fitted, plain, *_forecast_grid(fitted, plain), times)
    for series, instants, own in zip(panel.series, times, values, strict=True):
        own += fitted.effect.values(series, instants, fitted.step, fitted.scaling)
    return values


def parted(fitted: FittedForecaster, panel: Panel) -> tuple[Panel, Panel]:
    """The end of a panel that a forecast uses, as it is and minus what its covariates do."""
    if fitted.effect is None:
        return panel, panel
    panel = tail_of(panel, fitted.model.config.linear.context, fitted.step, fitted.effect.bank.run_in)
    return panel, fitted.without_effect(panel)


def window_scales(fitted: FittedForecaster, panel: Panel, spread: Spread) -> tuple[Float, Rows, Float]:
    """Scale of the errors in the data's units, group and age of the last window of each channel.

    Shapes (n_series, n_channels); the age in reference steps.
    """
    shape = (len(panel.series), panel.n_channels)
    scale, age, groups = np.full(shape, np.nan), np.zeros(shape), np.full(shape, -1)
    _, plain = parted(fitted, panel)
    for windows in last_windows(plain, fitted.scaling, fitted.step, fitted.model.config.linear.context):
        at = windows.series, windows.channels
        scale[at] = spread.scale(fitted.model.deviation(windows.stack)) * windows.scale
        groups[at], age[at] = windows.stack.groups, windows.age
    return scale, groups, age


def output_times(fitted: FittedForecaster, panel: Panel, horizon: Any, step: Any, at: Any) -> list[Times]:
    """Instants of the forecast of every series, none beyond the trained horizon."""
    if at is not None and (step is not None or horizon is not None):
        raise ParameterError("at", at, "given without step and horizon: it says all instants itself")
    clock, layout = panel.clock, panel.layout
    if at is not None:
        instants = parse_instants(at, panel)
        for series, own in zip(panel.series, instants, strict=True):
            end = series.origin + fitted.horizon * (1 + 1e-9)
            if own.max() > end:
                raise HorizonError(
                    f"{layout.show_instant(own.max())} lies beyond the trained horizon, which ends at "
                    f"{layout.show_instant(end)}. Ask for earlier instants, or fit with a longer horizon."
                )
        return instants
    reach = fitted.horizon if horizon is None else parse_horizon(horizon, clock, fitted.step)
    if reach > fitted.horizon * (1 + 1e-9):
        raise HorizonError(
            f"horizon={horizon!r} is longer than the {clock.show_duration(fitted.horizon)} that the "
            "model was trained for. Ask for less, or fit with a longer horizon."
        )
    if step is None and layout.offset is not None:
        own_step = parse_step(layout.offset, clock)
        if isinstance(own_step, pd.tseries.offsets.BaseOffset):
            # Calendar steps differ in length: four years are a day longer than four median years, ten
            # business days are two weeks, which the model was fitted for.
            n_rows = round(reach / fitted.step)
            limit = max(reach + 0.5 * fitted.step, fitted.model.config.linear.horizon * fitted.step)
            return [
                regular_times(series.origin, horizon=limit, step=own_step, layout=layout)[:n_rows]
                for series in panel.series
            ]
        step = layout.offset
    spacing = None if step is None else parse_step(step, clock)
    if spacing is None and layout.channel_col is not None:
        return [
            np.unique(np.concatenate(list(_channel_times(panel, series, fitted.step, reach).values())))
            for series in panel.series
        ]
    return [
        regular_times(
            series.origin,
            horizon=reach,
            step=_own_step(panel, series, fitted.step) if spacing is None else spacing,
            layout=layout,
        )
        for series in panel.series
    ]


def _own_step(panel: Panel, series: Series, reference: float) -> int | float:
    """Median interval of a series, snapped to the reference step."""
    step = reference_step(replace(panel, series=(series,)))
    return reference if abs(step - reference) <= _SNAP * reference else step


def _channel_times(panel: Panel, series: Series, reference: float, reach: float) -> dict[int, Times]:
    """Output instants of each channel of a series, at its own step; a lone row has the reference step."""
    times = {}
    for channel, seen in enumerate(~np.isnan(series.values.T)):
        if seen.any():
            alone = Series(series.id, series.times[seen], series.values[seen, channel : channel + 1])
            step = _own_step(panel, alone, reference) if seen.sum() > 1 else reference
            times[channel] = regular_times(series.origin, horizon=reach, step=step, layout=panel.layout)
    return times


def windows_of(fitted: FittedForecaster, panel: Panel) -> Iterator[tuple[LastWindows, SequenceStack]]:
    """The last windows of a panel as the model reads them, group by group."""
    model = fitted.model
    same_start = model.deep is not None and model.deep.config.n_tokens > 1
    context = model.config.linear.context
    for group in last_windows(panel, fitted.scaling, fitted.step, context, same_start=same_start):
        yield group, group.stack if fitted.mixing is None else fitted.mixing.extend(group, panel)


def _forecast_grid(fitted: FittedForecaster, panel: Panel) -> tuple[Float, Float]:
    """Forecasts at leads 0, 1, ... from each channel's last observation, and its age at the origin.

    Shapes (n_series, n_channels, horizon + 1) and (n_series, n_channels), the age in reference steps.
    """
    shape = (len(panel.series), panel.n_channels, fitted.model.config.linear.horizon + 1)
    grid, age, asked = np.full(shape, np.nan), np.zeros(shape[:2]), np.zeros(shape[:2], dtype=bool)
    for group, stack in windows_of(fitted, panel):
        scaled = fitted.model.forecast(stack)
        grid[group.series, group.channels] = scaled * group.scale[:, None] + group.level[:, None]
        age[group.series, group.channels] = group.age
        asked[group.series, group.channels] = True
    finite = np.isfinite(grid).all(axis=-1) | ~asked
    if not finite.all():
        number = int(np.argwhere(~finite)[0, 0])
        raise NonFiniteForecastError(
            f"The forecast of series {panel.series[number].id!r} is not finite. Look for extreme values in "
            "its history, or scale the data."
        )
    return grid, age


def evaluate(
    fitted: FittedForecaster, panel: Panel, grid: Float, age: Float, times: Seq[Times]
) -> list[Float]:
    """Forecasts of every series at its instants, each (n_instants, n_channels)."""
    limit = fitted.model.config.linear.horizon
    out = []
    for series, instants, own_grid, own_age in zip(panel.series, times, grid, age, strict=True):
        leads = (instants - series.origin) / fitted.step
        values = np.full((len(leads), panel.n_channels), np.nan)
        asked = ~np.isnan(own_grid[:, 0])
        for late in np.unique(own_age[asked]):
            channels = asked & (own_age == late)
            # Beyond its own horizon a late channel stays at its last forecast.
            values[:, channels] = at_leads(own_grid[channels], np.minimum(leads + late, limit)).T
        out.append(values)
    return out
