r"""States of a mode bank on windows, by the first-order hold, without building the windows.

The state of a window that begins at observation j and ends at observation k is
:math:`s = \int e^{a(t_k - \tau)} u(\tau)\,d\tau` over :math:`[t_j, t_k]`. With X the state of the whole
sequence, :math:`s = X_k - e^{a(t_k - t_j)} X_j`: all windows of a sequence cost one scan. The constant
input 1 has a known state, so that the state of u - μ is the state of u minus μ times the state of 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ssmts.models.arrays import Complex, Float, Rows
from ssmts.models.bank import ModeBank
from ssmts.models.sequences import SequenceStack
from ssmts_kernels.hold import hold_weights

__all__ = ["WindowStates", "final_weights", "observation_weights", "window_deviation", "window_states"]

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
        Instant of each window's first observation.
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
    first_rows = window_starts(stack.times, rows, context)
    longest = int((rows - first_rows).max()) + 1
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
                yield _block(stack, bank, members, rows[block], first_rows[block], token_rows[block])
                begin = end


def window_starts(times: Float, rows: Rows, context: float) -> Rows:
    """First row of each window (origin - context, origin]."""
    return np.searchsorted(times, times[rows] - context * (1.0 - 1e-9), side="right")


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
    stack: SequenceStack, bank: ModeBank, members: Rows, rows: Rows, first_rows: Rows, token_rows: Rows
) -> WindowStates:
    low, high = int(first_rows[0]), int(rows[-1]) + 1
    times, values = stack.times[low:high], stack.values[members][:, low:high]
    first, tokens = first_rows - low, token_rows - low
    running = _scan(times, values, bank.A, stack.interval)
    mean, deviation = _moving_moments(times, values, first, rows - low)
    states = np.empty((len(values), *tokens.shape, len(bank.A)), dtype=np.complex128)
    for k, at in enumerate(tokens.T):
        spans = times[at] - times[first]
        if np.ptp(spans) < 1e-9 * max(spans[0], 1.0):
            spans = spans[:1]
        decay, _, of_one = _hold(bank.A, spans, "zoh")  # decay over the span, state of the constant 1
        here = running[at] - decay[:, None, :] * running[first]
        here -= mean.T[:, :, None] * of_one[:, None, :]
        states[:, :, k] = here.transpose(1, 0, 2)
    token_times = times[tokens] - times[tokens[:, -1:]]
    return WindowStates(members, rows, stack.times[first_rows], states, token_times, mean, deviation)


def _scan(times: Float, values: Float, A: Complex, interval: float | None) -> Complex:
    """States after every observation, (length, n_members, n_modes); 0 after the first."""
    intervals = np.diff(times) if interval is None else np.array([interval])
    A_bar, previous, current = _hold(A, intervals, "foh")
    series = values.T[:, :, None]
    states = np.zeros((len(times), len(values), len(A)), dtype=np.complex128)
    np.multiply(series[1:], current[:, None, :], out=states[1:])
    states[1:] += series[:-1] * previous[:, None, :]
    A_bar = np.broadcast_to(A_bar, (len(times) - 1, len(A)))
    carried = np.empty_like(states[0])
    for k in range(1, len(times)):
        np.multiply(states[k - 1], A_bar[k - 1], out=carried)
        states[k] += carried
    return states


def _hold(A: Complex, intervals: Float, hold: str) -> tuple[Complex, Complex, Complex]:
    """Hold weights for every interval and mode, each (n_intervals, n_modes)."""
    weights = hold_weights(torch.from_numpy(A), torch.from_numpy(intervals)[:, None], hold)
    return weights[0].numpy(), weights[1].numpy(), weights[2].numpy()


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
    squares = _squares(np.diff(times), centred).sum(axis=-1)
    ends = 0.5 * (centred[:, 0] ** 2 + centred[:, -1] ** 2)
    return np.asarray(np.sqrt((squares + ends) / (times[-1] - times[0] + 1.0)))


def _squares(intervals: Float, values: Float) -> Float:
    """Sum of the squared interpolant over each interval, its ends counted half, (n, length - 1).

    With d = u1 - u0 a line sampled m + 1 times gives m (u0² + u0 u1 + u1²) / 3 + d² / (6 m); below the
    reference step the two observations themselves are the samples.
    """
    before, after = values[:, :-1], values[:, 1:]
    smooth = intervals / 3.0 * (before * before + before * after + after * after)
    return np.asarray(smooth + np.minimum(intervals, 1.0 / intervals) / 6.0 * (after - before) ** 2)


def _moving_moments(times: Float, values: Float, first: Rows, last: Rows) -> tuple[Float, Float]:
    """Mean and deviation of all windows from running sums over intervals."""
    intervals = np.diff(times)
    total = times[last] - times[first] + 1.0
    # Around the sequence's own mean, so that a large offset does not eat the digits of the variance.
    offset = values.mean(axis=1, keepdims=True)
    own = values - offset
    areas = 0.5 * intervals * (own[:, 1:] + own[:, :-1])
    at_first, at_last = own[:, first], own[:, last]
    mean = (_within(areas, first, last) + 0.5 * (at_first + at_last)) / total
    squares = _within(_squares(intervals, own), first, last) + 0.5 * (at_first**2 + at_last**2)
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
        _, previous, current = _hold(bank.A, np.diff(times), "foh")
        to_origin = np.exp(bank.A * (times[-1] - times[1:, None]))
        weights[1:] += to_origin * current
        weights[:-1] += to_origin * previous
    return bank.features(weights)
