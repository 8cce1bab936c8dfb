"""Contributions to the forecasts of a panel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.series import Clock, Panel, Times
from ssmts.models.covariates.effect import require_covariates
from ssmts.models.forecasting.contributions import Band, bands, contributions
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.forecasting.output_times import output_times
from ssmts.models.forecasting.predict import evaluate, parted, windows_of
from ssmts.models.panels.branch import PanelBranch
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["explain_panel"]


def explain_panel(
    fitted: FittedForecaster, panel: Panel, *, horizon: Any, step: Any, at: Any
) -> tuple[list[Times], list[str], list[Float]]:
    """Contributions of each part to a forecast; the options are those of `SSMForecaster.predict`.

    Returns
    -------
    times : list of ndarray, each (n_instants,)
    names : list of str
    values : list of ndarray of float64, each (n_parts, n_instants, n_channels)
    """
    times = output_times(fitted, panel, horizon, step, at)
    if fitted.effect is not None:
        require_covariates(panel, fitted.effect.columns, times)
    panel, plain = parted(fitted, panel)
    grid: dict[str, Float] = {}
    shape = (len(panel.series), panel.n_channels, fitted.model.config.linear.horizon + 1)
    age = np.empty(shape[:2])
    names = [_name(band, fitted.layout.clock, fitted.step) for band in bands(fitted.model.bank)]
    for group, stack in windows_of(fitted, plain):
        if fitted.model.panel is not None:
            own = _panel_parts(fitted.model, fitted.model.panel, stack)
        else:
            found = contributions(fitted.model, stack)
            own = {"level": found.level} | dict(zip(names, found.by_band, strict=True))
            own |= {"constant": found.constant, "channels and past covariates": found.extra}
            own["deep"] = found.deep
        for name, part in own.items():
            if part is None:
                continue
            values = part * group.scale[:, None]
            if name == "level":
                values += group.level[:, None]
            grid.setdefault(name, np.empty(shape))[group.series, group.channels] = values
        age[group.series, group.channels] = group.age
    parts = [evaluate(fitted, plain, own_grid, age, times) for own_grid in grid.values()]
    if fitted.effect is not None:
        both = zip(panel.series, times, strict=True)
        parts.append([fitted.effect.values(one, own, fitted.step, fitted.scaling) for one, own in both])
        grid["covariates"] = np.empty(0)
    return times, list(grid), [np.stack(own) for own in zip(*parts, strict=True)]


def _panel_parts(model: ForecastModel, panel: PanelBranch, stack: SequenceStack) -> dict[str, Float | None]:
    """The last value of each window, and what each forecast of the mixture adds to it, by its weight."""
    last, added = panel.parts(model.on_grid(stack), stack.groups)
    level = np.repeat(last[:, None], panel.horizon + 1, axis=1)
    return {"level": level} | {name: added[:, k] for k, name in enumerate(panel.names)}


def _name(band: Band, clock: Clock, step: float) -> str:
    """E.g. ``cycle 4h to 6h``."""
    ends = [clock.short_duration(end * step) for end in (band.shortest, band.longest)]
    return f"{band.kind} {ends[0]}" if ends[0] == ends[1] else f"{band.kind} {ends[0]} to {ends[1]}"
