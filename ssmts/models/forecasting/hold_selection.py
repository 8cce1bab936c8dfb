"""Gap stage of a fit: how windows are read between observations, judged on held-out blocks."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.config import ModelConfig
from ssmts.models.forecasting.acceptance import LinearBranch
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.irregular.autocovariance import Autocovariance, fit_autocovariance
from ssmts.models.irregular.hold import Hold
from ssmts.models.irregular.kriging_variance import GapWidths, fit_gap_widths
from ssmts.models.irregular.thinning_errors import gap_errors, thinned_errors
from ssmts.models.linear.path import LinearFit
from ssmts.models.sequences.origins import future_observed, future_values, origin_rows
from ssmts.models.sequences.sequence import SequenceStack, window_at
from ssmts.models.state_space.modes import ModeBank

__all__ = ["Gaps", "fit_gaps", "fit_panel_gaps", "forecast_errors_by_hold"]

_MOST_OF_LINES = 0.9  # error of the expectation at thinned windows, for gaps to be filled by it
_N_WINDOWS = 96
_MOST_MEMBERS = 8  # sequences of a window
_MOST_STACKS = 12
_MOST_SEQUENCES = 16  # that the gaps of a panel are judged on
_FEWEST = 16  # windows with gaps that say anything


@dataclass(frozen=True)
class Gaps:
    """How windows are read between their observations.

    Parameters
    ----------
    hold : str
    covariance : Autocovariance or None
        Of the training data; None where too few pairs of observations say anything.
    widths : GapWidths or None
        Errors of conditional expectations inside gaps; None: those that the covariance claims.
    history : dict
        Errors by kind of hold.
    """

    hold: str
    covariance: Autocovariance | None
    widths: GapWidths | None
    history: dict[str, Any]


def fit_gaps(branch: LinearBranch, hold: str) -> Gaps:
    """Fit the autocovariance of the training data, and decide whether it fills gaps better than lines.

    Parameters
    ----------
    branch : LinearBranch
    hold : str
        As the user asks for it; ``"auto"`` becomes ``"foh"`` where the expectation gains too little at
        observations that were left out, or makes forecasts worse.

    Returns
    -------
    Gaps
    """
    stacks, context, n_groups = branch.stacks, branch.config.context, branch.scaling.n_groups
    covariance = fit_autocovariance(stacks, branch.fit.path.bank, context)
    if covariance is None:
        return Gaps(hold, None, None, {})
    lines, expectation, expected = thinned_errors(covariance, stacks, context)
    errors = forecast_errors_by_hold(stacks, branch.fit, covariance, n_groups)
    history = {"mse_of_lines": lines, "mse_of_expectation": expectation, "expected_mse": expected}
    history |= {f"mse_of_forecasts_{kind}": error for kind, error in errors.items()}
    in_vain = expectation > _MOST_OF_LINES * lines or (errors and errors["gp"] > errors["foh"])
    if hold == "auto" and in_vain:
        hold = "foh"
    widths = fit_gap_widths(gap_errors(covariance, stacks, context), n_groups)
    return Gaps(hold, covariance, widths, {"hold": history})


def fit_panel_gaps(stacks: Seq[SequenceStack], bank: ModeBank, context: float, hold: str) -> Gaps:
    """The same for a panel branch, on the longest sequences of a panel; forecasts are not compared.

    Parameters
    ----------
    stacks : sequence of SequenceStack
    bank : ModeBank
    context : float
        In reference steps.
    hold : str
    """
    few, left = [], _MOST_SEQUENCES
    for stack in sorted(stacks, key=lambda stack: -len(stack.times)):
        if left > 0 and len(stack.times) > 2:
            own = stack.of_members(np.arange(min(left, len(stack.values))))
            few.append(replace(own, groups=np.full(len(own.values), -1)))
            left -= len(own.values)
    covariance = fit_autocovariance(few, bank, context) if few else None
    if covariance is None:
        return Gaps("foh" if hold == "auto" else hold, None, None, {})
    lines, expectation, expected = thinned_errors(covariance, few, context)
    history = {"mse_of_lines": lines, "mse_of_expectation": expectation, "expected_mse": expected}
    if hold == "auto" and expectation > _MOST_OF_LINES * lines:
        hold = "foh"
    return Gaps(hold, covariance, fit_gap_widths(gap_errors(covariance, few, context), 1), {"hold": history})


def forecast_errors_by_hold(
    stacks: Seq[SequenceStack], linear: LinearFit, covariance: Autocovariance, n_groups: int
) -> dict[str, float]:
    """Mean squared errors of forecasts from training windows with gaps that ``hold="auto"`` would fill.

    Weights were learnt with linear interpolation in gaps. A better interpolation can still make forecasts
    worse, as windows then differ from those in training.

    Returns
    -------
    dict
        Error by kind of hold, in standardised units; {} if too few windows have such gaps.
    """
    config = linear.path.config
    auto = Hold("auto", covariance, config.context)
    errors: dict[str, list[Float]] = {"foh": [], "gp": []}
    for block in range(linear.segments.n_blocks):
        path, models = None, dict[str, ForecastModel]()
        for stack, row in _origins(stacks, linear, block):
            window = window_at(stack, row, config.context)
            if not auto.applies(window.times):
                continue
            if path is None:
                path = linear.without_block(block)
                models = {
                    kind: ForecastModel(
                        ModelConfig(config, n_groups, None, kind), path, covariance=covariance
                    )
                    for kind in errors
                }
            rows = np.array([row])
            known = future_observed(stack, rows, config.horizon)
            truth = future_values(stack, np.arange(len(stack.values)), rows, config.horizon)[:, 0]
            seen = slice(None) if known is None else known[0]
            for kind, model in models.items():
                errors[kind].append(((model.forecast(window) - truth)[:, seen] ** 2).ravel())
    if len(errors["gp"]) < _FEWEST:
        return {}
    return {kind: float(np.concatenate(own).mean()) for kind, own in errors.items()}


def _origins(
    stacks: Seq[SequenceStack], linear: LinearFit, block: int
) -> Iterator[tuple[SequenceStack, int]]:
    """Origins in a block, spread evenly over a few sequences of a few stacks; about 96 in all blocks."""
    config = linear.path.config
    some = stacks[:: -(-len(stacks) // _MOST_STACKS)]
    wanted = max(1, round(_N_WINDOWS / (linear.segments.n_blocks * len(some))))
    for stack in some:
        few = stack.of_members(slice(_MOST_MEMBERS))
        rows = origin_rows(few, config.context, config.horizon)
        inside = linear.segments.of(few.starts[:, None] + few.times[rows]) == 2 * block
        rows = rows[inside.all(axis=0)]
        if len(rows):
            for row in np.unique(rows[np.linspace(0, len(rows) - 1, wanted).astype(int)]):
                yield few, int(row)
