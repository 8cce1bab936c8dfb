"""Second moments of window states and futures: all that the closed-form solution needs of the data.

With states s (of the window minus its mean, and its deviation as a constant feature) and the future y minus
the window's mean, weighted so that the loss is the mean squared error of the de-normalised data, A = Σ s sᵀ,
B = Σ s yᵀ and c = Σ y² give the squared error of any weights W: c - 2 tr(Wᵀ B) + tr(Wᵀ A W). Normalising the
window by its deviation and weighting it by the variance cancel: the constant feature alone keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.linear.lag_moments import are_cheaper, lag_moments
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.origins import (
    future_observed,
    future_values,
    origin_rows,
    rarely_observed,
)
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank
from ssmts.models.state_space.window_states import WindowStates, window_moments, window_states
from ssmts.progress import advance, tracked

__all__ = [
    "Moments",
    "accumulate",
    "floored",
]


_FLOOR = 0.1  # of the training scale (values are standardised): a flat window is not blown up
_TARGET_BYTES = 64 * 2**20


def floored(deviation: Float) -> Float:
    """Deviation that normalises a window: sqrt(deviation² + 0.1²) in standardised units."""
    return np.asarray(np.sqrt(deviation**2 + _FLOOR**2))


@dataclass
class Moments:
    """Moments by segment and group.

    Parameters
    ----------
    A : ndarray of float64, shape (n_segments, n_groups, n_features, n_features)
    B : ndarray of float64, shape (n_segments, n_groups, n_features, n_leads)
    c : ndarray of float64, shape (n_segments, n_groups, n_leads)
    count : ndarray of float64, shape (n_segments, n_groups)
        Number of windows, or the sum of their weights.
    observed : ndarray of float64, shape (n_segments, n_groups, n_leads), optional
        Number (or sum of the weights) of the windows that observed each lead; None: all of them.
    """

    A: Float
    B: Float
    c: Float
    count: Float
    observed: Float | None = None

    @classmethod
    def zeros(cls, n_segments: int, n_groups: int, n_features: int, n_leads: int) -> Moments:
        """Moments of no data."""
        lead = (n_segments, n_groups)
        return cls(
            A=np.zeros((*lead, n_features, n_features)),
            B=np.zeros((*lead, n_features, n_leads)),
            c=np.zeros((*lead, n_leads)),
            count=np.zeros(lead),
            observed=np.zeros((*lead, n_leads)),
        )

    def add(
        self,
        segment: int,
        group: int,
        features: Float,
        future: Float,
        seen: NDArray[np.bool_] | None = None,
        weights: Float | None = None,
    ) -> None:
        """Add windows: features (n_windows, n_features), future minus mean (n_windows, n_leads).

        `seen` (n_windows, n_leads) says which leads were observed (the future is 0 at the others), `weights`
        (n_windows,) how much each window counts.
        """
        weighted = features if weights is None else features * weights[:, None]
        squares = future * future
        count = float(len(features)) if weights is None else float(weights.sum())
        self.A[segment, group] += weighted.T @ features
        self.B[segment, group] += weighted.T @ future
        self.c[segment, group] += squares.sum(axis=0) if weights is None else weights @ squares
        self.count[segment, group] += count
        if self.observed is not None:
            known: Any = count if seen is None else seen.sum(axis=0) if weights is None else weights @ seen
            self.observed[segment, group] += known

    def merged(self, segments: Iterable[int] | None = None) -> Moments:
        """Sum over segments (all by default), kept as a first axis of length 1."""
        chosen = slice(None) if segments is None else list(segments)
        return self.mapped(lambda own: own[chosen].sum(axis=0, keepdims=True))

    def mapped(self, change: Callable[[Float], Float]) -> Moments:
        """The same change to every array; all of them begin with the axes of segments and groups."""
        observed = None if self.observed is None else change(self.observed)
        return Moments(
            A=change(self.A), B=change(self.B), c=change(self.c), count=change(self.count), observed=observed
        )

    def completed(self) -> Moments:
        """B and c brought from the windows that observed each lead to the number of all windows.

        As if leads were missing at random: what the windows that observed a lead say stands for all of them.
        """
        if self.observed is None or (self.observed == self.count[..., None]).all():
            return self
        windows, seen = self.count.sum(axis=0)[:, None], self.observed.sum(axis=0)
        seen = np.where(seen > 0, seen, seen.sum(axis=0) * windows / max(float(windows.sum()), 1e-300))
        share = np.divide(seen, windows, out=np.ones_like(seen), where=(windows > 0) & (seen > 0))
        return Moments(A=self.A, B=self.B / share[None, :, None, :], c=self.c / share[None], count=self.count)


def accumulate(
    stacks: Seq[SequenceStack],
    bank: ModeBank,
    context: float,
    horizon: int,
    segments: BlockedFolds,
    n_groups: int,
    stride: int = 1,
    history: float | None = None,
    rare: NDArray[np.bool_] | None = None,
) -> Moments:
    """Moments of all training windows of some stacks at leads 0, 1, ..., horizon.

    Only observed leads count (:func:`future_observed`): B and c of a lead are those of the windows where it
    was observed; :meth:`Moments.completed` brings them to the number of all windows. A lead that hardly any
    window observed takes the interpolated values.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Standardised values.
    bank : ModeBank
    context : float
        In reference steps.
    horizon : int
        In reference steps.
    segments : BlockedFolds
    n_groups : int
        1 takes all sequences together; else every sequence belongs to a group below n_groups.
    stride : int
        Every `stride`-th row is an origin.
    history : float, optional
        Time that lies before an origin in training; the context by default. Contexts compared on the same
        origins need that of the longest.
    rare : ndarray of bool, shape (horizon + 1,), optional
        Leads that take interpolated values; by default :func:`rarely_observed` says which.

    Returns
    -------
    Moments
        n_features is that of the bank, plus the extra ones, plus one for the constant feature; n_leads is
        horizon + 1.
    """
    moments = Moments.zeros(len(segments), n_groups, bank.n_features + stacks[0].n_extra + 1, horizon + 1)
    history = context if history is None else history
    if rare is None:
        rare = rarely_observed(stacks, history, horizon, stride)
    for stack in tracked(stacks):
        if n_groups > 1 and not ((stack.groups >= 0) & (stack.groups < n_groups)).all():
            raise ValueError(f"groups must lie in [0, {n_groups}), got {sorted(set(stack.groups.tolist()))}")
        rows = origin_rows(stack, history, horizon, stride)
        cheaper = len(segments) == 1 and are_cheaper(stack, context, horizon, rows, bank.n_features)
        if cheaper and _add_by_lags(moments, stack, bank, round(context), rows):
            continue
        done = 0
        for block in window_states(stack, bank, context, rows):
            _add_block(moments, rare, stack, block, bank, segments)
            done += len(block.rows) * len(block.members)
            advance(done / max(len(rows) * len(stack.values), 1))
    return moments


def _add_by_lags(moments: Moments, stack: SequenceStack, bank: ModeBank, context: int, rows: Rows) -> bool:
    """Add the windows of a regular stack without their states; False, and nothing, if digits were lost."""
    groups = stack.groups if moments.A.shape[1] > 1 else np.zeros(len(stack.values), dtype=np.int64)
    mean, deviation = window_moments(stack.times, stack.values, rows, context)
    constant = floored(deviation)
    found = {}
    for group in np.unique(groups).tolist():
        own = groups == group
        found[group] = lag_moments(
            stack.values[own], rows, context, moments.c.shape[2] - 1, bank, mean[own], constant[own]
        )
    if any(sums is None for sums in found.values()):
        return False
    for group, sums in found.items():
        assert sums is not None
        for total, part in zip((moments.A, moments.B, moments.c), sums, strict=True):
            total[0, group] += part
        count = float((groups == group).sum() * len(rows))
        moments.count[0, group] += count
        if moments.observed is not None:
            moments.observed[0, group] += count
    return True


def _add_block(
    moments: Moments,
    rare: NDArray[np.bool_],
    stack: SequenceStack,
    block: WindowStates,
    bank: ModeBank,
    segments: BlockedFolds,
) -> None:
    horizon = len(rare) - 1
    groups = stack.groups[block.members] if moments.A.shape[1] > 1 else np.zeros(len(block.members), int)
    row_bytes = 8 * (horizon + 1 + bank.n_features + stack.n_extra)
    for group in np.unique(groups):
        same = np.flatnonzero(groups == group)
        n_chunks = min(len(same), 1 + len(same) * len(block.rows) * row_bytes // _TARGET_BYTES)
        for some in np.array_split(same, n_chunks):
            n_parts = 1 + len(some) * len(block.rows) * row_bytes // _TARGET_BYTES
            for part in np.array_split(np.arange(len(block.rows)), n_parts):
                rows, here = block.rows[part], np.ix_(some, part)
                mean = block.mean[here][..., None]
                constant = floored(block.deviation[here])[..., None]
                features = stack.joined(bank.features(block.final[here]), block.members[some], rows)
                features = np.concatenate([features, constant], axis=-1)
                future = future_values(stack, block.members[some], rows, horizon) - mean
                known = future_observed(stack, rows, horizon)
                if known is not None:
                    known |= rare
                    future *= known
                which = segments.of(stack.starts[block.members[some], None] + stack.times[rows])
                weights = None if stack.weights is None else stack.weights[np.ix_(block.members[some], rows)]
                seen = None if known is None else np.broadcast_to(known, future.shape)
                for segment in np.unique(which):
                    inside = which == segment
                    moments.add(
                        int(segment),
                        int(group),
                        features[inside],
                        future[inside],
                        None if seen is None else seen[inside],
                        None if weights is None else weights[inside],
                    )
