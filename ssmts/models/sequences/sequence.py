"""Univariate sequences on their own clocks: what the stem reads.

The stem runs per series and channel, so that channels may have clocks of their own: a channel's sequence
holds the instants at which it was observed. Sequences with the same clock are stacked and computed together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.sequences.grid import begun_at, regular_interval

__all__ = [
    "Sequence",
    "SequenceStack",
    "stack_sequences",
    "window_at",
]


@dataclass(frozen=True)
class Sequence:
    """The observations of one channel of one series.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        Reference steps since the first observation; strictly increasing from 0.
    values : ndarray of float64, shape (length,)
        Finite.
    start : float
        Time of the first observation in reference steps, from an instant common to all data.
    group : int
        Which set of weights the sequence uses; -1 for the shared weights.
    weights : ndarray of float64, shape (length,), optional
        How much the window counts in training whose origin an observation is; 1 by default.
    extra : ndarray of float64, shape (length, n_extra), optional
        Further features of the windows that end at each observation, such as states of other channels.
    counted : int
        How many observations were there when the windows of the sequence were last counted.
    source : tuple of int
        Number of the series and of the channel that it comes from.
    """

    times: Float
    values: Float
    start: float = 0.0
    group: int = -1
    weights: Float | None = None
    extra: Float | None = None
    counted: int = 0
    source: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class SequenceStack:
    """Sequences that share one clock: `times` (length,), `values` (n, length), `starts` and `groups` (n,).

    `weights` of the windows that end at each observation are (n, length); None: all 1. `extra` features of
    these windows are (n, length, n_extra); None: there are none. Windows were last counted when there were
    `counted` observations. `numbers` (n,) says which of the sequences that were stacked each is.
    """

    times: Float
    values: Float
    starts: Float
    groups: Rows
    weights: Float | None = None
    extra: Float | None = None
    counted: int = 0
    numbers: Rows | None = None
    lead_in: bool = False

    @property
    def n_extra(self) -> int:
        """Number of extra features."""
        return 0 if self.extra is None else self.extra.shape[-1]

    def joined(self, features: Float, members: Rows | int, rows: Rows | int) -> Float:
        """Features of the windows of some members that end at some rows, the extra ones appended."""
        if self.extra is None:
            return features
        members = members if isinstance(members, int | np.integer) else members[:, None]
        return np.concatenate([features, self.extra[members, rows]], axis=-1)

    def of_members(self, members: Rows | slice) -> SequenceStack:
        """Some of the sequences."""
        parts = ("values", "starts", "groups", "weights", "extra", "numbers")
        known = {name: own for name in parts if (own := getattr(self, name)) is not None}
        return replace(self, **{name: own[members] for name, own in known.items()})

    @cached_property
    def interval(self) -> float | None:
        """The constant interval in reference steps, or None where intervals differ."""
        return regular_interval(self.times)


def window_at(stack: SequenceStack, row: int, context: float) -> SequenceStack:
    """The windows of a stack that end at a row, cut to the context, one a sequence."""
    origin = stack.times[row]
    before = max(int(np.searchsorted(stack.times, origin - (context - 1.0))) - 1, 0)
    near = stack.times[before : row + 1] - origin
    times, values = begun_at(1.0 - context, near, stack.values[:, before : row + 1])
    return SequenceStack(
        times=times - times[0],
        values=values,
        starts=stack.starts + origin + times[0],
        groups=stack.groups,
        extra=None if stack.extra is None else stack.extra[:, row : row + 1],
        lead_in=bool(times[0] not in near),
    )


def stack_sequences(sequences: Iterable[Sequence]) -> list[SequenceStack]:
    """Stack the sequences whose clocks agree, in order of first appearance.

    Parameters
    ----------
    sequences : iterable of Sequence

    Returns
    -------
    list of SequenceStack
        Each holds all sequences of one clock (times since their first observation).
    """
    clocks: dict[object, list[tuple[int, Sequence]]] = {}
    for number, sequence in enumerate(sequences):
        interval = regular_interval(sequence.times)
        key: object = (len(sequence.times), interval)
        if interval is None:
            key = sequence.times.tobytes()
        clocks.setdefault((key, sequence.counted), []).append((number, sequence))
    return [_stack(*zip(*members)) for members in clocks.values()]


def _stack(numbers: tuple[int, ...], members: tuple[Sequence, ...]) -> SequenceStack:
    """Sequences of one clock, and their numbers, as a stack."""
    return SequenceStack(
        times=members[0].times,
        values=np.stack([member.values for member in members]),
        starts=np.array([member.start for member in members]),
        groups=np.array([member.group for member in members]),
        weights=_stacked_weights(members),
        extra=None if members[0].extra is None else np.stack([_extra(member) for member in members]),
        counted=members[0].counted,
        numbers=np.array(numbers),
    )


def _extra(member: Sequence) -> Float:
    """Extra features of a sequence whose stack has some."""
    if member.extra is None:
        raise ValueError("either every sequence has extra features, or none")
    return member.extra


def _stacked_weights(members: tuple[Sequence, ...]) -> Float | None:
    """Weights (n, length) of sequences of one clock, None if no sequence has any."""
    if all(member.weights is None for member in members):
        return None
    rows = [np.ones_like(m.times) if m.weights is None else m.weights for m in members]
    return np.stack(rows)
