"""Sequences, banks and states by numerical integration for the tests of the linear branch."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from ssmts.models.sequences.sequence import Sequence, stack_sequences
from ssmts.models.state_space.modes import make_bank
from ssmts.models.state_space.window_states import window_states


def random_clock(rng, length, scale=1.0):
    """Irregular times from 0: intervals between a tenth and about four times the scale."""
    return np.concatenate([[0.0], np.cumsum(scale * (0.1 + rng.exponential(0.9, length - 1)))])


CLOCKS = {
    "reference": lambda rng, length: np.arange(float(length)),
    "finer": lambda rng, length: 0.25 * np.arange(length),
    "coarser": lambda rng, length: 4.0 * np.arange(length),
    "irregular": random_clock,
}


@pytest.fixture(params=CLOCKS)
def clock(request):
    """Times of 160 observations: regular at 1, 1/4 and 4 reference steps, and irregular."""
    return CLOCKS[request.param](np.random.default_rng(5), 160)


@pytest.fixture
def irregular_clock():
    """Make irregular times: irregular_clock(rng, length, scale)."""
    return random_clock


@pytest.fixture
def make_stack():
    """Stack values (n, length) or (length,) on one clock: make_stack(values, times, starts, groups)."""

    def make(values, times=None, starts=None, groups=None):
        values = np.atleast_2d(np.asarray(values, dtype=np.float64))
        times = np.arange(float(values.shape[1])) if times is None else times
        starts = np.zeros(len(values)) if starts is None else starts
        groups = np.full(len(values), -1) if groups is None else groups
        members = [Sequence(times, *rest) for rest in zip(values, starts, groups)]
        (stack,) = stack_sequences(members)
        return stack

    return make


@pytest.fixture
def bank():
    """Bank of the size of a small model: 4 real modes and two frequencies with 6 decay times each."""
    return make_bank(40.0, 16, 12.0)


@dataclass
class Windows:
    """All windows of a stack, put together from the blocks: (n_members, n_windows, ...)."""

    states: np.ndarray
    token_times: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    n_blocks: int


@pytest.fixture
def all_windows():
    """States of windows in one piece; every pair of member and row comes in exactly one block."""

    def collect(stack, bank, context, rows, token_stride=None):
        blocks = list(window_states(stack, bank, context, rows, token_stride))
        n, n_tokens = len(stack.values), blocks[0].token_times.shape[1]
        seen = np.zeros((n, len(rows)), dtype=int)
        out = Windows(
            np.full((n, len(rows), n_tokens, len(bank.A)), np.nan + 0j),
            np.full((len(rows), n_tokens), np.nan),
            np.full((n, len(rows)), np.nan),
            np.full((n, len(rows)), np.nan),
            len(blocks),
        )
        for block in blocks:
            at = np.searchsorted(rows, block.rows)
            here = np.ix_(block.members, at)
            seen[here] += 1
            out.states[here] = block.states
            out.mean[here], out.deviation[here] = block.mean, block.deviation
            out.token_times[at] = block.token_times
        assert (seen == 1).all()
        return out

    return collect


@pytest.fixture
def integrate():
    """∫ exp(a (T - τ)) u(τ) dτ over the clock for u linear between observations, by Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(12)

    def state(times, values, a, until=None):
        until = times[-1] if until is None else until
        if len(times) < 2:
            return 0j
        pieces = int(np.ceil(abs(a) * np.diff(times).max())) + 1
        cuts = np.unique(np.concatenate([np.linspace(*ends, pieces + 1) for ends in pairwise(times)]))
        half = 0.5 * np.diff(cuts)[:, None]
        tau = 0.5 * (cuts[1:] + cuts[:-1])[:, None] + half * nodes
        return (half * weights * np.exp(a * (until - tau)) * np.interp(tau, times, values)).sum()

    return state


@pytest.fixture
def time_mean():
    """Mean of observations, each for half of the intervals beside it, at the ends for half a step instead."""

    def mean(times, values):
        if len(times) == 1:
            return values[0]
        area = np.trapezoid(values, times) + 0.5 * (values[0] + values[-1])
        return area / (times[-1] - times[0] + 1.0)

    return mean


@pytest.fixture
def time_variance():
    """Mean square of the interpolant of centred observations on the reference grid, interval by interval."""

    def variance(times, centred):
        total = 0.5 * (centred[0] ** 2 + centred[-1] ** 2)
        for (t0, t1), (u0, u1) in zip(pairwise(times), pairwise(centred)):
            m, share = t1 - t0, np.linspace(0.0, 1.0, 2001)
            square = np.trapezoid((u0 + (u1 - u0) * share) ** 2, share)
            total += m * square + min(m, 1.0 / m) * (u1 - u0) ** 2 / 6.0
        return total / (times[-1] - times[0] + 1.0)

    return variance


@pytest.fixture
def window_of():
    """A window by its definition: from origin - (context - 1) on, the first value interpolated."""

    def window(times, values, origin, context):
        begin = max(times[origin] - (context - 1.0), times[0])
        inside = (times > begin + 1e-6) & (times <= times[origin])
        clock = np.concatenate([[begin], times[inside]])
        return clock, np.array([np.interp(clock, times, own) for own in np.atleast_2d(values)])

    return window
