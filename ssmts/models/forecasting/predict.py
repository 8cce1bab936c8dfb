"""Forecasts at any instants from the last windows of a panel."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from typing import Any

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Panel, Series, Times
from ssmts.errors import NonFiniteForecastError
from ssmts.models.covariates.effect import require_covariates
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import tail_of
from ssmts.models.forecasting.output_times import channel_times, output_times
from ssmts.models.linear.lead_times import at_leads
from ssmts.models.sequences.last_windows import LastWindows, last_windows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.uncertainty.error_quantiles import ErrorQuantiles

__all__ = [
    "dead_channels",
    "evaluate",
    "forecast_at",
    "forecast_panel",
    "parted",
    "unbounded_panel",
    "window_scales",
    "windows_of",
]


def forecast_panel(
    fitted: FittedForecaster, panel: Panel, *, horizon: Any = None, step: Any = None, at: Any = None
) -> tuple[list[Times], list[Float]]:
    """Instants and forecasts of every series; the parameters are those of `SSMForecaster.predict`.

    Forecasts stay between the bounds of the model.

    Returns
    -------
    times : list of ndarray, each (n_instants,)
    values : list of ndarray of float64, each (n_instants, n_channels)
    """
    times, values = unbounded_panel(fitted, panel, horizon=horizon, step=step, at=at)
    return times, fitted.bounded(values)


def unbounded_panel(
    fitted: FittedForecaster, panel: Panel, *, horizon: Any = None, step: Any = None, at: Any = None
) -> tuple[list[Times], list[Float]]:
    """What :func:`forecast_panel` moves between the bounds: the centre of quantiles and trajectories."""
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
    """Keep only the instants at each channel's own step; set the others to NaN."""
    for series, instants, own in zip(panel.series, times, values, strict=True):
        reach = instants[-1] - series.origin
        for channel, mine in channel_times(panel, series, fitted.step, reach).items():
            own[~np.isin(instants, mine), channel] = np.nan


def forecast_at(fitted: FittedForecaster, panel: Panel, times: list[Times]) -> list[Float]:
    """Forecasts at instants after the origin and within the horizon, not yet between the bounds."""
    if fitted.effect is None:
        return evaluate(fitted, panel, *_forecast_grid(fitted, panel), times)
    require_covariates(panel, fitted.effect.columns, times)
    panel, plain = parted(fitted, panel)
    grid, age = _forecast_grid(fitted, plain)
    values = evaluate(fitted, plain, grid, age, times)
    for series, instants, own, own_grid in zip(panel.series, times, values, grid, strict=True):
        alive = ~np.isnan(own_grid[:, 0])  # the mean that stands for a dead channel holds the usual effect
        own += fitted.effect.values(series, instants, fitted.step, fitted.scaling) * alive
    return values


def parted(fitted: FittedForecaster, panel: Panel) -> tuple[Panel, Panel]:
    """The end of a panel that a forecast reads: as it is, and minus the effect of covariates."""
    if fitted.effect is None:
        return panel, panel
    panel = tail_of(panel, fitted.model.config.linear.context, fitted.step, fitted.effect.run_in)
    return panel, fitted.without_effect(panel)


def window_scales(
    fitted: FittedForecaster, panel: Panel, error_quantiles: ErrorQuantiles
) -> tuple[Float, Rows, Float]:
    """Error scale in the units of the data, group and age of the last window of each channel.

    Shapes (n_series, n_channels); the age in reference steps.
    """
    shape = (len(panel.series), panel.n_channels)
    scale, age, groups = np.full(shape, np.nan), np.zeros(shape), np.full(shape, -1)
    _, plain = parted(fitted, panel)
    for windows in last_windows(plain, fitted.scaling, fitted.step, fitted.model.config.linear.context):
        at = windows.series, windows.channels
        scale[at] = error_quantiles.scale(fitted.model.deviation(windows.stack)) * windows.scale
        groups[at], age[at] = windows.stack.groups, windows.age
    return scale, groups, age


def windows_of(fitted: FittedForecaster, panel: Panel) -> Iterator[tuple[LastWindows, SequenceStack]]:
    """The last windows of a panel with their extra features, group by group."""
    model = fitted.model
    same_start = model.deep is not None and model.deep.config.n_tokens > 1
    context = model.config.linear.context
    for group in last_windows(panel, fitted.scaling, fitted.step, context, same_start=same_start):
        yield group, group.stack if fitted.mixing is None else fitted.mixing.extend(group, panel)


@np.errstate(over="ignore", invalid="ignore")  # what is not finite becomes an error
def _forecast_grid(fitted: FittedForecaster, panel: Panel) -> tuple[Float, Float]:
    """Forecasts at lead times 0, 1, ... from each channel's last observation, and its age at the origin.

    Shapes (n_series, n_channels, horizon + 1) and (n_series, n_channels), the age in reference steps.
    """
    shape = (len(panel.series), panel.n_channels, fitted.model.config.linear.horizon + 1)
    grid, age, asked = np.full(shape, np.nan), np.zeros(shape[:2]), np.zeros(shape[:2], dtype=bool)
    for group, stack in windows_of(fitted, panel):
        scaled = fitted.model.forecast(stack)
        grid[group.series, group.channels] = scaled * group.scale[:, None] + group.last[:, None]
        age[group.series, group.channels] = group.age
        asked[group.series, group.channels] = True
    finite = np.isfinite(grid).all(axis=-1) | ~asked
    if not finite.all():
        number = int(np.argwhere(~finite)[0, 0])
        raise NonFiniteForecastError(
            f"The forecast{panel.series[number].whose} is not finite. Check its history for "
            "extreme values, or scale the data."
        )
    return grid, age


def _usual(fitted: FittedForecaster, series: Series) -> tuple[Float, Float]:
    """Mean and standard deviation of the channels of a training series."""
    scaling = fitted.scaling
    assert scaling.mean is not None
    number = scaling.position[series.id]
    return scaling.mean[number], scaling.scale[number]


def dead_channels(fitted: FittedForecaster, panel: Panel, series: Series, scale: Float) -> tuple[Rows, Float]:
    """Channels of a training series without an observation in the context, and their standard deviations."""
    dead = np.flatnonzero(np.isnan(scale) if panel.layout.channel_col is None else np.zeros(len(scale)))
    return dead, _usual(fitted, series)[1][dead] if len(dead) else np.empty(0)


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
            # Beyond the trained horizon a late channel keeps its last forecast.
            values[:, channels] = at_leads(own_grid[channels], np.minimum(leads + late, limit)).T
        if panel.layout.channel_col is None and not asked.all():
            values[:, ~asked] = _usual(fitted, series)[0][~asked]
        out.append(values)
    return out
