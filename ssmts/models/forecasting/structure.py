"""Second stage of a fit: context and seasonal period of the linear branch, by cross-validation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from ssmts.data.duration import parse_context
from ssmts.errors import TooShortError, TooShortWarning
from ssmts.models.config import LinearConfig
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.models.forecasting.training_data import TrainingData
from ssmts.models.linear.path import origin_span
from ssmts.models.linear.selection import choose_context, choose_period, with_interpolation
from ssmts.models.sequences.origins import origin_rows
from ssmts.progress import stage

__all__ = ["choose_structure", "holds_windows"]


def choose_structure(data: TrainingData, options: ForecastOptions) -> tuple[LinearConfig, dict[str, Any]]:
    """Choose the context, the seasonal period and how missing leads are treated.

    Parameters
    ----------
    data : TrainingData
    options : ForecastOptions
        A `context_length` that is given is taken.

    Returns
    -------
    config : LinearConfig
    history : dict
        Cross-validated errors of the candidates.

    Raises
    ------
    TooShortError
        If no series holds one window.

    Warns
    -----
    TooShortWarning
        Names series that hold none.
    """
    step, stacks, history = data.step, data.stacks, dict[str, Any]()
    config = LinearConfig(context=2.0, horizon=data.n_steps, n_modes=int(options.n_modes))
    seconds = data.panel.clock.seconds(step)
    if options.context_length is not None:
        config = replace(config, context=parse_context(options.context_length, data.panel.clock, step))
        config = with_interpolation(stacks, config, history)
    else:
        first = with_interpolation(stacks, replace(config, context=float(8 * data.n_steps)), history)
        config = replace(config, interpolate=first.interpolate)
        if origin_span(stacks, first.context, data.n_steps) is not None:
            with stage("season", 0.0, 0.4):
                config = replace(config, period=choose_period(stacks, first, seconds)[0])
        with stage("context", 0.4, 0.8):
            context, errors = choose_context(stacks, config)
        config = replace(config, context=context or 2.0)
        history["errors_by_context"] = errors
    _require_windows(data, config)
    with stage("season", 0.8, 1.0):
        period, errors = choose_period(stacks, config, seconds)
    history["errors_by_period"] = errors
    return replace(config, period=period), history


def holds_windows(data: TrainingData, options: ForecastOptions) -> bool:
    """Whether any sequence holds a window of the linear branch: a context and a horizon."""
    context = 2.0
    if options.context_length is not None:
        context = parse_context(options.context_length, data.panel.clock, data.step)
    return any(len(origin_rows(stack, context, data.n_steps)) for stack in data.stacks)


def _require_windows(data: TrainingData, config: LinearConfig) -> None:
    """Raise if no sequence holds a window, warn of the series that hold none."""
    panel, step, show = data.whole, data.step, data.whole.clock.show_duration
    need = (
        f"a context of {config.context:g} reference steps ({show(config.context * step)}) and a horizon of "
        f"{config.horizon} ({show(config.horizon * step)})"
    )
    if not any(len(origin_rows(stack, config.context, config.horizon)) for stack in data.stacks):
        longest = max(len(series.times) for series in panel.series)
        raise TooShortError(
            f"No series is long enough for one window: {need}; the longest has {longest} row(s): Found array "
            f"with {longest} sample(s) (n_samples={longest}). Give more history, or shorten one of them."
        )
    if len(panel.series) == 1:
        return
    enough = (config.context + config.horizon - 1.0) * step * (1 - 1e-9)
    short = [series.id for series in panel.series if series.times[-1] - series.times[0] < enough]
    if short:
        shown = ", ".join(map(repr, short[:5])) + (", ..." if len(short) > 5 else "")
        warnings.warn(
            f"{len(short)} of {len(panel.series)} series are too short for one window and were left out of "
            f"fit ({shown}); it needs {need}. They can still be forecast.",
            TooShortWarning,
            stacklevel=6,
        )
