"""Fit of the effect of covariates: moments of the linear path's errors, series by series."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.calendar import Calendar
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Panel, Series
from ssmts.errors import ParameterError
from ssmts.models.config import LinearConfig
from ssmts.models.covariates.effect import CovariateEffect, SignalScale, require_covariates
from ssmts.models.covariates.filter_bank import make_signal_bank
from ssmts.models.covariates.gls import EffectMoments, Whitener, choose_effect
from ssmts.models.linear.path import fit_linear
from ssmts.models.sequences.grid import on_reference_grid
from ssmts.models.sequences.origins import origin_rows
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["fit_effect"]

_FEWEST_MODES = 32
_MOST_STATES = 5e7  # rows times features times modes
_MOST_WINDOWS = 12_000
_MOST_SERIES = 1_000
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
) -> tuple[CovariateEffect, dict[str, Any]]:
    """Solve the effect of the covariates on every channel.

    Parameters
    ----------
    panel : Panel
        Training data with its covariates.
    stacks : sequence of SequenceStack
        The same, standardised: what the linear path was fitted on.
    scaling : Scaling
    config : LinearConfig
        Of the linear path without covariates.
    step : int or float
        Reference step.
    columns : CovariateColumns
    calendar : bool
        Whether the calendar is a covariate, too.

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
    few = 1 < len(panel.series) * panel.n_channels <= _MOST_GROUPS
    grouping = "static" if scaling.classes is not None else "series" if few else "none"
    effect = _blank(panel, columns, hours, config.context, grouping)
    n_windows = sum(len(origin_rows(s, config.context, config.horizon)) * len(s.values) for s in stacks)
    n_rows = sum(len(series.times) for series in panel.series)
    affordable = int(_MOST_STATES / max(n_rows * effect.shared.shape[1], 1))
    small = replace(config, n_modes=min(config.n_modes, max(affordable, _FEWEST_MODES)))
    whitener = Whitener(fit_linear(stacks, small, 1, stride=max(1, n_windows // _MOST_WINDOWS)))
    paths = whitener.honest_paths()
    n_features, n_channels = effect.shared.shape[1], panel.n_channels
    n_classes = 1 if scaling.classes is None else len(scaling.classes)
    n_groups = {"static": n_classes, "series": len(panel.series), "none": 1}[grouping]
    n_segments = len(whitener.fit.segments)
    moments = [EffectMoments.zeros(n_segments, n_groups, n_features) for _ in range(n_channels)]
    some = np.unique(np.linspace(0, len(panel.series) - 1, min(len(panel.series), _MOST_SERIES)).astype(int))
    stride = max(1, n_windows // n_channels // _MOST_WINDOWS)
    for number in some.tolist():
        group = effect.group_of(panel.series[number], scaling) or 0
        for stack, channels in _units(panel.series[number], effect, scaling, number, step):
            whitener.add([moments[channel] for channel in channels], stack, group, stride, paths)
    levels = np.tile(effect.bank.levels, n_features)[: n_features - (hours.n_features if hours else 0)]
    levels = np.concatenate([levels, np.zeros(n_features - len(levels), dtype=np.int64)])
    chosen = [choose_effect(own, whitener.fit.segments, levels) for own in moments]
    record = {
        "used": [one.used for one in chosen],
        "error_without": [one.error_without for one in chosen],
        "error_with": [one.error_with for one in chosen],
    }
    shared = np.stack([one.shared for one in chosen])
    by_group = np.stack([one.by_group for one in chosen], axis=1)
    return replace(effect, shared=shared, by_group=by_group), record


def _blank(
    panel: Panel, columns: CovariateColumns, calendar: Calendar | None, context: float, grouping: str
) -> CovariateEffect:
    """The effect before its weights are known."""
    origins = [np.array([series.origin]) for series in panel.series]
    require_covariates(panel, columns, origins, fitting=True)
    n_signals = sum(len(columns.categories.get(name, (0,))) for name in columns.future)
    bank = make_signal_bank(max(n_signals, 1), context)
    n_features = n_signals * bank.n_each + (0 if calendar is None else calendar.n_features)
    scale = SignalScale.of(panel, columns, columns.future)
    nothing = np.zeros((panel.n_channels, n_features))
    return CovariateEffect(columns, panel.layout, calendar, bank, scale, nothing, grouping, nothing[None])


def _units(
    series: Series, effect: CovariateEffect, scaling: Scaling, number: int, step: float
) -> Iterator[tuple[SequenceStack, Rows]]:
    """Channels of one clock with the features at its instants, standardised, as one stack."""
    seen = ~np.isnan(series.values)
    features: Float = effect.features(series, series.times, step)
    patterns, which = np.unique(seen, axis=1, return_inverse=True)
    for k, rows in enumerate(patterns.T):
        if np.count_nonzero(rows) < 2:
            continue
        channels = np.flatnonzero(which.ravel() == k)
        times = series.times[rows]
        y = (series.values[rows][:, channels] / scaling.scale[number, channels]).T
        both = np.concatenate([y - y.mean(axis=1, keepdims=True), features[rows].T])
        relative = (times - times[0]) / step
        ((relative, both),) = on_reference_grid(relative, both, every_phase=False)
        start = np.full(len(both), float(times[0] / step + relative[0]))
        unit = SequenceStack(relative - relative[0], both, start, np.zeros(len(both), dtype=np.int64))
        yield unit, channels
