"""What covariates do to a channel, solved in closed form behind the linear branch.

The channel is v + Σ w φ(t), v what the window forecasts, φ features of covariates that are known at any
instant. For any weights of the linear branch its error is linear in the series it forecasts: the error
on v is that on y minus Σ w times that on φ: the w that makes it least solve one ridge regression, pooled over
lead times. Errors of h-step forecasts are close to white where series wander, as levels are not: it is
generalised least squares, and a covariate that merely drifts along with y gets no weight for it.

Held-out blocks choose the penalty, how much memory the covariates have, and whether they are used at all.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from ssmts.data.arrays import Float, Rows
from ssmts.models.linear.moments import floored
from ssmts.models.linear.path import LinearFit
from ssmts.models.linear.ridge import RidgePath
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.origins import future_observed, origin_rows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.window_states import final_weights, observation_weights, window_states

__all__ = ["ChannelEffect", "EffectMoments", "choose_effect"]

PENALTIES = (1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
GROUP_PENALTIES = (np.inf, 10.0, 1.0, 1e-1, 1e-2)
_LEADS_EACH_WAY = 4
_CACHED = 1 << 16  # values
SURE = 2.0  # standard errors over blocks that a gain has to exceed


@dataclass
class EffectMoments:
    """Second moments of the linear branch's errors on features and on one channel, by segment and group.

    Parameters
    ----------
    A : ndarray of float64, shape (n_segments, n_groups, n_features, n_features)
    B : ndarray of float64, shape (n_segments, n_groups, n_features)
    c, count : ndarray of float64, shape (n_segments, n_groups)
        Squared error without covariates, and number of errors.
    """

    A: Float
    B: Float
    c: Float
    count: Float

    @classmethod
    def zeros(cls, n_segments: int, n_groups: int, n_features: int) -> EffectMoments:
        """Moments of no data."""
        lead = (n_segments, n_groups)
        return cls(
            np.zeros((*lead, n_features, n_features)),
            np.zeros((*lead, n_features)),
            np.zeros(lead),
            np.zeros(lead),
        )


@dataclass(frozen=True)
class Whitener:
    """The linear branch as a filter: its errors at a few leads, by paths that have not seen the block.

    Parameters
    ----------
    fit : LinearFit
        Of shared weights, on the channels without covariates.
    """

    fit: LinearFit

    @cached_property
    def leads(self) -> Rows:
        """The leads at which errors are taken."""
        horizon = self.fit.path.config.horizon
        near = np.geomspace(1, horizon, _LEADS_EACH_WAY)
        even = np.linspace(1, horizon, _LEADS_EACH_WAY)
        return np.unique(np.round(np.concatenate([near, even])).astype(np.int64))

    @cached_property
    def weights(self) -> list[Float]:
        """Weights at the leads, without each block in turn; a gap takes those of the block before it."""
        blocks = range(self.fit.segments.n_blocks)
        return [self.fit.without_block(block).shared[:, self.leads] for block in blocks]

    @cached_property
    def filters(self) -> list[Float]:
        """Their errors as correlations on the reference grid, without the constant, (n_leads, n_taps)."""
        leads, bank = self.leads, self.fit.path.bank
        width = round(self.fit.path.config.context)
        states = final_weights(np.arange(width, dtype=np.float64), bank)
        shares = observation_weights(np.arange(width, dtype=np.float64))
        out = []
        for W in self.weights:
            forecast = (states - np.outer(shares, states.sum(axis=0))) @ W[:-1] + shares[:, None]
            taps = np.zeros((len(leads), width + int(leads.max())))
            taps[:, :width] = -forecast.T
            taps[np.arange(len(leads)), width - 1 + leads] = 1.0
            out.append(taps)
        return out

    def add(self, moments: Seq[EffectMoments], stack: SequenceStack, group: int, stride: int) -> None:
        """Add the windows of one series: a stack of its channels and then of the features, on one clock."""
        config, segments = self.fit.path.config, self.fit.segments
        rows = origin_rows(stack, config.context, config.horizon, stride)
        if not len(rows):
            return
        n_channels, leads = len(moments), self.leads
        which = segments.of(stack.starts[0] + stack.times[rows])
        known = future_observed(stack, rows, config.horizon)
        width = round(config.context)
        on_grid = stack.interval == 1.0 and abs(width - config.context) < 1e-9
        features = stack.values[n_channels:]
        by_states = self._errors(
            stack.of_members(slice(n_channels)) if on_grid else stack, rows, which // 2, n_channels
        )
        for segment in np.unique(which):
            inside = which == segment
            errors = by_states[:, inside]
            if on_grid:
                filters = self.filters[segment // 2]
                errors = np.concatenate(
                    [errors, _correlated(features, rows[inside], filters, int(leads[-1]))]
                )
            n_seen = float(errors.shape[1] * len(leads))
            if known is not None:
                errors *= known[inside][:, leads]
                n_seen = float(known[inside][:, leads].sum())
            flat = errors.reshape(len(errors), -1)
            phi = flat[n_channels:]
            A = phi @ phi.T
            for channel, y in zip(moments, flat, strict=False):
                channel.A[segment, group] += A
                channel.B[segment, group] += phi @ y
                channel.c[segment, group] += y @ y
                channel.count[segment, group] += n_seen

    def _errors(self, stack: SequenceStack, rows: Rows, without: Rows, n_channels: int) -> Float:
        """Errors at the compared leads, (n_members, n_windows, n_leads), each by the path without a block."""
        config, leads = self.fit.path.config, self.leads
        errors = np.empty((len(stack.values), len(rows), len(leads)))
        instants = stack.times[rows][:, None] + leads
        bank = self.fit.path.bank
        for block in window_states(stack, bank, config.context, rows):
            here = np.searchsorted(rows, block.rows)
            constant = floored(block.deviation) * (block.members < n_channels)[:, None]
            features = bank.features(block.final)
            for number in np.unique(without[here]):
                part, W = without[here] == number, self.weights[number]
                forecast = features[:, part] @ W[:-1] + constant[:, part, None] * W[-1]
                errors[np.ix_(block.members, here[part])] = -forecast - block.mean[:, part, None]
        for own, values in zip(errors, stack.values, strict=True):
            own += np.interp(instants, stack.times, values)
        return errors


def _correlated(values: Float, rows: Rows, filters: Float, reach: int) -> Float:
    """Filters over values on the reference grid, (n_members, n_rows, n_filters).

    Each ends `reach` values after its row. As many members at once as stay in the cache.
    """
    first = int(rows[0]) - (filters.shape[1] - reach - 1)
    own = values[:, first : int(rows[-1]) + reach + 1]
    size = next_fast_len(own.shape[1], real=True)
    transformed = rfft(filters, size).conj()
    out = np.empty((len(values), len(rows), len(filters)))
    at, n_each = rows - rows[0], max(1, _CACHED // (size * len(filters)))
    for begin in range(0, len(values), n_each):
        part = slice(begin, begin + n_each)
        out[part] = irfft(rfft(own[part], size)[:, None] * transformed, size)[..., at].transpose(0, 2, 1)
    return out


@dataclass(frozen=True)
class ChannelEffect:
    """Weights of the features for one channel.

    Parameters
    ----------
    shared : ndarray of float64, shape (n_features,)
        For series of no known group; zero where the covariates do not help.
    by_group : ndarray of float64, shape (n_groups, n_features)
    error_without, error_with : float
        Held-out mean squared error of the path at the compared leads.
    """

    shared: Float
    by_group: Float
    error_without: float
    error_with: float

    @property
    def used(self) -> bool:
        """Whether held-out blocks found the covariates worth having."""
        return bool(self.shared.any())


def choose_effect(moments: EffectMoments, segments: BlockedFolds, levels: Rows) -> ChannelEffect:
    """Weights of one channel, with penalty and memory chosen on held-out blocks.

    Parameters
    ----------
    moments : EffectMoments
    segments : BlockedFolds
    levels : ndarray of int64, shape (n_features,)
        Features are taken up to a level, the level is chosen.

    Returns
    -------
    ChannelEffect
        All zero if the mean gain over blocks is within two standard errors.
    """
    n_groups, n_features = moments.B.shape[1:]
    blocks = [b for b in range(segments.n_blocks) if moments.count[2 * b].any()]
    count = np.array([moments.count[2 * b].sum() for b in blocks])
    without = np.array([moments.c[2 * b].sum() for b in blocks])
    nothing = ChannelEffect(np.zeros(n_features), np.zeros((n_groups, n_features)), 0.0, 0.0)
    if not blocks:
        return nothing
    group_penalties = GROUP_PENALTIES if n_groups > 1 else GROUP_PENALTIES[:1]
    parts = [np.flatnonzero(levels <= level) for level in np.unique(levels)]
    errors = np.array(
        [[_held_out(moments, segments, inside, group_penalties, b) for b in blocks] for inside in parts]
    )
    part, i, j = np.unravel_index(errors.sum(axis=1).argmin(), (len(parts), *errors.shape[2:]))
    with_them = errors[part, :, i, j]
    gains = (without - with_them) / count
    standard_error = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
    total = float(count.sum())
    effect = replace(
        nothing, error_without=float(without.sum()) / total, error_with=float(with_them.sum()) / total
    )
    if not gains.mean() > SURE * standard_error:
        return effect
    inside = parts[part]
    solver = _Solver(moments, list(range(len(segments))), inside)
    effect.shared[inside] = solver.shared(PENALTIES[i])
    effect.by_group[:, inside] = solver.by_group(effect.shared[inside], group_penalties[j])
    return effect


def _held_out(
    moments: EffectMoments,
    segments: BlockedFolds,
    inside: Rows,
    group_penalties: tuple[float, ...],
    block: int,
) -> Float:
    """Squared error on a block when some features are solved without it, by pair of penalties."""
    solver = _Solver(moments, segments.training(block), inside)
    A = moments.A[2 * block][:, inside][:, :, inside]
    B, constant = moments.B[2 * block][:, inside], moments.c[2 * block].sum()
    errors = np.empty((len(PENALTIES), len(group_penalties)))
    for i, penalty in enumerate(PENALTIES):
        shared = solver.shared(penalty)
        for j, group_penalty in enumerate(group_penalties):
            W = solver.by_group(shared, group_penalty)
            fit = np.einsum("gd,gde,ge->", W, A, W) - 2.0 * np.einsum("gd,gd->", W, B)
            errors[i, j] = constant + fit
    return errors


class _Solver:
    """Ridge solutions for some segments and features, for any penalty."""

    def __init__(self, moments: EffectMoments, segments: list[int], inside: Rows) -> None:
        self.A = moments.A[segments].sum(axis=0)[:, inside][:, :, inside]
        self.B = moments.B[segments].sum(axis=0)[:, inside]
        self.pooled = RidgePath(self.A.sum(axis=0))
        self.rotated = self.pooled.vectors.T @ self.B.sum(axis=0)[:, None]
        self.groups = [RidgePath(own) for own in self.A] if len(self.A) > 1 else []

    def shared(self, penalty: float) -> Float:
        """Weights of all groups together."""
        return self.pooled.solve(self.rotated, penalty)[:, 0]

    def by_group(self, shared: Float, penalty: float) -> Float:
        """Shared weights with a shrunken correction for each group, (n_groups, n_features)."""
        out = np.tile(shared, (len(self.A), 1))
        if self.groups and np.isfinite(penalty):
            for own, path, A, B in zip(out, self.groups, self.A, self.B, strict=True):
                own += path.solve(path.vectors.T @ (B - A @ shared)[:, None], penalty)[:, 0]
        return out
