"""Fit of the effect of covariates: moments of the linear branch's errors, series by series."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.data.calendar import Calendar
from ssmts.data.covariates import CovariateColumns
from ssmts.data.holidays import Holidays
from ssmts.data.series import Panel
from ssmts.errors import ParameterError
from ssmts.models.config import LinearConfig
from ssmts.models.covariates.collect import collect_moments
from ssmts.models.covariates.effect import CovariateEffect, require_covariates
from ssmts.models.covariates.filter_bank import SignalBank, make_signal_bank
from ssmts.models.covariates.gls import Whitener, choose_effect
from ssmts.models.covariates.nonlinear_fit import fit_nonlinear, usual_signals
from ssmts.models.covariates.signal_scale import SignalScale
from ssmts.models.linear.path import fit_linear
from ssmts.models.sequences.origins import origin_rows
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack, stack_sequences
from ssmts.models.sequences.training_sequences import training_sequences

__all__ = ["fit_effect"]

_FEWEST_MODES = 32
_MOST_STATES = 5e7  # rows times features times modes
_MOST_WINDOWS = 12_000
_MOST_GROUPS = 64


def fit_effect(
    panel: Panel,
    stacks: Seq[SequenceStack],
    scaling: Scaling,
    config: LinearConfig,
    step: float,
    columns: CovariateColumns,
    *,
    calendar: bool,
    holidays: Any,
) -> tuple[CovariateEffect, dict[str, Any]]:
    """Solve the effect of the covariates on every channel.

    Parameters
    ----------
    panel : Panel
        Training data with its covariates.
    stacks : sequence of SequenceStack
        The same, standardised: what the linear branch was fitted on.
    scaling : Scaling
    config : LinearConfig
        Of the linear branch without covariates.
    step : int or float
        Reference step.
    columns : CovariateColumns
    calendar : bool
        Whether the calendar is a covariate, too.
    holidays : str or None
        A region whose public holidays are one.

    Returns
    -------
    effect : CovariateEffect
        Of no use where held-out blocks see no gain.
    record : dict
        Held-out errors by channel, for the history.
    """
    hours = None
    if calendar:
        if panel.clock.kind != "datetime":
            raise ParameterError("calendar", calendar, "False where times are numbers, not dates")
        span = max(float(series.times[-1] - series.times[0]) for series in panel.series)
        hours = Calendar.suited(step, span)
    days = None
    if holidays is not None:
        if panel.clock.kind != "datetime":
            raise ParameterError("holidays", holidays, "None where times are numbers, not dates")
        ends = min(s.times[0] for s in panel.series), max(s.times[-1] for s in panel.series)
        days = Holidays.of(holidays, int(ends[0]), int(ends[1]), step, panel.layout)
    effect = _blank(panel, scaling, columns, hours, days, config.context)
    n_windows = sum(len(origin_rows(s, config.context, config.horizon)) * len(s.values) for s in stacks)
    n_rows = sum(len(series.times) for series in panel.series)
    affordable = int(_MOST_STATES / max(n_rows * effect.shared.shape[1], 1))
    small = replace(config, n_modes=min(config.n_modes, max(affordable, _FEWEST_MODES)))
    whitener = Whitener(fit_linear(stacks, small, 1, stride=max(1, n_windows // _MOST_WINDOWS)))
    stride = max(1, n_windows // panel.n_channels // _MOST_WINDOWS)
    moments = collect_moments(effect, whitener, panel, scaling, step, stride)
    levels = np.zeros(effect.shared.shape[1], dtype=np.int64)
    n_signals = len(effect.usual)
    levels[: n_signals * effect.bank.n_each] = np.tile(effect.bank.levels, n_signals)
    chosen = [choose_effect(own, whitener.fit.segments, levels) for own in moments]
    record: dict[str, Any] = {
        "used": [one.used for one in chosen],
        "error_without": [one.error_without for one in chosen],
        "error_with": [one.error_with for one in chosen],
    }
    shared = np.stack([one.shared for one in chosen])
    by_group = np.stack([one.by_group for one in chosen], axis=1)
    effect = replace(effect, shared=shared, by_group=by_group)
    if effect.used:  # the linear branch of what is left tells errors of covariates from others better
        rest = stack_sequences(training_sequences(effect.without(panel, step, scaling), scaling, step))
        whitener = Whitener(fit_linear(rest, small, 1, stride=max(1, n_windows // _MOST_WINDOWS)))
    effect, record["nonlinear"] = fit_nonlinear(
        effect, whitener, panel, scaling, step, n_windows // panel.n_channels, stride
    )
    record["used"] = effect.shared.any(axis=1).tolist()
    return effect, record


def _blank(
    panel: Panel,
    scaling: Scaling,
    columns: CovariateColumns,
    calendar: Calendar | None,
    holidays: Holidays | None,
    context: float,
) -> CovariateEffect:
    """The effect before its weights are known."""
    origins = [np.array([series.origin]) for series in panel.series]
    require_covariates(panel, columns, origins, fitting=True)
    scale = SignalScale.of(panel, columns, columns.future)
    scale = scale.with_frequent_levels(panel, columns, columns.future)
    n_signals = len(scale.owners(columns, columns.future))
    few = 1 < len(panel.series) * panel.n_channels <= _MOST_GROUPS
    grouping = "static" if scaling.classes is not None else "series" if few else "none"
    n_classes = 1 if scaling.classes is None else len(scaling.classes)
    n_groups = {"static": n_classes, "series": len(panel.series), "none": 1}[grouping]
    effect = CovariateEffect(
        columns=columns,
        layout=panel.layout,
        calendar=calendar,
        holidays=holidays,
        bank=make_signal_bank(max(n_signals, 1), context),
        scale=scale,
        usual=np.zeros(n_signals),
        nonlinear=None,
        memory=SignalBank((), ()),
        shared=np.zeros((panel.n_channels, 0)),
        grouping=grouping,
        by_group=np.zeros((n_groups, panel.n_channels, 0)),
    )
    effect = replace(effect, usual=usual_signals(effect, panel))
    n_features = len(effect.linear_owners)
    return replace(
        effect,
        shared=np.zeros((panel.n_channels, n_features)),
        by_group=np.zeros((n_groups, panel.n_channels, n_features)),
    )
