"""Panel stage of a fit: the panel branch, and where it takes the place of the linear one."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np

from ssmts.data.duration import parse_context
from ssmts.data.series import Panel
from ssmts.errors import TooShortWarning
from ssmts.models.config import LinearConfig, ModelConfig
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.forecasting.acceptance import LinearBranch
from ssmts.models.forecasting.fitted import FittedForecaster, TrainingSums
from ssmts.models.forecasting.history import tail_of
from ssmts.models.forecasting.hold_selection import fit_panel_gaps
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.models.forecasting.training_data import TrainingData
from ssmts.models.linear.cv_residuals import HeldOutErrors
from ssmts.models.linear.moments import Moments
from ssmts.models.linear.path import LinearPath
from ssmts.models.linear.ridge import Penalties
from ssmts.models.linear.seasonal_periods import candidate_periods
from ssmts.models.panels.fit import PanelFit, fit_panel
from ssmts.models.panels.grid_series import grid_series
from ssmts.models.panels.seasons import find_seasons
from ssmts.models.sequences.origins import future_values
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences, window_at
from ssmts.models.sequences.training_sequences import training_sequences
from ssmts.models.uncertainty.error_quantiles import fit_error_quantiles

__all__ = ["assemble_panel", "fit_panel_branch", "has_many_series", "is_better", "is_long"]

_MANY = 24  # series and channels that can have weights of their own in the linear branch
_LEAST_GAIN = 0.1  # in absolute error, and half of it in squared error, for few series
_LONG = 10_000  # reference steps
_LEAST_SPAN = 3.0  # horizons
_MOST_PERIODS = 4.0  # contexts: the longest season that is looked for


def has_many_series(data: TrainingData) -> bool:
    """Whether the linear branch would share its weights among series that differ."""
    return data.scaling.scale.size > _MANY


def is_long(data: TrainingData) -> bool:
    """Whether series are so long that the linear branch is not compared with a panel branch."""
    return max(float(stack.times[-1]) for stack in data.stacks) >= _LONG


def fit_panel_branch(data: TrainingData, panel: Panel, options: ForecastOptions) -> PanelFit | None:
    """Fit the panel branch.

    Parameters
    ----------
    data : TrainingData
    panel : Panel
        `data.whole`, minus the effect of covariates where one is subtracted.
    options : ForecastOptions

    Returns
    -------
    PanelFit or None
        None where no series has two values on the reference grid.
    """
    scaling = data.scaling.as_panel
    sequences = training_sequences(panel, scaling, data.step, weights=data.weights)
    series = [one for one in grid_series(sequences) if len(one.values) > 1]
    if not series:
        return None
    context = None
    if options.context_length is not None:
        most = max(len(one.values) for one in series) + data.n_steps
        context = int(min(parse_context(options.context_length, panel.clock, data.step), most) + 1e-6)
    longest = _MOST_PERIODS * (8 * data.n_steps if context is None else context)
    seconds = panel.clock.seconds(data.step)
    peaks = candidate_periods(stack_sequences(sequences), longest, seconds)
    seasons = find_seasons(series, data.n_steps, seconds, peaks)
    return fit_panel(series, scaling.scale.size, data.n_steps, seasons, context=context)


def _warn_of_short(panel: Panel, fit: PanelFit) -> None:
    """Name the series that hold no window that a member could learn from."""
    least = min(one.member.context for one in fit.branch.members) + fit.branch.horizon
    numbers = sorted({group // panel.n_channels for group in fit.short})
    short: list[Hashable | None] = [panel.series[number].id for number in numbers]
    if not short:
        return
    shown = ", ".join(map(repr, short[:5])) + (", ..." if len(short) > 5 else "")
    who = "The series is" if len(panel.series) == 1 else f"{len(short)} of {len(panel.series)} series are"
    which = "" if len(panel.series) == 1 else f" ({shown})"
    warnings.warn(
        f"{who} too short for one window{which}: a context and a horizon are {least} reference steps. They "
        "can still be forecast, by simple methods and the panel.",
        TooShortWarning,
        stacklevel=6,
    )


def assemble_panel(
    data: TrainingData,
    options: ForecastOptions,
    fit: PanelFit,
    effect: CovariateEffect | None,
    history: dict[str, Any],
) -> FittedForecaster:
    """Put a fitted forecaster together whose forecasts are those of a panel branch.

    Parameters
    ----------
    data : TrainingData
    options : ForecastOptions
    fit : PanelFit
    effect : CovariateEffect or None
        What was subtracted before.
    history : dict
        Choices and errors of the stages before.
    """
    branch = fit.branch
    _warn_of_short(data.whole, fit)
    config = LinearConfig(
        context=float(branch.reach),
        horizon=branch.horizon,
        n_modes=int(options.n_modes),
        period=float(branch.season) if branch.season > 1 else None,
    )
    path = LinearPath.flat(config)
    gaps = fit_panel_gaps(data.stacks, path.bank, config.context, options.hold)
    held_out = fit.held_out
    errors = HeldOutErrors(held_out.errors, held_out.scale, np.full(len(held_out.scale), -1))
    _, state = branch.to_state()
    model = ForecastModel(
        config=ModelConfig(linear=config, n_groups=1, hold=gaps.hold, panel=state),
        linear=path,
        error_quantiles=fit_error_quantiles(errors, 1, options.levels, shared_scale=0.0),
        covariance=gaps.covariance,
        gap_widths=gaps.widths,
        panel=branch,
    )
    record = history.get("panel", {}) | fit.record | {"accepted": True}
    history = history | gaps.history | {"context": config.context, "period": config.period, "panel": record}
    history["n_windows"] = fit.record["n_windows"]
    run_in = 0.0 if effect is None else effect.bank.run_in
    return FittedForecaster(
        model=model,
        layout=data.panel.layout,
        scaling=data.scaling.as_panel,
        step=data.step,
        horizon=data.horizon,
        tail=tail_of(data.whole, config.context, data.step, run_in),
        history=history,
        columns=options.columns,
        effect=effect,
        mixing=None,
        sums=_all_rows(data, model),
    )


def _all_rows(data: TrainingData, model: ForecastModel) -> TrainingSums:
    """What `partial_fit` needs: all rows, as the weights of a series come from all of its own."""
    horizon = model.config.linear.horizon
    nothing = np.zeros(1)
    return TrainingSums(
        moments=Moments.zeros(1, 1, model.bank.n_features + 1, horizon + 1),
        rare=np.zeros(horizon + 1, dtype=bool),
        penalties=Penalties(nothing, nothing, 0.0, nothing),
        tail=data.whole,
        weights=data.weights,
    )


def is_better(fit: PanelFit, data: TrainingData, branch: LinearBranch, record: dict[str, Any]) -> bool:
    """Whether the panel branch misses less than the linear branch from the same held-out origins.

    Both forecast from weights that have not seen the targets. Where series are few, and so judged on few
    independent windows, the panel branch has to gain a tenth in absolute and a twentieth in squared error.
    Many series without anything else that was learnt are always those of a panel; classes of static
    covariates, and few series that were judged on fewer than three horizons, never are.

    Parameters
    ----------
    fit : PanelFit
    data : TrainingData
    branch : LinearBranch
    record : dict
        Takes what was measured.
    """
    many = has_many_series(data)
    if branch.scaling.grouping == "static":  # classes are what a new series is forecast by
        return False
    if many and branch.panel is data.whole:
        return True
    back = fit.held_out.back
    if not many and (not len(back) or np.ptp(back) < _LEAST_SPAN * data.n_steps):
        return False
    linear, horizon = branch.fit, data.n_steps
    held_out = fit.held_out
    keys = zip(held_out.groups.tolist(), held_out.back.tolist())
    by_window = dict(zip(keys, held_out.errors[:, 1:]))
    models = [
        ForecastModel(ModelConfig(branch.config, len(linear.path.by_group)), linear.without_block(block))
        for block in range(linear.segments.n_blocks)
    ]
    sequences = training_sequences(branch.panel, branch.scaling, branch.step)
    sources = [s * branch.panel.n_channels + channel for s, channel in (one.source for one in sequences)]
    absolute, squared, count = np.zeros(2), np.zeros(2), 0
    for stack in branch.stacks:
        assert stack.numbers is not None
        groups = np.array([sources[number] for number in stack.numbers.tolist()])
        for back in np.unique(held_out.back[np.isin(held_out.groups, groups)]).tolist():
            row = _row_at(stack, stack.times[-1] - back)
            window = None if row is None else window_at(stack, row, branch.config.context)
            if row is None or window is None or len(window.times) < 2:
                continue
            block = linear.segments.of(stack.starts + stack.times[row]) // 2
            truth = future_values(stack, np.arange(len(groups)), np.array([row]), horizon)[:, 0, 1:]
            for member, group in enumerate(groups.tolist()):
                own = by_window.get((group, back))
                if own is None:
                    continue
                one = window.of_members(np.array([member]))
                seen = np.isfinite(own)
                rest = truth[member] - models[int(block[member])].forecast(one)[0, 1:]
                missed = np.stack([own, rest])[:, seen]
                absolute += np.abs(missed).mean(axis=1) / fit.branch.unit[group]
                squared += (missed**2).mean(axis=1)
                count += 1
    record["n_compared"] = count
    if not count:  # no held-out origin is an observation of the linear branch
        return many
    for name, errors in (("mae", absolute), ("mse", squared)):
        record |= {
            f"{name}_of_panel": float(errors[0] / count),
            f"{name}_of_linear": float(errors[1] / count),
        }
    if many:
        return bool(absolute[0] < absolute[1])
    gains = absolute[0] < (1.0 - _LEAST_GAIN) * absolute[1]
    return bool(gains and squared[0] < (1.0 - 0.5 * _LEAST_GAIN) * squared[1])


def _row_at(stack: SequenceStack, instant: float) -> int | None:
    """Row of a stack at an instant; None where nothing was observed then."""
    row = int(np.searchsorted(stack.times, instant - 1e-6))
    return row if 0 < row < len(stack.times) and abs(stack.times[row] - instant) < 1e-6 else None
