"""Weights of many nonlinear terms: penalty, memory and covariates chosen on held-out blocks."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ssmts.data.arrays import Float, Rows
from ssmts.models.covariates.gls import GROUP_PENALTIES, SURE, ChannelEffect, EffectMoments
from ssmts.models.sequences.blocked_folds import BlockedFolds

__all__ = ["choose_terms", "dispensable"]

_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_OF_LINEAR = 1e-2  # penalty of a linear feature, in that of a term
_WORTH = 1e-3  # relative gain below which a covariate is left out


class _Blocks:
    """Moments of one channel pooled over groups, to learn from and to be judged by, for each block."""

    def __init__(self, moments: EffectMoments, folds: BlockedFolds, n_linear: int) -> None:
        self.moments, self.folds = moments, folds
        self.A, self.B, self.c = (own.sum(axis=1) for own in (moments.A, moments.B, moments.c))
        seen = [b for b in range(folds.n_blocks) if moments.count[2 * b].any()]
        # What lies between two stretches of training looks more like them than the future does: the later
        # half of the blocks is forecast from the earlier ones alone as well.
        later = seen[len(seen) // 2 + 1 :]
        self.splits = [(folds.training(b), 2 * b) for b in seen]
        self.splits += [(list(range(2 * b - 1)), 2 * b) for b in later]
        self.is_later = np.arange(len(self.splits)) >= len(seen)
        self.count = np.array([moments.count[held].sum() for _, held in self.splits])
        self.without = np.array([self.c[held] for _, held in self.splits])
        n_features = self.A.shape[1]
        unit = max(float(np.trace(self.A.sum(axis=0))) / n_features, 1e-300)
        self.unit = np.where(np.arange(n_features) < n_linear, _OF_LINEAR, 1.0) * unit

    def solve(self, segments: list[int], inside: Rows, penalty: float) -> Float:
        """Weights of some features from some segments."""
        A = self.A[segments][:, inside][:, :, inside].sum(axis=0)
        return _ridge(A, self.B[segments][:, inside].sum(axis=0), penalty * self.unit[inside])

    def errors(self, inside: Rows, penalties: Seq[float]) -> Float:
        """Squared error on every block of weights that have not seen it, (n_penalties, n_blocks)."""
        out = np.empty((len(penalties), len(self.splits)))
        for k, (train, held_out) in enumerate(self.splits):
            A = self.A[train][:, inside][:, :, inside].sum(axis=0)
            B = self.B[train][:, inside].sum(axis=0)
            held, right = self.A[held_out][np.ix_(inside, inside)], self.B[held_out][inside]
            for i, penalty in enumerate(penalties):
                w = _ridge(A, B, penalty * self.unit[inside])
                out[i, k] = self.c[held_out] + w @ held @ w - 2.0 * w @ right
        return out


def _ridge(A: Float, B: Float, penalty: Float) -> Float:
    """(A + diag(penalty))⁻¹ B, by Cholesky; features that are zero throughout get no weight."""
    ridged = A + np.diag(penalty + 1e-12 * float(np.trace(A)) / len(A))
    return np.asarray(cho_solve(cho_factor(ridged, lower=True, overwrite_a=True), B))


def dispensable(moments: Seq[EffectMoments], folds: BlockedFolds, involved: Float, n_linear: int) -> Rows:
    """Owners of features whom held-out blocks do not miss, left out one by one, the least missed first.

    Parameters
    ----------
    moments : sequence of EffectMoments
        Of each channel.
    folds : BlockedFolds
    involved : ndarray of bool, shape (n_owners, n_features)
    n_linear : int
        The first features are linear.
    """
    channels = [_Blocks(own, folds, n_linear) for own in moments]
    channels = [own for own in channels if len(own.splits) > 2]
    gone = np.zeros(len(involved), dtype=bool)
    if not channels:
        return np.flatnonzero(gone)
    everything = np.arange(involved.shape[1])
    full = [own.errors(everything, _PENALTIES) for own in channels]
    penalties = [_PENALTIES[int(errors.sum(axis=1).argmin())] for errors in full]

    def relative(without: Rows) -> Float:
        """Error in that of no covariates, by block and channel."""
        inside = np.flatnonzero(~involved[without].any(axis=0))
        if not len(inside):
            return np.concatenate([np.ones(len(own.splits)) for own in channels])
        errors = [own.errors(inside, [penalty])[0] for own, penalty in zip(channels, penalties)]
        return np.concatenate([one / own.without.mean() for one, own in zip(errors, channels)])

    present = relative(np.flatnonzero(gone))
    while True:
        left = np.flatnonzero(~gone & involved.any(axis=1))
        trials = {owner: relative(np.flatnonzero(gone | (np.arange(len(gone)) == owner))) for owner in left}
        losses = {owner: float((trial - present).mean() / present.mean()) for owner, trial in trials.items()}
        if not losses or min(losses.values()) > _WORTH:
            return np.flatnonzero(gone)
        least = min(losses, key=losses.__getitem__)
        gone[least], present = True, trials[least]


def choose_terms(
    moments: EffectMoments, folds: BlockedFolds, levels: Rows, kept: NDArray[np.bool_], n_linear: int
) -> ChannelEffect:
    """Weights of one channel, with penalty and memory chosen on held-out blocks.

    Parameters
    ----------
    moments : EffectMoments
    folds : BlockedFolds
    levels : ndarray of int64, shape (n_features,)
        Features are taken up to a level, the level is chosen; 0 is linear.
    kept : ndarray of bool, shape (n_features,)
        Which of them may be taken.
    n_linear : int
        The first features are linear.

    Returns
    -------
    ChannelEffect
        All zero if the mean gain over blocks, against the better of linear features and none, is within twice
        its standard error, or if one of the later blocks loses when it is forecast from earlier ones alone.
        `error_without` is the error of that.
    """
    n_groups, n_features = moments.B.shape[1:]
    nothing = ChannelEffect(np.zeros(n_features), np.zeros((n_groups, n_features)), 0.0, 0.0)
    blocks = _Blocks(moments, folds, n_linear)
    if len(blocks.splits) < 3:
        return nothing
    linear = blocks.errors(np.arange(n_linear), (1e-6, *_PENALTIES))
    before = min([*linear, blocks.without], key=np.sum)
    parts = [np.flatnonzero(kept & (levels <= level)) for level in np.unique(levels[levels > 0])]
    errors = np.stack([blocks.errors(part, _PENALTIES) for part in parts])
    best, i = np.unravel_index(errors.sum(axis=2).argmin(), errors.shape[:2])
    inside, penalty, after = parts[best], _PENALTIES[i], errors[best, i]
    total = float(blocks.count.sum())
    effect = replace(
        nothing, error_without=float(before.sum()) / total, error_with=float(after.sum()) / total
    )
    gains = 1.0 - after / before
    between, later = gains[~blocks.is_later], gains[blocks.is_later]
    standard_error = float(np.std(between, ddof=1) / np.sqrt(len(between)))
    if not between.mean() > SURE * standard_error or later.min(initial=np.inf) <= 0.0:
        return effect
    everywhere = list(range(len(folds)))
    effect.shared[inside] = blocks.solve(everywhere, inside, penalty)
    effect.by_group[:] = effect.shared
    if n_groups > 1:
        effect.by_group[:, inside] = _by_group(blocks, inside, penalty)
    return effect


def _by_group(blocks: _Blocks, inside: Rows, penalty: float) -> Float:
    """Shared weights with a correction for each group, shrunk as held-out blocks say."""
    moments, folds = blocks.moments, blocks.folds

    def corrected(segments: list[int], group_penalty: float) -> Float:
        shared = blocks.solve(segments, inside, penalty)
        out = np.tile(shared, (moments.B.shape[1], 1))
        if np.isfinite(group_penalty):
            for group, own in enumerate(out):
                A = moments.A[segments, group][:, inside][:, :, inside].sum(axis=0)
                B = moments.B[segments, group][:, inside].sum(axis=0)
                unit = group_penalty * np.maximum(np.trace(A) / len(A), 1e-300)
                own += _ridge(A, B - A @ shared, np.full(len(inside), unit))
        return out

    errors = np.zeros(len(GROUP_PENALTIES))
    for train, held_out in blocks.splits:
        A = moments.A[held_out][:, inside][:, :, inside]
        B = moments.B[held_out][:, inside]
        for j, group_penalty in enumerate(GROUP_PENALTIES):
            W = corrected(train, group_penalty)
            errors[j] += np.einsum("gd,gd->", W, np.einsum("gde,ge->gd", A, W) - 2.0 * B)
    return corrected(list(range(len(folds))), GROUP_PENALTIES[int(errors.argmin())])
