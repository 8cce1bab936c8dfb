"""A chunk of time of the scan: its weights, inputs and states.

Arrays are laid out (D, time, batch, N), so that a channel's chunk is one matrix of time·batch rows, and
complex ones meet real matrices as interleaved (re, im) columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ssmts_kernels.diagonal_scan.weights import Table, distinct_table, table_for

_ELEMENTS = 1 << 19
"""States of a chunk: 4 MB in complex64, a size that stays in cache."""
_LONGEST = 64
_DIRECT_ROWS = 64
"""Where no table serves a chunk, so many of its intervals get a row each at a time."""


class Weights:
    """What a table becomes once it meets B: the right-hand sides of a chunk's GEMMs."""

    def __init__(self, table: Table, B: Tensor, hold: str) -> None:
        self.table = table
        # "zoh" and "bilinear_s4" never look at the previous input.
        self.terms = slice(1, 3) if hold in ("foh", "bilinear") else slice(2, 3)
        self.rows = table.rows.transpose(1, 2)
        """(3, D, K, N)"""
        self.decays = planes(self.rows[0])
        taken_up = B[:, None] * self.rows[self.terms]
        self.inputs = planes(torch.cat(taken_up.unbind(), 1))
        self.inputs_conj = planes(torch.cat(taken_up.conj_physical().unbind(), 1))


@dataclass(frozen=True)
class Chunk:
    """Observations start to stop."""

    start: int
    stop: int
    u: Tensor
    """(batch, length, D), the whole."""
    intervals: Tensor
    previous: Tensor
    weights: Weights

    @cached_property
    def basis(self) -> Tensor:
        """P, (time·batch, K)."""
        return self.weights.table.basis(self.intervals[:, self.start : self.stop].T.flatten())

    def by_channel(self, value: Tensor) -> Tensor:
        """(batch, length, D) -> (D, time·batch), this chunk's part."""
        return value[:, self.start : self.stop].permute(2, 1, 0).flatten(1)

    def from_channel(self, value: Tensor) -> Tensor:
        """(D, time·batch) -> (batch, time, D)."""
        return value.view(len(value), self.stop - self.start, len(self.u)).permute(2, 1, 0)

    def signals(self) -> list[Tensor]:
        """Return the inputs that the hold looks at, previous before current, each (D, time·batch)."""
        current = self.by_channel(self.u)
        if self.weights.terms.start == 2:
            return [current]
        before = self.previous if self.start == 0 else self.u[:, self.start - 1]
        return [torch.cat([before.T, current[:, : -len(self.u)]], 1), current]

    def inputs(self) -> Tensor:
        """Return the inputs times P, (D, time·batch, terms·K)."""
        return torch.cat([signal[..., None] * self.basis for signal in self.signals()], -1)

    def decays(self, like: Tensor) -> Tensor:
        """Ā, (D, time, batch, N)."""
        return self._states(torch.matmul(self.basis, self.weights.decays), like)

    def states(self, first: Tensor, decays: Tensor) -> Tensor:
        """Run the recurrence from `first`, (D, batch, N); returns every state, (D, time, batch, N)."""
        states = self._states(torch.bmm(self.inputs(), self.weights.inputs), first)
        for k in range(self.stop - self.start):
            states[:, k].addcmul_(decays[:, k], first)
            first = states[:, k]
        return states

    def _states(self, flat: Tensor, like: Tensor) -> Tensor:
        states = modes(flat, like)
        return states.view(len(flat), self.stop - self.start, len(self.u), states.shape[-1])


def chunks(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, previous: Tensor, hold: str
) -> tuple[Weights | None, Sequence[Chunk]]:
    """Split the time axis; returns the weights that chunks share, and the chunks."""
    batch, length, _ = u.shape
    longest = max(1, min(_LONGEST, _ELEMENTS // max(1, batch * A.numel())))
    table = table_for(A, intervals, hold)
    shared = None if table is None else Weights(table, B, hold)
    result = []
    for start in range(0, length, longest):
        stop = min(start + longest, length)
        if shared is not None and shared.table.covers(intervals[:, start:stop]):
            result.append(Chunk(start, stop, u, intervals, previous, shared))
            continue
        short = max(1, _DIRECT_ROWS // max(1, batch))
        for begin in range(start, stop, short):
            end = min(begin + short, stop)
            table = distinct_table(A, torch.unique(intervals[:, begin:end]), hold)
            result.append(Chunk(begin, end, u, intervals, previous, Weights(table, B, hold)))
    return shared, result


def planes(z: Tensor) -> Tensor:
    """(..., N) -> (..., 2 N) interleaved re and im; a real array as it is."""
    return torch.view_as_real(z).flatten(-2) if z.is_complex() else z


def modes(flat: Tensor, like: Tensor) -> Tensor:
    """(..., 2 N) -> complex (..., N), the inverse of `planes`."""
    return (
        torch.view_as_complex(flat.view(*flat.shape[:-1], flat.shape[-1] // 2, 2))
        if like.is_complex()
        else flat
    )
