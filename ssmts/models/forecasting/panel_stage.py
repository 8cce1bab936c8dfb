"""Where the panel branch takes the place of the linear one: panels, short series, and where it is better."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.series import Panel
from ssmts.models.config import LinearConfig, ModelConfig
from ssmts.models.forecasting.fitted import TrainingSums
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.irregular.autocovariance import fit_autocovariance
from ssmts.models.irregular.kriging_variance import fit_gap_widths
from ssmts.models.irregular.thinning_errors import gap_errors, thinned_errors
from ssmts.models.linear.cv_residuals import HeldOutErrors
from ssmts.models.linear.moments import Moments
from ssmts.models.linear.path import LinearFit, LinearPath
from ssmts.models.linear.ridge import Penalties
from ssmts.models.panels.fit import PanelFit, fit_panel
from ssmts.models.panels.grid_series import GridSeries, grid_series
from ssmts.models.panels.seasons import find_seasons
from ssmts.models.sequences.origins import future_values
from ssmts.models.sequences.sequence import Sequence, SequenceStack, window_at
from ssmts.models.sequences.training_sequences import RowWeights
from ssmts.models.uncertainty.error_quantiles import fit_error_quantiles

__all__ = ["fit_panel_branch", "is_better", "panel_model", "panel_sums"]

MOST_OF_LINES = 0.9  # error of the expectation at thinned windows, for gaps to be filled by it
_LEAST_GAIN = 0.01
_MOST_JUDGED = 16


def fit_panel_branch(
    sequences: Seq[Sequence],
    n_series: int,
    horizon: int,
    *,
    context: float | None,
    step_seconds: float | None,
    periods: Seq[float],
) -> PanelFit | None:
    """Fit the panel branch on training sequences; None where no series has two values on the reference grid.

    Parameters
    ----------
    sequences : sequence of Sequence
        Their groups number the channels of the series.
    n_series : int
        Number of groups.
    horizon : int
    context : float or None
        The longest context in reference steps; None: chosen.
    step_seconds : float or None
        Length of a reference step.
    periods : sequence of float
        Spectral peaks.
    """
    series: list[GridSeries] = [one for one in grid_series(sequences) if len(one.values) > 1]
    if not series:
        return None
    seasons = find_seasons(series, horizon, step_seconds, periods)
    limit = None if context is None else max(2, int(np.floor(context + 1e-6)))
    return fit_panel(series, n_series, horizon, seasons, context=limit)


def panel_model(
    fit: PanelFit,
    config: LinearConfig,
    stacks: Seq[SequenceStack],
    hold: str,
    levels: Float,
    history: dict[str, Any],
) -> ForecastModel:
    """The model of a panel branch: how it reads gaps, and how far its forecasts miss.

    Parameters
    ----------
    fit : PanelFit
    config : LinearConfig
        Context and period become those of the branch.
    stacks : sequence of SequenceStack
        Training sequences; gaps are judged on a few of them.
    hold : str
        As for :func:`fit_forecaster`.
    levels : ndarray of float64, shape (n_levels,)
    history : dict
        Takes what was measured.
    """
    branch = fit.branch
    period = float(branch.season) if branch.season > 1 else None
    config = replace(config, context=float(branch.reach), period=period, interpolate=False)
    path = LinearPath.flat(config)
    few = _few(stacks)
    covariance, gap_widths = fit_autocovariance(few, path.bank, config.context), None
    if covariance is not None:
        lines, expectation, expected = thinned_errors(covariance, few, config.context)
        history["hold"] = {
            "mse_of_lines": lines,
            "mse_of_expectation": expectation,
            "expected_mse": expected,
        }
        if hold == "auto" and expectation > MOST_OF_LINES * lines:
            hold = "foh"
        gap_widths = fit_gap_widths(gap_errors(covariance, few, config.context), 1)
    elif hold == "auto":
        hold = "foh"
    held_out = fit.held_out
    errors = HeldOutErrors(held_out.errors, held_out.scale, np.full(len(held_out.scale), -1))
    quantiles = fit_error_quantiles(errors, 1, levels, shared_scale=0.0)
    _, state = branch.to_state()
    history |= {
        "context": config.context,
        "period": config.period,
        "panel": fit.record,
        "n_windows": float(len(held_out.scale)),
    }
    model_config = ModelConfig(config, 1, None, hold, state)
    return ForecastModel(model_config, path, None, quantiles, covariance, gap_widths, branch)


def _few(stacks: Seq[SequenceStack]) -> list[SequenceStack]:
    """The longest sequences, 16 of them, as of no known group."""
    few, left = [], _MOST_JUDGED
    for stack in sorted(stacks, key=lambda stack: -len(stack.times)):
        if left > 0 and len(stack.times) > 2:
            own = stack.of_members(np.arange(min(left, len(stack.values))))
            few.append(replace(own, groups=np.full(len(own.values), -1)))
            left -= len(own.values)
    return few


def panel_sums(model: ForecastModel, whole: Panel, weights: RowWeights | None) -> TrainingSums:
    """What `partial_fit` needs of a panel branch: all rows, as a series' own weights come from all of them."""
    config = model.config.linear
    n_features = model.bank.n_features + 1
    nothing = np.zeros(1)
    return TrainingSums(
        moments=Moments.zeros(1, 1, n_features, config.horizon + 1),
        rare=np.zeros(config.horizon + 1, dtype=bool),
        penalties=Penalties(nothing, nothing, 0.0, nothing),
        tail=whole,
        weights=weights,
    )


