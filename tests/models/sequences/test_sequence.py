"""Regularity is found where it is, and sequences of one clock are stacked."""

import numpy as np
import pytest

from ssmts.models.sequences.grid import regular_interval
from ssmts.models.sequences.sequence import Sequence, stack_sequences


@pytest.mark.parametrize("interval", [1.0, 0.25, 4.0, 1 / 3, 1e-6, 1e6])
@pytest.mark.parametrize("length", [2, 3, 1000])
def test_a_regular_clock_has_its_interval(interval, length):
    found = regular_interval(interval * np.arange(length))
    assert found == pytest.approx(interval, rel=1e-12)


@pytest.mark.parametrize("interval", [1.0, 0.25, 4.0])
def test_jitter_below_the_tolerance_is_regular_and_above_it_is_not(interval):
    rng = np.random.default_rng(0)
    jitter = interval * rng.uniform(-1.0, 1.0, 500)
    jitter[[0, -1]] = 0.0
    grid = interval * np.arange(500)
    assert regular_interval(grid + 5e-7 * jitter) == pytest.approx(interval, rel=1e-9)
    assert regular_interval(grid + 5e-6 * jitter) is None


def test_rounding_of_an_exact_interval_is_taken_off():
    assert regular_interval(np.arange(100) * (1.0 + 2e-10)) == 1.0
    assert regular_interval(np.arange(100) * (4.0 - 4e-10)) == 4.0


def test_a_slowly_drifting_clock_keeps_its_interval():
    # 0.04 steps off at the end: rows are no longer whole reference steps apart.
    assert regular_interval(np.arange(100_001) * (1.0 + 4e-7)) == pytest.approx(1.0 + 4e-7, rel=1e-9)


def test_one_hole_makes_a_clock_irregular():
    assert regular_interval(np.delete(np.arange(100.0), 50)) is None


@pytest.mark.parametrize("times", [np.zeros(0), np.zeros(1)])
def test_a_clock_without_an_interval_is_not_regular(times):
    assert regular_interval(times) is None


def test_sequences_of_one_clock_are_stacked_in_order():
    grid, coarse = np.arange(6.0), 2.0 * np.arange(6)
    irregular = np.array([0.0, 1.0, 2.5, 3.0, 4.0, 6.0])
    clocks = [grid, irregular, coarse, grid[:4], grid + 1e-9 * np.eye(6)[3], irregular.copy(), grid]
    sequences = [
        Sequence(times, np.full(len(times), 10.0 + i), start=100.0 + i, group=i)
        for i, times in enumerate(clocks)
    ]
    stacks = stack_sequences(sequences)
    assert [stack.groups.tolist() for stack in stacks] == [[0, 4, 6], [1, 5], [2], [3]]
    for stack in stacks:
        np.testing.assert_array_equal(stack.starts, 100.0 + stack.groups)
        expected = np.repeat(10.0 + stack.groups[:, None], len(stack.times), axis=1)
        np.testing.assert_array_equal(stack.values, expected)
    assert [stack.interval for stack in stacks] == [1.0, None, 2.0, 1.0]


def test_irregular_clocks_that_differ_stay_apart():
    times = np.array([0.0, 1.0, 2.5, 3.0])
    other = np.array([0.0, 1.0, 2.4, 3.0])
    assert len(stack_sequences([Sequence(times, times), Sequence(other, times)])) == 2


def test_no_sequences_make_no_stacks():
    assert stack_sequences([]) == []
