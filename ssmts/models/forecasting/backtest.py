"""Forecasts from all origins of a panel as a table, and panels cut at the origins of a cross-validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmts.data._convert import is_integer
from ssmts.data.arrays import Float, Rows
from ssmts.data.duration import parse_duration, parse_horizon, reference_step
from ssmts.data.series import Covariates, Panel, Series, Times
from ssmts.data.tidy import TidyForecasts
from ssmts.errors import HorizonError, ParameterError, TooShortError
from ssmts.models.forecasting.calibration import widths_of
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.quantiles import error_quantiles_of
from ssmts.models.forecasting.rolling_origins import RollingForecasts, rolling_by_member
from ssmts.models.linear.lead_times import at_leads
from ssmts.models.sequences.sequence import Sequence, stack_sequences
from ssmts.progress import tracked

__all__ = ["all_origins", "rolling_cutoffs", "until", "window_of"]

_MOST_CUTOFFS = 1_000_000


def all_origins(
    fitted: FittedForecaster, panel: Panel, horizon: float, stride: int, levels: Float, adaptive: bool
) -> TidyForecasts:
    """Forecasts from every `stride`-th origin with a context before it and a horizon after it.

    Parameters
    ----------
    fitted : FittedForecaster
    panel : Panel
    horizon : float
        In reference steps, at most that of the model.
    stride : int
        In observations.
    levels : ndarray of float64, shape (n_levels,)
        Quantile levels; may be empty.
    adaptive : bool
        Whether intervals are calibrated at each origin on the observations known there.

    Raises
    ------
    TooShortError
        If no series holds a context and a horizon.
    HorizonError
        If the horizon is shorter than any interval of X.
    """
    sequences = fitted.sequences(panel)
    sources = {number: SequenceSource(fitted, panel, sequence) for number, sequence in enumerate(sequences)}
    parts, n_origins = [], 0
    for stack in tracked(stack_sequences(sequences)):
        assert stack.numbers is not None
        for member, own in rolling_by_member(fitted.model, stack, stride=stride, horizon=horizon).items():
            widths = widths_of(fitted, own)[1][:-1] if adaptive else None
            begin = 0
            for block in own:
                width = None if widths is None else widths[begin : begin + len(block.rows)]
                begin += len(block.rows)
                n_origins += len(block.rows)
                bands = _Bands(fitted, levels, int(stack.groups[member]), width)
                parts += list(_tidy(block, sources[int(stack.numbers[member])], horizon, bands))
    if not parts and n_origins:
        reach = panel.clock.show_duration(horizon * fitted.step)
        raise HorizonError(f"No row of X lies within {reach} after an earlier one. Give a longer horizon.")
    if not parts:
        linear, clock = fitted.model.config.linear, panel.clock
        need = clock.show_duration((linear.context + horizon) * fitted.step)
        raise TooShortError(
            f"X holds no whole window: a context and a horizon are {need} together. Give more rows, or rows "
            "that begin where the training data ended."
        )
    return TidyForecasts.joined(parts)


class SequenceSource:
    """Instants, observed values and units of one sequence."""

    def __init__(self, fitted: FittedForecaster, panel: Panel, sequence: Sequence) -> None:
        number, self.channel = sequence.source
        self.series = number
        series = panel.series[number]
        scale, _ = fitted.scaling.of_series(series)
        rows = np.flatnonzero(~np.isnan(series.values[:, self.channel]))
        times = series.times[rows]
        near: Any = (sequence.start + sequence.times) * fitted.step
        near = near if times.dtype.kind == "f" else np.rint(near).astype(np.int64)
        # The exact time of the observation, unless the sequence was interpolated to a grid.
        after = np.clip(np.searchsorted(times, near), 1, len(times) - 1)
        closest = after - ((near - times[after - 1]) < (times[after] - near))
        same = np.abs(times[closest] - near) <= 1e-6 * fitted.step + 1000 * (times.dtype.kind == "i")
        self.times: Times = np.where(same, times[closest], near)
        self.effect = np.zeros(len(near))
        if fitted.effect is not None:
            effect = fitted.effect.values(series, self.times, fitted.step, fitted.scaling)
            self.effect = effect[:, self.channel]
        self.scale = float(scale[self.channel])
        own = series.values[rows, self.channel]
        plain = own if fitted.effect is None else own - self._effect_at(fitted, series, times)
        self.level = float(plain.mean())
        limits = fitted.bounds
        self.bounds = None if limits is None else (limits.low[self.channel], limits.high[self.channel])
        self.y = np.where(same, own[closest], sequence.values * self.scale + self.level + self.effect)

    def within(self, forecast: Float, rows: slice) -> Float:
        """Standardised forecasts of some rows, moved between the bounds."""
        if self.bounds is None:
            return forecast
        middle = self.level + self.effect[rows]
        return np.asarray((np.clip(forecast * self.scale + middle, *self.bounds) - middle) / self.scale)

    def _effect_at(self, fitted: FittedForecaster, series: Series, times: Times) -> Float:
        assert fitted.effect is not None
        return fitted.effect.values(series, times, fitted.step, fitted.scaling)[:, self.channel]


@dataclass(frozen=True)
class _Bands:
    """Quantiles around the forecasts of some origins; factors on widths (n_windows,), None: the model's."""

    fitted: FittedForecaster
    levels: Float
    group: int
    widths: Float | None

    def around(self, forecast: Float, leads: Float, window: Rows, deviation: Float) -> Float:
        """Quantiles (n_rows, n_levels) around forecasts (n_rows,) at lead times, all standardised."""
        if not len(self.levels):
            return np.empty((len(forecast), 0))
        error_quantiles = error_quantiles_of(self.fitted)
        at, place = np.unique(leads, return_inverse=True)
        if self.widths is None:
            offsets = error_quantiles.offsets(self.levels, at, self.group)[place]
        else:
            error_quantiles = error_quantiles.plain
            middle = error_quantiles.offsets(np.array([0.5]), at, self.group)
            own = error_quantiles.offsets(self.levels, at, self.group) - middle
            offsets = middle[place] + self.widths[window][:, None] * own[place]
        return np.asarray(forecast[:, None] + error_quantiles.scale(deviation)[window][:, None] * offsets)


