"""Training windows of a stack: the rows that can be origins, and what lies ahead of them."""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["future_observed", "future_values", "origin_rows", "rarely_observed"]

_RARE = 0.01  # share of windows
_CLOSE = 1.5  # reference steps: observations no further apart vouch for what lies between them


def origin_rows(stack: SequenceStack, history: float, horizon: float, stride: int = 1) -> Rows:
    """Rows of a stack that can be origins in training: a full history behind them, a full horizon ahead.

    Origins that were counted before the last rows came are left out.
    """
    times = stack.times
    if len(times) < 2:
        return np.zeros(0, dtype=np.int64)
    # A row stands for the interval before it: the first one of a regular clock for that of all rows. Other
    # clocks do not say what came before: there a window begins one step after its history does.
    slack = (1.0 if stack.interval is None else stack.interval) + 1e-6
    first = np.searchsorted(times, times[0] + history - slack, side="left")
    done = _last_origin(times[: stack.counted], horizon)
    rows = np.arange(max(int(first), 1, done), _last_origin(times, horizon), stride, dtype=np.int64)
    return rows[times[rows] - times[rows - 1] < history]  # a window has two observations at least


def _last_origin(times: Float, horizon: float) -> int:
    """One past the last row with a full horizon ahead."""
    if len(times) < 2:
        return 0
    return int(np.searchsorted(times, times[-1] - horizon + 1e-6, side="right"))


def future_values(stack: SequenceStack, members: Rows | int, rows: Rows, horizon: int) -> Float:
    """Values 0, 1, ..., horizon reference steps after the origins, (n_members, n_windows, horizon + 1).

    One member, given as an int, has no first axis. Where a clock has no observation at a lead the value is
    the linear interpolation of its neighbours.
    """
    values = stack.values[members]
    if stack.interval == 1.0:
        windows = np.lib.stride_tricks.sliding_window_view(values, horizon + 1, axis=-1)
        return np.asarray(windows[..., rows, :])
    instants = stack.times[rows][:, None] + np.arange(horizon + 1.0)
    parts = [np.interp(instants, stack.times, own) for own in np.atleast_2d(values)]
    return np.stack(parts).reshape(*values.shape[:-1], *instants.shape)


def future_observed(stack: SequenceStack, rows: Rows, horizon: int) -> NDArray[np.bool_] | None:
    """Whether leads 0, 1, ..., horizon were observed, (n_windows, horizon + 1); None if all of them were.

    A lead between two observations no more than one and a half reference steps apart counts as observed.
    """
    if stack.interval is not None and stack.interval <= _CLOSE:
        return None
    instants = stack.times[rows][:, None] + np.arange(horizon + 1.0)
    after = np.minimum(np.searchsorted(stack.times, instants - 1e-6), len(stack.times) - 1)
    gap = stack.times[after] - stack.times[np.maximum(after - 1, 0)]
    return np.asarray((gap <= _CLOSE) | (np.abs(stack.times[after] - instants) < 1e-5))


def rarely_observed(
    stacks: Seq[SequenceStack], history: float, horizon: int, stride: int = 1
) -> NDArray[np.bool_]:
    """Leads that fewer than a hundredth of all windows observed, (horizon + 1,)."""
    seen, windows = np.zeros(horizon + 1), 0
    for stack in stacks:
        rows = origin_rows(stack, history, horizon, stride)
        known = future_observed(stack, rows, horizon)
        windows += len(rows) * len(stack.values)
        seen += len(stack.values) * (len(rows) if known is None else known.sum(axis=0))
    return np.asarray(seen < _RARE * windows)
