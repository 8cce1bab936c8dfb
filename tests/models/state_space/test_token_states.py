"""Tokens: their states are those of the window cut short, their grid is fixed in absolute time."""

import numpy as np
import pytest

CONTEXT, STRIDE = 40.0, 7.0


@pytest.fixture
def values():
    return np.random.default_rng(2).normal(size=(2, 160)).cumsum(axis=1)


def test_token_states_are_those_of_the_window_up_to_the_token(
    make_stack, bank, clock, values, all_windows, integrate, time_mean, window_of
):
    rows = np.array([70, 111, 159])
    windows = all_windows(make_stack(values, clock), bank, CONTEXT, rows, STRIDE)
    assert windows.token_times.shape == (3, 6)
    for w, row in enumerate(rows):
        times, series = window_of(clock, values[1], row, CONTEXT)
        centred = series[0] - time_mean(times, series[0])
        for token, instant in enumerate(windows.token_times[w]):
            until = np.flatnonzero(times - clock[row] <= instant + 1e-9)
            assert times[until[-1]] - clock[row] == pytest.approx(instant, abs=1e-9)
            expected = [integrate(times[until], centred[until], a) for a in bank.A]
            np.testing.assert_allclose(windows.states[1, w, token], expected, rtol=1e-9, atol=1e-9)


def test_the_last_token_is_the_origin_and_tokens_rise(make_stack, bank, clock, values, all_windows):
    rows = np.arange(1, 160)
    stack = make_stack(values, clock)
    windows = all_windows(stack, bank, CONTEXT, rows, STRIDE)
    np.testing.assert_array_equal(windows.token_times[:, -1], 0.0)
    assert (np.diff(windows.token_times, axis=1) >= 0).all()
    assert (windows.token_times > -CONTEXT).all()
    alone = all_windows(stack, bank, CONTEXT, rows)
    np.testing.assert_allclose(windows.states[:, :, -1], alone.states[:, :, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("start", [0.0, 3.0, 1e6 + 5.25, -17.5])
def test_tokens_before_the_origin_lie_on_multiples_of_the_stride(
    make_stack, bank, values, all_windows, start
):
    times = 0.25 * np.arange(160)
    rows = np.arange(120, 160)
    stack = make_stack(values, times, starts=np.full(2, start))
    windows = all_windows(stack, bank, 20.0, rows, STRIDE)
    instants = start + times[rows][:, None] + windows.token_times[:, 1:-1]
    np.testing.assert_allclose(instants / STRIDE, np.round(instants / STRIDE), atol=1e-9)
    origins = start + times[rows]
    np.testing.assert_allclose(instants[:, -1], STRIDE * (np.ceil(origins / STRIDE - 1e-9) - 1))


def test_cutting_off_the_beginning_moves_no_token(make_stack, bank, values, all_windows, irregular_clock):
    clock = irregular_clock(np.random.default_rng(3), 160)
    cut, rows = 41, np.arange(120, 160)
    whole = all_windows(make_stack(values, clock, starts=np.full(2, 10.0)), bank, CONTEXT, rows, STRIDE)
    later = make_stack(values[:, cut:], clock[cut:] - clock[cut], starts=np.full(2, 10.0 + clock[cut]))
    shifted = all_windows(later, bank, CONTEXT, rows - cut, STRIDE)
    np.testing.assert_allclose(shifted.token_times, whole.token_times, atol=1e-9)
    np.testing.assert_allclose(shifted.states, whole.states, rtol=1e-8, atol=1e-8)


def test_every_member_of_a_stack_has_the_absolute_grid(make_stack, bank, values, all_windows):
    rows = np.arange(100, 160)
    starts = np.array([0.0, 3.0])
    together = all_windows(make_stack(values, starts=starts), bank, CONTEXT, rows, STRIDE)
    for member in (0, 1):
        alone = make_stack(values[member], starts=starts[[member]])
        expected = all_windows(alone, bank, CONTEXT, rows, STRIDE)
        np.testing.assert_allclose(together.states[member], expected.states[0], rtol=1e-9, atol=1e-9)


def test_a_stride_as_long_as_the_context_leaves_the_origin(make_stack, bank, values, all_windows):
    rows = np.arange(50, 160)
    stack = make_stack(values)
    one = all_windows(stack, bank, CONTEXT, rows, CONTEXT)
    assert one.token_times.shape == (110, 1)
    np.testing.assert_allclose(one.states, all_windows(stack, bank, CONTEXT, rows).states)


def test_a_token_before_the_first_observation_is_empty(make_stack, bank, values, all_windows):
    windows = all_windows(make_stack(values), bank, CONTEXT, np.array([3]), STRIDE)
    np.testing.assert_array_equal(windows.token_times[0], [-3, -3, -3, -3, -3, 0])
    np.testing.assert_array_equal(windows.states[:, 0, :-1], 0.0)