def _tidy(
    block: RollingForecasts, source: SequenceSource, horizon: float, bands: _Bands
) -> Iterator[TidyForecasts]:
    """Forecasts of a block at the observed instants."""
    clock, rows = block.stack.times, block.rows
    limit = float(block.forecast.shape[1] - 1)
    interval = block.stack.interval
    if interval is not None:
        leads = interval * np.arange(1.0, np.floor(horizon / interval + 1e-6) + 1.0)
        lengths = np.full(len(rows), len(leads))
        ahead = (rows[:, None] + np.arange(1, len(leads) + 1)).ravel()
        forecast = at_leads(block.forecast, np.minimum(leads, limit)).ravel()
        every = np.tile(leads, len(rows))
    else:
        ends = np.searchsorted(clock, clock[rows] + horizon + 1e-6, side="right")
        lengths = ends - rows - 1
        ahead = np.concatenate([np.arange(row + 1, end) for row, end in zip(rows, ends)])
        own = [
            at_leads(one[None], np.minimum(clock[row + 1 : end] - clock[row], limit))[0]
            for one, row, end in zip(block.forecast, rows, ends)
            if end > row + 1
        ]
        forecast = np.concatenate(own) if own else np.empty(0)
        every = clock[ahead] - np.repeat(clock[rows], lengths) if len(ahead) else np.empty(0)
    if not len(ahead):
        return
    quantiles = bands.around(forecast, every, np.repeat(np.arange(len(rows)), lengths), block.deviation)
    level = source.level + source.effect[ahead]
    in_units, bands_in_units = forecast * source.scale + level, quantiles * source.scale + level[:, None]
    if source.bounds is not None:
        in_units, bands_in_units = (np.clip(own, *source.bounds) for own in (in_units, bands_in_units))
    yield TidyForecasts(
        series=np.full(len(rows), source.series),
        channels=np.full(len(rows), source.channel),
        cutoffs=source.times[rows],
        lengths=lengths,
        times=source.times[ahead],
        y=source.y[ahead],
        forecast=in_units,
        quantiles=bands_in_units,
    )


def rolling_cutoffs(
    panel: Panel, horizon: Any, n_windows: int, step_size: Any
) -> tuple[float, list[list[float]]]:
    """The horizon in the unit of the clock, and where each series is cut for each window, oldest first.

    Parameters
    ----------
    panel : Panel
    horizon : int or duration
    n_windows : int
    step_size : int or duration, optional
        Time between cutoffs; the horizon by default.

    Raises
    ------
    ParameterError
        If `n_windows` is no positive integer, or `step_size` not positive.
    """
    if not is_integer(n_windows) or not 1 <= n_windows <= _MOST_CUTOFFS:
        raise ParameterError("n_windows", n_windows, f"an integer >= 1 and at most {_MOST_CUTOFFS:,}")
    step = reference_step(panel)
    reach = parse_horizon(horizon, panel.clock, panel.layout.counted_step(step))
    spacing: float = reach
    if step_size is not None:
        spacing = int(step_size) * step if is_integer(step_size) else parse_duration(step_size, panel.clock)
        if spacing <= 0:
            raise ParameterError("step_size", step_size, "positive")
    back = [reach + k * spacing for k in reversed(range(n_windows))]
    return reach, [[series.origin - one for series in panel.series] for one in back]


def until(panel: Panel, ends: list[float], *, known_ahead: bool) -> Panel:
    """Each series cut at an instant; series that begin later are left out.

    With `known_ahead` covariates keep their later values.
    """
    series = []
    for one, end in zip(panel.series, ends, strict=True):
        stop = int(np.searchsorted(one.times, end, side="right"))
        if np.isnan(one.values[:stop]).all():
            continue
        covariates = one.covariates
        if covariates is not None and not known_ahead:
            last = int(np.searchsorted(covariates.times, end, side="right"))
            covariates = Covariates(covariates.times[:last], covariates.values[:last], covariates.static)
        series.append(replace(one, times=one.times[:stop], values=one.values[:stop], covariates=covariates))
    return replace(panel, series=tuple(series))


def window_of(
    number: int, series: Series, cutoff: float, times: Times, forecast: Float, quantiles: Float
) -> TidyForecasts:
    """The forecast of one series from one cutoff and the observations that followed, channel by channel.

    `forecast` is (n_instants, n_channels), `quantiles` (n_instants, n_channels, n_levels).
    """
    rows = np.searchsorted(series.times, times)
    values = series.values[rows]
    seen = ~np.isnan(values)
    n_channels = values.shape[1]
    return TidyForecasts(
        series=np.full(n_channels, number),
        channels=np.arange(n_channels),
        cutoffs=series.times[np.searchsorted(series.times, [cutoff] * n_channels)],
        lengths=seen.sum(axis=0),
        times=np.concatenate([times[own] for own in seen.T]),
        y=values.T[seen.T],
        forecast=forecast.T[seen.T],
        quantiles=quantiles.swapaxes(0, 1)[seen.T],
    )
