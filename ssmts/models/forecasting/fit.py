"""The steps of a forecaster's fit: units of time, selection, linear path, deep path."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.data._convert import is_integer
from ssmts.data.arrays import Float
from ssmts.data.covariates import CovariateColumns
from ssmts.data.duration import parse_context, parse_horizon, reference_step
from ssmts.data.offsets import longest_reach
from ssmts.data.series import Clock, Panel
from ssmts.errors import ParameterError, TooShortError, TooShortWarning
from ssmts.models.config import LinearConfig, ModelConfig
from ssmts.models.covariates.channel_mixing import fit_mixing
from ssmts.models.covariates.fit import fit_effect
from ssmts.models.deep.fit import DeepFit
from ssmts.models.forecasting.acceptance import Parts, better
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import tail_of
from ssmts.models.forecasting.hold_selection import forecast_errors_by_hold
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.forecasting.partial_fit import training_sums_of
from ssmts.models.irregular.autocovariance import fit_autocovariance
from ssmts.models.irregular.hold import HOLDS
from ssmts.models.irregular.kriging_variance import fit_gap_widths
from ssmts.models.irregular.thinning_errors import gap_errors, thinned_errors
from ssmts.models.linear.cv_residuals import held_out_errors
from ssmts.models.linear.path import LinearFit, fit_linear, origin_span
from ssmts.models.linear.selection import choose_context, choose_period, with_interpolation
from ssmts.models.sequences.origins import origin_rows
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences
from ssmts.models.sequences.training_sequences import RowWeights, training_sequences
from ssmts.models.uncertainty.error_quantiles import fit_error_quantiles

__all__ = ["DeepFitter", "fit_forecaster"]

_MOST_OF_LINES = 0.9  # error of the expectation at thinned windows, for gaps to be filled by it
# States of other channels are nearly combinations of a channel's own: weaker penalties magnify rounding.
_WEAKEST_OF_MIXED = 1e-4

DeepFitter = Callable[[list[SequenceStack], LinearFit, float, Clock], DeepFit]


def fit_forecaster(
    panel: Panel,
    whole: Panel,
    *,
    horizon: Any,
    context_length: Any,
    n_modes: int,
    hold: str,
    columns: CovariateColumns | None,
    calendar: bool,
    channel_mixing: bool,
    levels: Float,
    fit_deep: DeepFitter | None,
    weights: RowWeights | None = None,
) -> FittedForecaster:
    """Fit a forecaster on a panel; `whole` is the panel with later data that sets neither scale nor step.

    `weights` are those of the rows of `whole`.

    Raises
    ------
    TooShortError
        If no series is long enough for one window.
    """
    begun = time.perf_counter()
    step = reference_step(panel)
    native_horizon = parse_horizon(horizon, panel.clock, step)
    n_steps = max(1, int(np.ceil(native_horizon / step - 1e-6)))
    if is_integer(horizon):  # a calendar step that is half a step late takes the last lead
        n_steps = max(n_steps, int(np.ceil(longest_reach(panel, horizon, step) / step - 0.5)))
    if not is_integer(n_modes) or n_modes < 1:
        raise ParameterError("n_modes", n_modes, "an integer >= 1")
    if hold not in HOLDS:
        raise ParameterError("hold", hold, f"one of {', '.join(map(repr, HOLDS))}")
    scaling = Scaling.of(panel, whole)
    stacks = stack_sequences(training_sequences(whole, scaling, step, weights=weights))
    config = LinearConfig(context=2.0, horizon=n_steps, n_modes=int(n_modes))
    history: dict[str, Any] = {}
    seconds = step / 1e9 if panel.clock.kind == "datetime" else None
    if context_length is not None:
        config = replace(config, context=parse_context(context_length, panel.clock, step))
        config = with_interpolation(stacks, config, history)
    else:
        first = with_interpolation(stacks, replace(config, context=float(8 * n_steps)), history)
        config = replace(config, interpolate=first.interpolate)
        if origin_span(stacks, first.context, n_steps) is not None:
            config = replace(config, period=choose_period(stacks, first, seconds)[0])
        context, errors = choose_context(stacks, config)
        config = replace(config, context=context or 2.0)
        history["errors_by_context"] = errors
    _require_windows(whole, stacks, config, step)
    period, errors = choose_period(stacks, config, seconds)
    config = replace(config, period=period)
    history["errors_by_period"] = errors
    parts = Parts(whole, weights, stacks, config, fit_linear(stacks, config, scaling.n_groups))
    known = CovariateColumns() if columns is None else columns
    effect, mixing, record = None, None, dict[str, Any]()
    if known.static:
        classed = scaling.with_classes(whole, known)
        kept, parts = better(classed, parts.anew(whole, classed, step), parts, record)
        scaling = replace(scaling, classes=classed.classes) if kept is None else kept
        n_classes = 0 if scaling.classes is None else len(scaling.classes)
        history["static"] = record | {"accepted": kept is not None, "n_classes": n_classes}
    if calendar or known.future:
        found, record = fit_effect(whole, stacks, scaling, config, step, known, calendar=calendar)
        if found.used:
            rest = parts.anew(
                found.without(whole, step, scaling), scaling, step, choose=True, seconds=seconds
            )
            effect, parts = better(found, rest, parts, record)
            if effect is not None and context_length is None:
                parts = parts.with_own_context(scaling)
        history["covariates"] = record | {"accepted": effect is not None}
    if known.past or (channel_mixing and panel.n_channels > 1):
        record = {}
        ends = fit_mixing(
            parts.panel,
            scaling,
            parts.config.context,
            parts.config.period,
            step,
            known,
            channels=channel_mixing,
        )
        weakest = _WEAKEST_OF_MIXED if channel_mixing else 0.0
        mixed = parts.anew(parts.panel, scaling, step, ends.features, weakest=weakest)
        mixing, parts = better(ends, mixed, parts, record)
        history["mixing"] = record | {"accepted": mixing is not None}
    config, stacks, linear = parts.config, parts.stacks, parts.linear
    history |= {
        "context": config.context,
        "period": config.period,
        "cross_validated_mse": linear.penalties.error,
        "penalties": {
            name: getattr(linear.penalties, name).tolist() for name in ("shared", "group", "share")
        },
        "n_windows": float(linear.moments.count.sum()),
        "linear_seconds": time.perf_counter() - begun,
    }
    deep, held_out = None, None
    if fit_deep is not None:
        begun = time.perf_counter()
        outcome = fit_deep(stacks, linear, step, panel.clock)
        deep, held_out = outcome.ensemble, outcome.held_out
        history["deep"] = outcome.record | {"seconds": time.perf_counter() - begun}
    covariance, gap_widths = fit_autocovariance(stacks, linear.path.bank, config.context), None
    if covariance is not None:
        lines, expectation, expected = thinned_errors(covariance, stacks, config.context)
        history["hold"] = {
            "mse_of_lines": lines,
            "mse_of_expectation": expectation,
            "expected_mse": expected,
        }
        errors = forecast_errors_by_hold(stacks, linear, covariance, scaling.n_groups)
        history["hold"] |= {f"mse_of_forecasts_{kind}": error for kind, error in errors.items()}
        in_vain = expectation > _MOST_OF_LINES * lines or (errors and errors["gp"] > errors["foh"])
        if hold == "auto" and in_vain:
            hold = "foh"
        gap_widths = fit_gap_widths(gap_errors(covariance, stacks, config.context), scaling.n_groups)
    model_config = ModelConfig(config, scaling.n_groups, None if deep is None else deep.config, hold)
    if held_out is None:
        held_out = held_out_errors(stacks, linear)
    spread = fit_error_quantiles(held_out, scaling.n_groups, levels)
    model = ForecastModel(model_config, linear.path, deep, spread, covariance, gap_widths)
    run_in = effect.bank.run_in if effect is not None else 0.0
    tail = tail_of(whole, config.context, step, run_in)
    sums = training_sums_of(linear, whole, weights, step, run_in)
    return FittedForecaster(
        model,
        panel.layout,
        scaling,
        step,
        native_horizon,
        tail,
        history,
        columns,
        effect,
        mixing,
        sums,
    )


def _require_windows(panel: Panel, stacks: list[SequenceStack], config: LinearConfig, step: float) -> None:
    """Raise if no sequence holds a window, warn of the series that hold none."""
    show = panel.clock.show_duration
    need = (
        f"a context of {config.context:g} reference steps ({show(config.context * step)}) and a horizon of "
        f"{config.horizon} ({show(config.horizon * step)})"
    )
    if not any(len(origin_rows(stack, config.context, config.horizon)) for stack in stacks):
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
            stacklevel=5,
        )
