"""What lines and expectations in the gaps of training windows do to forecasts of blocks not seen."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.config import ModelConfig
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.irregular.autocovariance import Autocovariance
from ssmts.models.irregular.hold import Hold
from ssmts.models.linear.path import LinearFit
from ssmts.models.sequences.origins import future_observed, future_values, origin_rows
from ssmts.models.sequences.sequence import SequenceStack, window_at

__all__ = ["forecast_errors_by_hold"]

_N_WINDOWS = 96
_MOST_MEMBERS = 8  # sequences of a window
_MOST_STACKS = 12
_FEWEST = 16  # windows with gaps that say anything


def forecast_errors_by_hold(
    stacks: Seq[SequenceStack], linear: LinearFit, covariance: Autocovariance, n_groups: int
) -> dict[str, float]:
    """Mean squared errors of forecasts from training windows whose gaps ``hold="auto"`` would fill.

    Weights were learnt with lines in these gaps: filled otherwise, a window is not what they know, however
    much better the filling is.

    Returns
    -------
    dict
        Error by kind of hold, in standardised units; {} where hardly a window has such gaps.
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
    """Origins in a block, spread evenly over a few sequences of a few stacks; all blocks about 96."""
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
