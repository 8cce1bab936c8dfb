r"""States of a mode bank on windows, by the first-order hold, without building the windows.

The state of a window that begins at the instant b and ends at observation k is
:math:`s = \int e^{a(t_k - \tau)} u(\tau)\,d\tau` over :math:`[b, t_k]`. With X the state of the whole
sequence, :math:`s = X_k - e^{a(t_k - b)} X(b)`: all windows of a sequence cost one scan. The constant
input 1 has a known state, so that the state of u - μ is the state of u minus μ times the state of 1.

A window (origin - context, origin] begins at its first instant on the reference grid, origin - (context - 1):
on an observation, or on the line between the two around it, however coarse the clock is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Complex, Float, Rows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.hold_scan import hold_scan, weights_by_interval
from ssmts.models.state_space.modes import ModeBank

__all__ = [
    "WindowStates",
    "final_weights",
    "observation_weights",
    "window_deviation",
    "window_moments",
    "window_states",
]

_BLOCK_BYTES = 128 * 2**20  # states held at once


@dataclass(frozen=True)
class WindowStates:
    """States of the windows of some sequences of a stack that end at the same rows.

    Parameters
    ----------
    members : ndarray of int64, shape (n_members,)
        Which sequences of the stack.
    rows : ndarray of int64, shape (n_windows,)
        Row of each window's last observation, the origin.
    begin : ndarray of float64, shape (n_windows,)
        Instant at which each window begins.
    states : ndarray of complex128, shape (n_members, n_windows, n_tokens, n_modes)
        Of the window minus its mean, as far as each token; the last token is the origin.
    token_times : ndarray of float64, shape (n_windows, n_tokens)
        Instants of the tokens before the origin, in reference steps (negative or 0).
    mean, deviation : ndarray of float64, shape (n_members, n_windows)
        Time-weighted mean and standard deviation of the window.
    """

    members: Rows
    rows: Rows
    begin: Float
    states: Complex
    token_times: Float
    mean: Float
    deviation: Float

    @property
    def final(self) -> Complex:
        """States at the origin, (n_members, n_windows, n_modes)."""
        return self.states[:, :, -1]


def window_states(
    stack: SequenceStack,
    bank: ModeBank,
    context: float,
    rows: Rows,
    token_stride: float | None = None,
) -> Iterator[WindowStates]:
    """Centred states of the windows (origin - context, origin] of every sequence of a stack, in blocks.

    Parameters
    ----------
    stack : SequenceStack
    bank : ModeBank
    context : float
        In reference steps.
    rows : ndarray of int64, shape (n_windows,)
        Increasing; rows of the origins. A window that reaches before the first observation is shorter.
    token_stride : float, optional
        Spacing of the tokens in reference steps. They lie on a grid that is fixed in absolute time, with one
        last, partial token at the origin. None: the origin alone.

    Yields
    ------
    WindowStates
        Blocks of at most about 128 MiB of states.
    """
    if not len(rows):
        return
    first_rows = _first_rows(stack.times, rows, context)
    longest = int((rows - first_rows).max()) + 2
    row_bytes = 16 * len(bank.A)
    n_together = max(1, int(_BLOCK_BYTES / (row_bytes * min(len(stack.times), 4 * longest))))
    phases = np.zeros(len(stack.starts)) if token_stride is None else stack.starts % token_stride
    for phase in np.unique(phases):
        token_rows = _token_rows(stack.times, rows, first_rows, context, token_stride, float(phase))
        same_phase = np.flatnonzero(phases == phase)
        for members in np.array_split(same_phase, -(-len(same_phase) // n_together)):
            budget = _BLOCK_BYTES // (row_bytes * len(members))
            begin = 0
            while begin < len(rows):
                end = int(np.searchsorted(rows, rows[begin] + max(longest, budget - longest), side="left"))
                end = max(min(end, begin + budget // token_rows.shape[1]), begin + 1)
                block = slice(begin, end)
                yield _block(stack, bank, context, members, rows[block], first_rows[block], token_rows[block])
                begin = end


def _first_rows(times: Float, rows: Rows, context: float) -> Rows:
    """First observation of each window, at or after the instant at which it begins."""
    return np.searchsorted(times, times[rows] - (context - 1.0) - 1e-9 * context, side="left")


def _token_rows(
    times: Float, rows: Rows, first_rows: Rows, context: float, stride: float | None, phase: float
) -> Rows:
    """Row of the last observation at or before each token, (n_windows, n_tokens); never before the window."""
    if stride is None:
        return rows[:, None]
    n_tokens = max(1, int(np.ceil(context / stride - 1e-9)))
    # The last grid instant strictly before the origin, in strides since the grid's zero.
    last_mark = np.ceil((times[rows] + phase) / stride - 1e-9) - 1.0
    marks = (last_mark[:, None] - np.arange(n_tokens - 2, -1, -1)) * stride - phase
    before = np.searchsorted(times, marks + 1e-9 * stride, side="right") - 1
    return np.concatenate([np.maximum(before, first_rows[:, None]), rows[:, None]], axis=1)


def _block(
    stack: SequenceStack,
    bank: ModeBank,
    context: float,
    members: Rows,
    rows: Rows,
    first_rows: Rows,
    token_rows: Rows,
) -> WindowStates:
    low, high = max(int(first_rows[0]) - 1, 0), int(rows[-1]) + 1
    times, values = stack.times[low:high], stack.values[members][:, low:high]
    first, last, tokens = first_rows - low, rows - low, token_rows - low
    intervals = np.diff(times) if stack.interval is None else np.array([stack.interval])
    running = hold_scan(bank.A, intervals[:, None], values.T, 0.0)
    begin = np.maximum(times[last] - (context - 1.0), times[0])
    begin = np.where(times[first] - begin < 1e-9 * context, times[first], begin)
    lead_in = _LeadIn(times, values, first, begin)
    at_begin = lead_in.states(running, bank.A)
    mean, deviation = _moving_moments(times, values, last, lead_in)
    states = np.empty((len(values), *tokens.shape, len(bank.A)), dtype=np.complex128)
    for k, at in enumerate(tokens.T):
        # Decay over the span, and the state of the constant 1.
        decay, _, of_one = weights_by_interval(bank.A, _if_all_equal(times[at] - begin), "zoh")
        here = running[at] - decay[:, None, :] * at_begin
        here -= mean.T[:, :, None] * of_one[:, None, :]
        states[:, :, k] = here.transpose(1, 0, 2)
    token_times = times[tokens] - times[tokens[:, -1:]]
    return WindowStates(
        members=members,
        rows=rows,
        begin=begin,
        states=states,
        token_times=token_times,
        mean=mean,
        deviation=deviation,
    )


class _LeadIn:
    """The way of some windows from where they begin, on the line between two rows, to their first row.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
    values : ndarray of float64, shape (n_members, length)
    first : ndarray of int64, shape (n_windows,)
        First row at or after the begin.
    begin : ndarray of float64, shape (n_windows,)
    """

    def __init__(self, times: Float, values: Float, first: Rows, begin: Float) -> None:
        self.first, self.begin = first, begin
        self.length = times[first] - begin
        self.row = np.where(self.length > 0.0, first - 1, first)  # the last one not after the begin
        self.passed = begin - times[self.row]
        self.start = values[:, self.row]
        fraction = self.passed / np.where(self.length > 0.0, self.passed + self.length, 1.0)
        self.at_begin = self.start + fraction * (values[:, first] - self.start)  # (n_members, n_windows)

    def states(self, running: Complex, A: Complex) -> Complex:
        """States at the begin from those after every row, (n_windows, n_members, n_modes)."""
        states: Complex = running[self.row]
        if self.length.any():
            A_bar, previous, current = weights_by_interval(A, _if_all_equal(self.passed), "foh")
            states *= A_bar[:, None, :]
            states += self.start.T[:, :, None] * previous[:, None, :]
            states += self.at_begin.T[:, :, None] * current[:, None, :]
        return states


def _if_all_equal(spans: Float) -> Float:
    """One for all where spans are the same, so that hold weights are computed once."""
    return spans[:1] if np.ptp(spans) < 1e-9 * max(float(spans[0]), 1.0) else spans


def observation_weights(times: Float) -> Float:
    """Share of the window that each observation speaks for; they sum to 1.

    An observation stands for half of the interval before it and half of that after it, at the ends for half a
    reference step instead: the weighted mean is that of the linear interpolant sampled on the reference grid.
    """
    halves = np.concatenate([[0.5], 0.5 * np.diff(times), [0.5]])
    return np.asarray((halves[1:] + halves[:-1]) / (times[-1] - times[0] + 1.0))


def window_deviation(times: Float, centred: Float) -> Float:
    """Standard deviation of windows, of the linear interpolant sampled on the reference grid, (n,).

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
    centred : ndarray of float64, shape (n, length)
        Minus the mean by :func:`observation_weights`.
    """
    squares = _squares(np.diff(times), centred[:, :-1], centred[:, 1:]).sum(axis=-1)
    ends = 0.5 * (centred[:, 0] ** 2 + centred[:, -1] ** 2)
    return np.asarray(np.sqrt((squares + ends) / (times[-1] - times[0] + 1.0)))


def _squares(intervals: Float, before: Float, after: Float) -> Float:
    """Sum of the squared interpolant over intervals between two values, its ends counted half.

    With d = u1 - u0 a line sampled m + 1 times gives m (u0² + u0 u1 + u1²) / 3 + d² / (6 m); below the
    reference step the two observations themselves are the samples.
    """
    smooth = intervals / 3.0 * (before * before + before * after + after * after)
    rough = np.minimum(intervals, 1.0 / np.maximum(intervals, 1.0)) / 6.0
    return np.asarray(smooth + rough * (after - before) ** 2)


def window_moments(times: Float, values: Float, rows: Rows, context: float) -> tuple[Float, Float]:
    """Mean and deviation of the windows that end at some rows, each (n_members, n_windows).

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        Of a clock on which windows begin at a row.
    values : ndarray of float64, shape (n_members, length)
    rows : ndarray of int64, shape (n_windows,)
    context : float
        In reference steps.
    """
    first = _first_rows(times, rows, context)
    return _moving_moments(times, values, rows, _LeadIn(times, values, first, times[first]))


def _moving_moments(times: Float, values: Float, last: Rows, lead_in: _LeadIn) -> tuple[Float, Float]:
    """Mean and deviation of all windows from running sums over intervals."""
    intervals, first = np.diff(times), lead_in.first
    total = times[last] - lead_in.begin + 1.0
    # Around the sequence's own mean, so that a large offset does not eat the digits of the variance.
    offset = values.mean(axis=1, keepdims=True)
    own = values - offset
    at_begin, at_last = lead_in.at_begin - offset, own[:, last]
    areas = _within(0.5 * intervals * (own[:, 1:] + own[:, :-1]), first, last)
    areas += 0.5 * lead_in.length * (at_begin + own[:, first])
    squares = _within(_squares(intervals, own[:, :-1], own[:, 1:]), first, last)
    squares += _squares(lead_in.length, at_begin, own[:, first])
    mean = (areas + 0.5 * (at_begin + at_last)) / total
    squares += 0.5 * (at_begin**2 + at_last**2)
    return mean + offset, np.sqrt(np.maximum(squares / total - mean**2, 0.0))


def _within(by_interval: Float, first: Rows, last: Rows) -> Float:
    """Sum over the intervals between rows first and last, along the last axis."""
    sums = np.concatenate([np.zeros((len(by_interval), 1)), np.cumsum(by_interval, axis=1)], axis=1)
    return np.asarray(sums[:, last] - sums[:, first])


def final_weights(times: Float, bank: ModeBank) -> Float:
    """Weights of the observations in the features of one window: features = (values - mean) @ weights.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        Instants of the observations, in reference steps; the last one is the origin.
    bank : ModeBank

    Returns
    -------
    ndarray of float64, shape (length, n_features)
    """
    weights = np.zeros((len(times), len(bank.A)), dtype=np.complex128)
    if len(times) > 1:
        intervals, which = np.unique(np.diff(times), return_inverse=True)  # gaps on a grid: few that differ
        _, previous, current = weights_by_interval(bank.A, intervals, "foh")
        to_origin = np.exp(bank.A * (times[-1] - times[1:, None]))
        weights[1:] += to_origin * current[which]
        weights[:-1] += to_origin * previous[which]
    return bank.features(weights)
