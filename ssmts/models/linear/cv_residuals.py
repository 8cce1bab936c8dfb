"""Cross-validated residuals of the linear branch: its errors on blocks of time that it has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.linear.path import LinearFit
from ssmts.models.sequences.origins import (
    future_observed,
    future_values,
    origin_rows,
    rarely_observed,
)
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.window_states import window_states

__all__ = ["HeldOutErrors", "WindowErrors", "held_out_errors", "n_origins", "window_errors"]

_MOST_WINDOWS = 20_000
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class WindowErrors:
    """Windows of one sequence and their cross-validated residuals.

    Parameters
    ----------
    stack : SequenceStack
    member : int
        Which sequence of the stack.
    rows : ndarray of int64, shape (n_windows,)
        Of the origins.
    begin : ndarray of float64, shape (n_windows,)
        Instant of each window's first observation.
    token_times : ndarray of float64, shape (n_windows, n_tokens)
    features : ndarray of float64, shape (n_windows, n_tokens, n_features)
        Of the bank.
    mean, deviation : ndarray of float64, shape (n_windows,)
    errors : ndarray of float64, shape (n_windows, horizon + 1)
        Truth minus forecast.
    observed : ndarray of bool, shape (n_windows, horizon + 1), or None
        Leads that were observed; None: all of them.
    segment : ndarray of int64, shape (n_windows,)
        Even in a block, odd in the gap after it.
    """

    stack: SequenceStack
    member: int
    rows: Rows
    begin: Float
    token_times: Float
    features: Float
    mean: Float
    deviation: Float
    errors: Float
    observed: NDArray[np.bool_] | None
    segment: Rows


@dataclass(frozen=True)
class HeldOutErrors:
    """Errors on held-out blocks.

    Parameters
    ----------
    errors : ndarray of float32, shape (n_windows, horizon + 1)
        Truth minus forecast in standardised units; NaN where a lead was not observed.
    deviation : ndarray of float64, shape (n_windows,)
        Of the windows.
    groups : ndarray of int64, shape (n_windows,)
    """

    errors: NDArray[np.float32]
    deviation: Float
    groups: Rows


def n_origins(stacks: Seq[SequenceStack], linear: LinearFit) -> int:
    """Number of training windows."""
    config = linear.path.config
    return sum(len(origin_rows(s, config.context, config.horizon)) * len(s.values) for s in stacks)


def window_errors(
    stacks: Seq[SequenceStack], linear: LinearFit, stride: int, token_stride: float | None = None
) -> Iterator[WindowErrors]:
    """Every `stride`-th window of every sequence, with the errors of paths that have not seen its targets.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        What the linear branch was fitted on.
    linear : LinearFit
    stride : int
    token_stride : float, optional
        As in :func:`ssmts.models.state_space.window_states.window_states`.
    """
    context, horizon = linear.path.config.context, linear.path.config.horizon
    bank = linear.path.bank
    paths = [linear.without_block(block) for block in range(linear.segments.n_blocks)]
    for stack in stacks:
        rows = origin_rows(stack, context, horizon, stride)
        for block in window_states(stack, bank, context, rows, token_stride):
            known = future_observed(stack, block.rows, horizon)
            for i, member in enumerate(block.members.tolist()):
                mean, deviation = block.mean[i], block.deviation[i]
                features = bank.features(block.states[i])
                segment = linear.segments.of(stack.starts[member] + stack.times[block.rows])
                errors = future_values(stack, member, block.rows, horizon).copy()
                at_origin = stack.joined(features[:, -1], member, block.rows)
                group = np.full(len(at_origin), stack.groups[member])
                for which in np.unique(segment):
                    # A gap follows its block: the path without that block has not seen its targets either.
                    inside, path = segment == which, paths[which // 2]
                    errors[inside] -= path.forecast(
                        at_origin[inside], mean[inside], deviation[inside], group[inside]
                    )
                yield WindowErrors(
                    stack=stack,
                    member=member,
                    rows=block.rows,
                    begin=block.begin,
                    token_times=block.token_times,
                    features=features,
                    mean=mean,
                    deviation=deviation,
                    errors=errors,
                    observed=known,
                    segment=segment,
                )


def held_out_errors(stacks: Seq[SequenceStack], linear: LinearFit) -> HeldOutErrors:
    """Errors of the linear branch on an even share of the held-out windows, at most 20,000 or 64 MiB."""
    most = min(_MOST_WINDOWS, _MOST_BYTES // (4 * (linear.path.config.horizon + 1)))
    stride = max(1, int(np.ceil(n_origins(stacks, linear) / max(most, 1))))
    config, hardly = linear.path.config, linear.rare
    if config.interpolate:  # then all leads take lines in training, and most of them were observed
        hardly = rarely_observed(stacks, config.context, config.horizon)
    found = []
    for window in window_errors(stacks, linear, stride):
        held = window.segment % 2 == 0
        if window.stack.weights is not None:
            held &= window.stack.weights[window.member, window.rows] > 0
        errors = window.errors[held].astype(np.float32)
        if window.observed is not None:
            errors[~(window.observed[held] | hardly)] = np.nan
        groups = np.full(len(errors), window.stack.groups[window.member])
        found.append((errors, window.deviation[held], groups))
    return HeldOutErrors(*(np.concatenate(parts) for parts in zip(*found)))
