"""Moments of the linear branch's errors on the features of the covariates, series by series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Panel, Series
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.covariates.gls import EffectMoments, Whitener
from ssmts.models.sequences.grid import on_reference_grid
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["collect_moments", "some_series"]

_MOST_SERIES = 1_000


def some_series(panel: Panel) -> list[int]:
    """Numbers of the series that weights are learnt from: all, or a thousand evenly spread."""
    count = min(len(panel.series), _MOST_SERIES)
    numbers = np.unique(np.linspace(0, len(panel.series) - 1, count).astype(int))
    return [int(number) for number in numbers]


def collect_moments(
    effect: CovariateEffect, whitener: Whitener, panel: Panel, scaling: Scaling, step: float, stride: int
) -> list[EffectMoments]:
    """Moments of the errors on all features of an effect, one a channel.

    Parameters
    ----------
    effect : CovariateEffect
        Its weights say no more than how many groups there are.
    whitener : Whitener
    panel : Panel
    scaling : Scaling
    step : int or float
        Reference step.
    stride : int
        Every `stride`-th origin of a series counts.
    """
    n_groups, n_channels, n_features = effect.by_group.shape
    n_segments = len(whitener.fit.segments)
    moments = [EffectMoments.zeros(n_segments, n_groups, n_features) for _ in range(n_channels)]
    for number in some_series(panel):
        group = effect.group_of(panel.series[number], scaling) or 0
        for stack, channels in _units(panel.series[number], effect, scaling, number, step):
            whitener.add([moments[channel] for channel in channels], stack, group, stride)
    return moments


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
        start = np.full(len(both), scaling.steps_of(times[0], step) + float(relative[0]))
        unit = SequenceStack(relative - relative[0], both, start, np.zeros(len(both), dtype=np.int64))
        yield unit, channels
