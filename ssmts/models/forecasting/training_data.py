"""First stage of a fit: the unit of time, the scale of every series and the standardised sequences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ssmts.data._convert import is_integer
from ssmts.data.duration import parse_horizon, reference_step
from ssmts.data.offsets import longest_reach
from ssmts.data.series import Panel
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences
from ssmts.models.sequences.training_sequences import RowWeights, training_sequences

__all__ = ["TrainingData", "read_units"]

_SHORT_STEP = 1_000_000  # nanoseconds: counts of shorter ones since 1970 are not exact in float64


@dataclass(frozen=True)
class TrainingData:
    """The data of a fit and the units that it is counted in.

    Parameters
    ----------
    panel : Panel
        Training data: sets layout, scale and reference step.
    whole : Panel
        `panel` with the later rows of validation data, if any.
    weights : mapping of id to ndarray of float64, or None
        Weights of the rows of `whole`; None: all 1.
    scaling : Scaling
    step : int or float
        Reference step in nanoseconds, or in the unit of a number clock.
    horizon : int or float
        Longest forecast, likewise.
    n_steps : int
        Longest forecast in reference steps, rounded up.
    stacks : list of SequenceStack
        `whole` in reference steps, standardised.
    """

    panel: Panel
    whole: Panel
    weights: RowWeights | None
    scaling: Scaling
    step: int | float
    horizon: int | float
    n_steps: int
    stacks: list[SequenceStack]


def read_units(
    panel: Panel, whole: Panel, options: ForecastOptions, weights: RowWeights | None
) -> TrainingData:
    """Measure the reference step and the scale of every series, and standardise.

    Parameters
    ----------
    panel, whole, weights
        As in :class:`TrainingData`.
    options : ForecastOptions

    Raises
    ------
    HorizonError, DurationError
        If the horizon is not one.
    """
    step = reference_step(panel)
    horizon = parse_horizon(options.horizon, panel.clock, panel.layout.counted_step(step))
    n_steps = max(1, int(np.ceil(horizon / step - 1e-6)))
    if is_integer(options.horizon):  # a calendar step that is half a step late takes the last lead
        n_steps = max(n_steps, int(np.ceil(longest_reach(panel, options.horizon, step) / step - 0.5)))
    scaling = Scaling.of(panel, whole)
    if panel.clock.kind == "datetime" and step < _SHORT_STEP:
        scaling = replace(scaling, zero=int(min(series.times[0] for series in whole.series)))
    return TrainingData(
        panel=panel,
        whole=whole,
        weights=weights,
        scaling=scaling,
        step=step,
        horizon=horizon,
        n_steps=n_steps,
        stacks=stack_sequences(training_sequences(whole, scaling, step, weights=weights)),
    )