def is_better(
    fit: PanelFit,
    sequences: Seq[Sequence],
    stacks: Seq[SequenceStack],
    linear: LinearFit,
    n_channels: int,
    record: dict[str, Any],
) -> bool:
    """Whether the panel branch misses less than the linear branch from the same held-out origins.

    The linear branch forecasts from weights that have not seen the targets. The panel branch has to gain a
    hundredth in absolute and must not lose in squared error.

    Parameters
    ----------
    fit : PanelFit
    sequences, stacks
        What the linear branch was fitted on.
    linear : LinearFit
    n_channels : int
    record : dict
        Takes what was measured.
    """
    by_window = {
        key: error[1:]
        for key, error in zip(zip(fit.held_out.groups.tolist(), fit.held_out.back.tolist()), fit.held_out.errors)
    }
    horizon = linear.path.config.horizon
    models = [
        ForecastModel(ModelConfig(linear.path.config, len(linear.path.by_group)), linear.without_block(block))
        for block in range(linear.segments.n_blocks)
    ]
    unit = fit.branch.unit
    absolute, squared, count = np.zeros(2), np.zeros(2), 0
    for stack in stacks:
        assert stack.numbers is not None
        sources = [sequences[number].source for number in stack.numbers.tolist()]
        groups = np.array([number * n_channels + channel for number, channel in sources])
        for back in np.unique(fit.held_out.back[np.isin(fit.held_out.groups, groups)]).tolist():
            instant = stack.times[-1] - back
            row = int(np.searchsorted(stack.times, instant - 1e-6))
            if abs(stack.times[row] - instant) > 1e-6 or row < 1:
                continue
            window = window_at(stack, row, linear.path.config.context)
            if len(window.times) < 2:
                continue
            segment = linear.segments.of(stack.starts + instant)
            truth = future_values(stack, np.arange(len(groups)), np.array([row]), horizon)[:, 0, 1:]
            for member, group in enumerate(groups.tolist()):
                own = by_window.get((group, back))
                if own is None:
                    continue
                model = models[int(segment[member]) // 2]
                forecast = model.forecast(window.of_members(np.array([member])))[0, 1:]
                seen = np.isfinite(own)
                missed = np.stack([own[seen], (truth[member] - forecast)[seen]])
                absolute += np.abs(missed).mean(axis=1) / unit[group]
                squared += (missed**2).mean(axis=1)
                count += 1
    if not count:
        return True
    record |= {
        "n_compared": count,
        "mae_of_panel": float(absolute[0] / count),
        "mae_of_linear": float(absolute[1] / count),
        "mse_of_panel": float(squared[0] / count),
        "mse_of_linear": float(squared[1] / count),
    }
    return bool(absolute[0] < (1.0 - _LEAST_GAIN) * absolute[1] and squared[0] <= squared[1])
