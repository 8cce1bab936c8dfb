"""Output instants of a forecast: given instants, or a regular output at the step of each series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ssmts.data.duration import parse_horizon, parse_step, reference_step
from ssmts.data.instants import output_times as regular_times
from ssmts.data.instants import parse_instants
from ssmts.data.series import Layout, Panel, Series, Times
from ssmts.errors import HorizonError, ParameterError
from ssmts.wording import shown

__all__ = ["channel_times", "output_times"]


class Reach(Protocol):
    """How far a fitted forecaster goes: in the unit of the clock, and in reference steps."""

    @property
    def layout(self) -> Layout:
        """Of the training data."""

    @property
    def step(self) -> int | float:
        """Reference step."""

    @property
    def horizon(self) -> int | float:
        """Longest forecast."""

    @property
    def n_steps(self) -> int:
        """Longest forecast in reference steps, rounded up."""


_SNAP = 0.05  # an output step this close to the reference step is the reference step


def output_times(fitted: Reach, panel: Panel, horizon: Any, step: Any, at: Any) -> list[Times]:
    """Instants of the forecast of every series, none beyond the trained horizon."""
    if at is not None and (step is not None or horizon is not None):
        raise ParameterError("at", at, "given without step and horizon: it names all instants")
    clock, layout = panel.clock, panel.layout
    if at is not None:
        instants = parse_instants(at, panel)
        for series, own in zip(panel.series, instants, strict=True):
            if own.max() - series.origin > fitted.horizon * (1 + 1e-9):
                end = layout.show_instant(series.origin + fitted.horizon)
                raise HorizonError(
                    f"{layout.show_instant(own.max())} lies beyond the trained horizon, which ends at {end}. "
                    "Ask for earlier instants, or fit with a longer horizon."
                )
        return instants
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
    if step is None and layout.offset is not None:
        own_step = parse_step(layout.offset, clock)
        if isinstance(own_step, pd.tseries.offsets.BaseOffset):
            # Calendar steps differ in length: four years are a day longer than four median years, ten
            # business days are two weeks, which the model was fitted for.
            n_rows = round(reach / fitted.step)
            if n_rows < 1:
                raise HorizonError(
                    f"horizon={shown(horizon)} is shorter than one step ({own_step.freqstr}). Give a "
                    "longer one, or a finer step."
                )
            limit = max(reach + 0.5 * fitted.step, fitted.n_steps * fitted.step)
            return [
                regular_times(series.origin, horizon=limit, step=own_step, layout=layout)[:n_rows]
                for series in panel.series
            ]
        step = layout.offset
    spacing = None if step is None else parse_step(step, clock)
    if spacing is None and layout.channel_col is not None:
        return [
            np.unique(np.concatenate(list(channel_times(panel, series, fitted.step, reach).values())))
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


def channel_times(panel: Panel, series: Series, reference: float, reach: float) -> dict[int, Times]:
    """Output instants of each channel of a series at its own step; the reference step for a single row."""
    times = {}
    for channel, seen in enumerate(~np.isnan(series.values.T)):
        if seen.any():
            alone = Series(series.id, series.times[seen], series.values[seen, channel : channel + 1])
            step = _own_step(panel, alone, reference) if seen.sum() > 1 else reference
            times[channel] = regular_times(series.origin, horizon=reach, step=step, layout=panel.layout)
    return times
