"""Fit of the nonlinear effect of covariates: which of them take part, how much memory, which penalty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Panel
from ssmts.models.covariates.collect import collect_moments, some_series
from ssmts.models.covariates.effect import INDICATOR, CovariateEffect
from ssmts.models.covariates.filter_bank import SignalBank
from ssmts.models.covariates.gls import Whitener
from ssmts.models.covariates.nonlinear import NonlinearTerms, draw_terms
from ssmts.models.covariates.term_selection import choose_terms, dispensable
from ssmts.models.sequences.scaling import Scaling

__all__ = ["fit_nonlinear", "usual_signals"]

_TIME_CONSTANTS = (2.0, 6.0, 24.0, 72.0)
_MOST_COSINES, _TRIED_COSINES = 400, 100
_WINDOWS_EACH = 12  # a cosine
_MOST_SUMS = 6e7  # entries of all matrices of moments
_MOST_LEVELS = 12  # of a category in nonlinear terms
_MOST_SAMPLED = 100_000
_COARSER = 3  # stride of the windows that say which covariates take part


def usual_signals(effect: CovariateEffect, panel: Panel) -> Float:
    """Median of each number and most frequent level of each category, as signals, (n_signals,)."""
    if not len(effect.usual):
        return effect.usual
    plain = replace(effect, memory=SignalBank((), ()), calendar=None, holidays=None)
    inputs = _sampled(plain, panel, 1.0)
    n_numeric = effect.scale.center.shape[1]
    usual = np.zeros(inputs.shape[1])
    usual[:n_numeric] = np.median(inputs[:, :n_numeric], axis=0)
    owners = effect.scale.owners(effect.columns, effect.columns.future)[n_numeric:]
    for owner in np.unique(owners):
        members = n_numeric + np.flatnonzero(owners == owner)
        usual[members[inputs[:, members].mean(axis=0).argmax()]] = 1.0
    return usual


def fit_nonlinear(
    effect: CovariateEffect,
    whitener: Whitener,
    panel: Panel,
    scaling: Scaling,
    step: float,
    n_windows: int,
    stride: int,
) -> tuple[CovariateEffect, dict[str, Any]]:
    """An effect with nonlinear terms where held-out blocks gain by them.

    Parameters
    ----------
    effect : CovariateEffect
        The linear one.
    whitener : Whitener
        Fitted on what the linear one leaves.
    panel : Panel
    scaling : Scaling
    step : int or float
        Reference step.
    n_windows : int
        Number of windows of a channel in all series.
    stride : int
        Every `stride`-th origin of a series counts.

    Returns
    -------
    effect : CovariateEffect
        The linear one again where nothing is gained.
    record : dict
        Held-out errors by channel and the covariates that take part, for the history.
    """
    context = whitener.fit.path.config.context
    slow = tuple(tau for tau in _TIME_CONSTANTS if tau <= context / 4.0)
    effect_with_memory = replace(effect, memory=SignalBank((), slow))
    layout = _InputLayout.of(effect_with_memory)
    inputs = _sampled(effect_with_memory, panel, step)
    folds = whitener.fit.segments
    n_groups, n_channels, n_linear = effect.by_group.shape
    most_terms = int(np.sqrt(_MOST_SUMS / (len(folds) * n_groups * n_channels))) - n_linear
    n_cosines = min(_MOST_COSINES, n_windows // _WINDOWS_EACH)

    def with_terms(owners: Rows, count: int) -> CovariateEffect:
        terms = layout.draw(inputs, owners, min(count, most_terms))
        given = effect_with_memory.inputs(panel.series[0], panel.series[0].times[:1], step)
        n_features = n_linear + terms.n_terms(given)
        return replace(
            effect_with_memory,
            nonlinear=terms,
            shared=np.zeros((n_channels, n_features)),
            by_group=np.zeros((n_groups, n_channels, n_features)),
        )

    owners = np.unique(np.concatenate([effect.linear_owners, layout.owners]))
    names = effect.names
    if len(owners) > 1:
        tried = with_terms(owners, min(n_cosines, _TRIED_COSINES))
        moments = collect_moments(tried, whitener, panel, scaling, step, _COARSER * stride)
        gone = dispensable(moments, folds, _involved(tried), n_linear)
        owners = np.setdiff1d(owners, gone)
    record: dict[str, Any] = {"covariates": [names[owner] for owner in owners], "accepted": False}
    if not len(owners):
        return effect, record
    found = with_terms(owners, n_cosines)
    if found.shared.shape[1] == n_linear:  # nothing but categories of many levels
        return effect, record
    moments = collect_moments(found, whitener, panel, scaling, step, stride)
    involved, levels = _involved(found), _levels(found, n_linear, layout)
    kept = np.asarray(~np.delete(involved, owners, axis=0).any(axis=0))
    chosen = [choose_terms(own, folds, levels, kept, n_linear) for own in moments]
    record |= {
        "error_linear": [one.error_without for one in chosen],
        "error": [one.error_with for one in chosen],
        "accepted": any(one.used for one in chosen),
    }
    if not record["accepted"]:
        return effect, record
    for channel, one in enumerate(chosen):
        if one.used:
            found.shared[channel], found.by_group[:, channel] = one.shared, one.by_group
        else:
            found.shared[channel, :n_linear] = effect.shared[channel]
            found.by_group[:, channel, :n_linear] = effect.by_group[:, channel]
    return found, record


def _sampled(effect: CovariateEffect, panel: Panel, step: float) -> Float:
    """Inputs at instants of the training data, (n_instants, n_inputs)."""
    numbers = some_series(panel)
    n_rows = sum(len(panel.series[number].times) for number in numbers)
    every = max(1, n_rows // _MOST_SAMPLED)
    series = [panel.series[number] for number in numbers]
    return np.concatenate([effect.inputs(one, one.times[::every], step).inputs for one in series])


@dataclass(frozen=True)
class _InputLayout:
    """Whose the inputs are, which belong together, and which may be factors and remember.

    Arrays of shape (n_inputs,); `usual` in the units of the inputs.
    """

    owners: Rows
    groups: Rows
    is_factor: Rows
    is_state: Rows
    is_offered: Rows
    usual: Float

    @classmethod
    def of(cls, effect: CovariateEffect) -> _InputLayout:
        """Of an effect that has its memory."""
        owners, n_each = effect.input_owners, effect.memory.n_each
        n_numeric = effect.scale.center.shape[1]
        cut, n_known = n_numeric * n_each, len(effect.columns.future)
        groups = np.arange(len(owners))
        is_factor = np.ones(len(owners), dtype=bool)
        is_state = np.zeros(len(owners), dtype=bool)
        is_offered = np.ones(len(owners), dtype=bool)
        is_state[:cut] = np.arange(cut) % n_each > 0
        is_factor[:cut] = ~is_state[:cut]
        for owner in np.unique(owners[cut:]):
            members = cut + np.flatnonzero(owners[cut:] == owner)
            if owner == n_known:  # phases: a sine and a cosine each
                groups[members] = members[0] + np.arange(len(members)) // 2
                is_factor[members] = False
                continue
            groups[members] = members[0]
            if len(members) > _MOST_LEVELS:
                is_factor[members] = is_offered[members] = False
        usual = np.zeros(len(owners))
        usual[:cut] = np.repeat(effect.usual[:n_numeric], n_each)
        indicators = effect.usual[n_numeric:]
        usual[cut : cut + len(indicators)] = INDICATOR * indicators
        return cls(
            owners=owners,
            groups=groups,
            is_factor=is_factor,
            is_state=is_state,
            is_offered=is_offered,
            usual=usual,
        )

    def draw(self, inputs: Float, owners: Rows, most: int) -> NonlinearTerms:
        """Terms of some covariates, at most so many cosines: a third without memory."""
        mine = np.isin(self.owners, owners) & self.is_offered
        factors = np.flatnonzero(mine & self.is_factor)
        now, all_ = np.unique(self.groups[mine & ~self.is_state]), np.unique(self.groups[mine])
        first = max(most, 0) // 3 if len(all_) > len(now) else 0
        stages = [(now, first), (all_, max(most, 0) - first)]
        return draw_terms(inputs, self.usual, self.groups, factors, stages, seed=0)


def _involved(effect: CovariateEffect) -> Float:
    """Which features each owner takes part in, (n_owners, n_features)."""
    terms, owners, n_owners = effect.nonlinear, effect.input_owners, len(effect.names)
    assert terms is not None
    n_known = len(effect.columns.future)
    numbers = np.arange(n_owners)[:, None]
    n_terms = effect.shared.shape[1] - len(effect.linear_owners)
    n_cycle = effect.n_cycle
    n_joint = n_terms - len(terms.factors) * n_cycle - len(terms.phases)
    joint = np.full(n_joint, n_known)
    products = np.repeat(owners[terms.factors], n_cycle)
    simple = numbers == np.concatenate([effect.linear_owners, joint, products])
    active = terms.frequencies != 0
    cosines = np.stack([active[owners == owner].any(axis=0) for owner in range(n_owners)])
    return np.concatenate([simple, cosines], axis=1)


def _levels(effect: CovariateEffect, n_linear: int, layout: _InputLayout) -> Rows:
    """0 linear, 1 products, 2 cosines without memory, 3 all."""
    terms = effect.nonlinear
    assert terms is not None
    remembers = (terms.frequencies[layout.is_state] != 0).any(axis=0)
    n_simple = effect.shared.shape[1] - n_linear - len(terms.phases)
    levels = np.concatenate([np.zeros(n_linear), np.ones(n_simple), np.where(remembers, 3, 2)])
    return np.asarray(levels, dtype=np.int64)
