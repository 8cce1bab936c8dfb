"""States of windows against numerical integration, matrix exponentials and explicit windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from ssmts.models.state_space import window_states as states_module
from ssmts.models.state_space.modes import make_bank
from ssmts.models.state_space.window_states import (
    final_weights,
    observation_weights,
    window_deviation,
    window_states,
)

CONTEXT = 40.0
ROWS = np.array([1, 2, 30, 31, 90, 91, 92, 158, 159])


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(3, 160)).cumsum(axis=1) * 0.3 + 2.0


def augmented(times, values, a):
    """The state of one mode by exponentials of the real system of state, input and slope."""
    state = np.zeros(2)
    for k in range(1, len(times)):
        delta = times[k] - times[k - 1]
        system = np.zeros((4, 4))
        system[:2, :2] = [[a.real, -a.imag], [a.imag, a.real]]
        system[0, 2] = system[2, 3] = 1.0
        slope = (values[k] - values[k - 1]) / delta
        state = (expm(system * delta) @ [*state, values[k - 1], slope])[:2]
    return state[0] + 1j * state[1]


def test_states_are_the_integrals_of_the_linear_interpolant(
    make_stack, bank, clock, values, all_windows, integrate, time_mean, window_of
):
    windows = all_windows(make_stack(values, clock), bank, CONTEXT, ROWS)
    for w, row in enumerate(ROWS):
        times, series = window_of(clock, values, row, CONTEXT)
        for member in (0, 2):
            centred = series[member] - time_mean(times, series[member])
            expected = [integrate(times, centred, a) for a in bank.A]
            np.testing.assert_allclose(windows.states[member, w, -1], expected, rtol=1e-9, atol=1e-9)


def test_states_are_those_of_matrix_exponentials(
    make_stack, bank, clock, values, all_windows, time_mean, window_of
):
    rows = np.array([60, 159])
    windows = all_windows(make_stack(values, clock), bank, CONTEXT, rows)
    for w, row in enumerate(rows):
        times, series = window_of(clock, values[1], row, CONTEXT)
        centred = series[0] - time_mean(times, series[0])
        for n in (0, 3, 4, 9, len(bank.A) - 1):
            expected = augmented(times, centred, bank.A[n])
            np.testing.assert_allclose(windows.states[1, w, -1, n], expected, rtol=1e-9, atol=1e-9)


def test_final_weights_of_the_window_alone_give_the_same_features(
    make_stack, bank, clock, values, all_windows, window_of
):
    windows = all_windows(make_stack(values, clock), bank, CONTEXT, ROWS)
    for w, row in enumerate(ROWS):
        times, series = window_of(clock, values, row, CONTEXT)
        weights = final_weights(times, bank)
        assert weights.shape == (len(times), bank.n_features)
        centred = series - windows.mean[:, w, None]
        features = bank.features(windows.states[:, w, -1])
        np.testing.assert_allclose(features, centred @ weights, rtol=1e-9, atol=1e-9)


def test_mean_and_deviation_are_time_weighted(
    make_stack, bank, clock, values, all_windows, time_mean, time_variance, window_of
):
    windows = all_windows(make_stack(values, clock), bank, CONTEXT, ROWS)
    for w, row in enumerate(ROWS):
        times, own = window_of(clock, values, row, CONTEXT)
        for member, series in enumerate(own):
            mean = time_mean(times, series)
            deviation = np.sqrt(time_variance(times, series - mean))
            assert windows.mean[member, w] == pytest.approx(mean, abs=1e-12)
            assert windows.deviation[member, w] == pytest.approx(deviation, abs=1e-6)
            alone = window_deviation(times, (series - mean)[None])[0]
            assert windows.deviation[member, w] == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("times", [np.array([0.0, 3.0, 4.0, 10.0]), 4.0 * np.arange(9), np.arange(5.0)])
def test_the_deviation_is_that_of_the_interpolant_on_the_reference_grid(times):
    values = np.random.default_rng(0).normal(size=len(times))
    grid = np.interp(np.arange(times[-1] + 1), times, values)
    centred = values - observation_weights(times) @ values
    assert window_deviation(times, centred[None])[0] == pytest.approx(grid.std(), abs=1e-12)


def test_mean_and_deviation_are_the_plain_ones_on_the_reference_grid(make_stack, bank, values, all_windows):
    rows = np.arange(60, 160)
    windows = all_windows(make_stack(values, np.arange(160.0)), bank, 12, rows)
    plain = np.lib.stride_tricks.sliding_window_view(values, 12, axis=1)[:, rows - 11]
    np.testing.assert_allclose(windows.mean, plain.mean(axis=-1), atol=1e-12)
    np.testing.assert_allclose(windows.deviation, plain.std(axis=-1), atol=1e-9)


@pytest.mark.parametrize("times", [np.array([0.0, 3.0, 4.0, 10.0]), 4.0 * np.arange(9), np.arange(5.0)])
def test_the_mean_is_that_of_the_interpolant_on_the_reference_grid(times):
    values = np.random.default_rng(0).normal(size=len(times))
    grid = np.interp(np.arange(times[-1] + 1), times, values)
    assert observation_weights(times) @ values == pytest.approx(grid.mean(), abs=1e-12)


def test_observation_weights_are_shares_of_time():
    np.testing.assert_allclose(observation_weights(np.arange(5.0)), 0.2)
    np.testing.assert_allclose(
        observation_weights(np.array([0.0, 1.0, 3.0])), np.array([1.0, 1.5, 1.5]) / 4.0
    )
    np.testing.assert_array_equal(observation_weights(np.zeros(1)), [1.0])


def test_a_single_observation_has_no_state(make_stack, bank, all_windows):
    windows = all_windows(make_stack([3.0], np.zeros(1)), bank, CONTEXT, np.array([0]))
    np.testing.assert_array_equal(windows.states, 0.0)
    np.testing.assert_array_equal(windows.mean, [[3.0]])
    np.testing.assert_array_equal(windows.deviation, 0.0)
    np.testing.assert_array_equal(final_weights(np.zeros(1), bank), 0.0)


def test_no_rows_make_no_blocks(make_stack, bank, values):
    assert list(window_states(make_stack(values), bank, CONTEXT, np.zeros(0, dtype=np.int64))) == []


@pytest.mark.parametrize(("n_rows_held", "stride"), [(1, None), (100, None), (100, 7.0), (333, 7.0)])
def test_splitting_into_blocks_changes_nothing(
    make_stack, bank, clock, values, all_windows, monkeypatch, n_rows_held, stride
):
    stack, rows = make_stack(values, clock), np.arange(1, 160, 3)
    whole = all_windows(stack, bank, CONTEXT, rows, stride)
    monkeypatch.setattr(states_module, "_BLOCK_BYTES", 16 * len(bank.A) * n_rows_held)
    split = all_windows(stack, bank, CONTEXT, rows, stride)
    assert whole.n_blocks == 1
    assert split.n_blocks > 1
    np.testing.assert_allclose(split.states, whole.states, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(split.token_times, whole.token_times, atol=1e-12)
    np.testing.assert_allclose(split.mean, whole.mean, atol=1e-12)
    np.testing.assert_allclose(split.deviation, whole.deviation, atol=1e-7)


def test_a_window_knows_nothing_but_the_line_into_it(make_stack, bank, clock, values, all_windows):
    row = 100
    first = np.searchsorted(clock, clock[row] - (CONTEXT - 1.0) - 1e-9)
    inside = np.arange(max(first - 1, 0), row + 1)
    changed = values + 50.0
    changed[:, inside] = values[:, inside]
    both = [all_windows(make_stack(v, clock), bank, CONTEXT, np.array([row])) for v in (values, changed)]
    np.testing.assert_allclose(both[0].states, both[1].states, atol=1e-9)
    np.testing.assert_allclose(both[0].mean, both[1].mean, atol=1e-9)
    np.testing.assert_allclose(both[0].deviation, both[1].deviation, atol=1e-6)


def test_large_offsets_lose_little(make_stack, clock, values, all_windows):
    bank = make_bank(CONTEXT, 32, 12.0)
    rows = np.arange(1, 160)
    near, far = (all_windows(make_stack(values + off, clock), bank, CONTEXT, rows) for off in (0.0, 1e6))
    assert np.abs(bank.features(near.states) - bank.features(far.states)).max() < 1e-6
    np.testing.assert_allclose(far.mean - 1e6, near.mean, atol=1e-6)
    np.testing.assert_allclose(far.deviation, near.deviation, atol=1e-6)


@settings(max_examples=60)
@given(data=st.data())
def test_points_of_the_interpolant_itself_change_no_state(data):
    bank = make_bank(30.0, 16, 8.0)
    gaps = data.draw(st.lists(st.floats(0.05, 6.0), min_size=1, max_size=12))
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    values = np.array(data.draw(st.lists(st.floats(-9.0, 9.0), min_size=len(times), max_size=len(times))))
    shares = data.draw(st.lists(st.floats(0.02, 0.98), min_size=1, max_size=6))
    more = np.unique(np.round(np.concatenate([times, times[-1] * np.array(shares)]), 6))
    times = np.round(times, 6)
    held = np.interp(more, times, values)
    expected = values @ final_weights(times, bank)
    np.testing.assert_allclose(held @ final_weights(more, bank), expected, rtol=1e-7, atol=1e-7)


def test_a_finer_grid_of_the_interpolant_has_the_same_states(make_stack, bank, values, all_windows):
    times, fine = np.arange(160.0), 0.25 * np.arange(637)
    held = np.array([np.interp(fine, times, series) for series in values])
    rows = np.arange(60, 160)
    coarse = all_windows(make_stack(values, times), bank, 1e3, rows)
    finer = all_windows(make_stack(held, fine), bank, 1e3, 4 * rows)
    of_one = np.expm1(bank.A * rows[:, None]) / bank.A  # all windows begin at the first observation
    uncentred = [w.states[:, :, -1] + w.mean[:, :, None] * of_one for w in (coarse, finer)]
    np.testing.assert_allclose(uncentred[0], uncentred[1], rtol=1e-9, atol=1e-9)
