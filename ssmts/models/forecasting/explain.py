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

__all__ = ["components", "explain_panel"]

_EXTRA, _DEEP = "channels and past covariates", "deep"


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
    in_bands = [_name(band, fitted.layout.clock, fitted.step) for band in bands(fitted.model.bank)]
    for group, stack in windows_of(fitted, plain):
        here: dict[str, Float | None]
        if fitted.model.panel is not None:
            here = _panel_parts(fitted.model, fitted.model.panel, stack)
        else:
            split = contributions(fitted.model, stack)
            here = {"level": split.level} | dict(zip(in_bands, split.by_band, strict=True))
            here |= {"constant": split.constant, _EXTRA: split.extra, _DEEP: split.deep}
        for name, part in here.items():
            if part is None:
                continue
            values = part * group.scale[:, None]
            if name == "level":
                values += group.last[:, None]
            grid.setdefault(name, np.empty(shape))[group.series, group.channels] = values
        age[group.series, group.channels] = group.age
    parts = [evaluate(fitted, plain, own_grid, age, times) for own_grid in grid.values()]
    names = list(grid)
    if fitted.effect is not None:
        usual_parts = parts[names.index("constant") if "constant" in names else 0]
        by_name: dict[str, list[Float]] = {}
        for number, (one, own) in enumerate(zip(panel.series, times, strict=True)):
            found, usual = fitted.effect.contributions(one, own, fitted.step, fitted.scaling)
            usual_parts[number] += usual
            for name, part in found.items():
                by_name.setdefault(f"covariate {name}" if name in grid else name, []).append(part)
        parts += by_name.values()
        names += by_name
    if fitted.bounds is not None:
        whole = [np.sum(own, axis=0) for own in zip(*parts, strict=True)]
        parts.append([moved - own for moved, own in zip(fitted.bounded(whole), whole, strict=True)])
        names.append("bounds")
    return times, names, [np.stack(own) for own in zip(*parts, strict=True)]


def components(fitted: FittedForecaster, names: list[str], values: Float) -> dict[str, Float]:
    """Parts by name, those that come from the past of the channel itself added up as ``past``.

    Parameters
    ----------
    fitted : FittedForecaster
    names : list of str
        Of the parts, as :func:`explain_panel` gives them.
    values : ndarray of float64, shape (n_parts, n_instants, n_channels)

    Returns
    -------
    dict of ndarray of float64, each (n_instants, n_channels)
        They add up to the forecast.
    """
    n_own = len(names) - (0 if fitted.effect is None else len(fitted.effect.part_names))
    n_own -= fitted.bounds is not None
    past = [k for k in range(n_own) if names[k] not in (_EXTRA, _DEEP)]
    others = {name: own for k, (name, own) in enumerate(zip(names, values, strict=True)) if k not in past}
    return {"past": values[past].sum(axis=0)} | others


def _panel_parts(model: ForecastModel, panel: PanelBranch, stack: SequenceStack) -> dict[str, Float | None]:
    """The last value of each window, and what each forecast of the mixture adds to it, by its weight."""
    last, added = panel.parts(model.on_grid(stack), stack.groups)
    level = np.repeat(last[:, None], panel.horizon + 1, axis=1)
    parts: dict[str, Float | None] = {"level": level}
    return parts | {name: added[:, k] for k, name in enumerate(panel.names)}


def _name(band: Band, clock: Clock, step: float) -> str:
    """E.g. ``cycle 4h to 6h``."""
    ends = [clock.short_duration(end * step) for end in (band.shortest, band.longest)]
    return f"{band.kind} {ends[0]}" if ends[0] == ends[1] else f"{band.kind} {ends[0]} to {ends[1]}"
