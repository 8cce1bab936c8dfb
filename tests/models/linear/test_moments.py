"""Moments of training windows equal those of windows built one by one; blocks are parted by the horizon."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmts.models.linear import moments as moments_module
from ssmts.models.linear.moments import Moments, accumulate, floored
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.origins import future_values, origin_rows, rarely_observed
from ssmts.models.state_space import window_states as states_module
from ssmts.models.state_space.window_states import final_weights

CONTEXT, HORIZON = 30.0, 8
ONE = BlockedFolds(np.array([np.inf]))


@pytest.fixture
def explicit(bank, window_of, time_mean, time_variance):
    """Features, centred futures, absolute origins and groups of all windows of some stacks, one by one."""

    def windows(stacks, context=CONTEXT, horizon=HORIZON):
        features, futures, origins, groups = [], [], [], []
        for stack in stacks:
            times = stack.times
            intervals = np.diff(times)  # a row of a regular clock stands for the interval before it
            first = context - (intervals[0] if np.ptp(intervals) < 1e-9 else 1.0)
            for row in range(1, len(times)):
                if times[row] < first - 1e-6 or times[row] + horizon > times[-1] + 1e-6:
                    continue
                inside, window = window_of(times, stack.values, row, context)
                weights = final_weights(inside, bank)
                for values, own, start, group in zip(stack.values, window, stack.starts, stack.groups):
                    mean = time_mean(inside, own)
                    centred = own - mean
                    variance = time_variance(inside, centred)
                    features.append([*(centred @ weights), np.sqrt(variance + 0.1**2)])
                    futures.append(np.interp(times[row] + np.arange(horizon + 1), times, values) - mean)
                    origins.append(start + times[row])
                    groups.append(group)
        return np.array(features), np.array(futures), np.array(origins), np.array(groups)

    return windows


@pytest.fixture
def panel(make_stack, irregular_clock):
    """Two channels a clock: regular at 1, 1/4 and 1.5 reference steps and irregular, at different starts."""
    rng = np.random.default_rng(0)
    dense = irregular_clock(rng, 400, 0.2)
    assert np.diff(dense).max() < 1.5
    clocks = [np.arange(90.0), 0.25 * np.arange(300), 1.5 * np.arange(70), dense]
    return [
        make_stack(rng.normal(size=(2, len(t))).cumsum(axis=1) * 0.4, t, starts=[s, s + 11.5], groups=[0, 1])
        for s, t in zip((0.0, 20.0, -7.0, 40.0), clocks)
    ]


def check(moments, segment, group, features, futures):
    # Deviations come from differences of running sums: 1e-7 of them is what rounding may take.
    close = {"rtol": 1e-7, "atol": 1e-6}
    np.testing.assert_allclose(moments.A[segment, group], features.T @ features, **close)
    np.testing.assert_allclose(moments.B[segment, group], features.T @ futures, **close)
    np.testing.assert_allclose(moments.c[segment, group], (futures**2).sum(axis=0), **close)
    assert moments.count[segment, group] == len(features)


@pytest.mark.slow
def test_moments_are_those_of_explicit_windows_by_segment_and_group(panel, bank, explicit):
    segments = BlockedFolds(np.array([35.0, 50.0, np.inf]))
    moments = accumulate(panel, bank, CONTEXT, HORIZON, segments, 2)
    features, futures, origins, groups = explicit(panel)
    segment_of = np.where(origins <= 35.0, 0, np.where(origins <= 50.0, 1, 2))
    for segment in range(3):
        for group in range(2):
            chosen = (segment_of == segment) & (groups == group)
            assert chosen.any()
            check(moments, segment, group, features[chosen], futures[chosen])


@pytest.mark.slow
def test_one_group_takes_all_sequences_whatever_their_group(panel, bank, explicit):
    moments = accumulate(panel, bank, CONTEXT, HORIZON, ONE, 1)
    check(moments, 0, 0, *explicit(panel)[:2])


@pytest.mark.parametrize("group", [-1, 2])
def test_a_group_that_is_not_there_is_an_error(make_stack, bank, group):
    stack = make_stack(np.random.default_rng(1).normal(size=(2, 100)), groups=[0, group])
    with pytest.raises(ValueError, match="groups must lie in"):
        accumulate([stack], bank, CONTEXT, HORIZON, ONE, 2)


@pytest.mark.parametrize("target_bytes", [10**3, 10**4])
def test_chunks_of_windows_change_nothing(panel, bank, monkeypatch, target_bytes):
    whole = accumulate(panel, bank, CONTEXT, HORIZON, ONE, 2)
    monkeypatch.setattr(moments_module, "_TARGET_BYTES", target_bytes)
    monkeypatch.setattr(states_module, "_BLOCK_BYTES", 16 * len(bank.A) * 50)
    parts = accumulate(panel, bank, CONTEXT, HORIZON, ONE, 2)
    for name in ("A", "B", "c", "count"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-7, atol=1e-6)


def test_leads_that_were_not_observed_do_not_count(make_stack, bank, explicit):
    rng = np.random.default_rng(6)
    kept = np.sort(rng.choice(400, 200, replace=False))
    stack = make_stack(rng.normal(size=(1, 200)).cumsum(axis=1), (kept - kept[0]).astype(float))
    moments = accumulate([stack], bank, CONTEXT, HORIZON, ONE, 1).completed()
    features, futures, origins, _ = explicit([stack])
    instants = np.rint(origins[:, None] + np.arange(HORIZON + 1.0)).astype(int)
    known = np.isin(instants, kept - kept[0])
    assert 0.3 < known[:, 1:].mean() < 0.7
    windows = len(features) / known.sum(axis=0)
    np.testing.assert_allclose(moments.A[0, 0], features.T @ features, rtol=1e-6, atol=1e-6)
    expected = windows * (features.T @ (futures * known))
    np.testing.assert_allclose(moments.B[0, 0], expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(moments.c[0, 0], windows * ((futures * known) ** 2).sum(axis=0), rtol=1e-6)
    assert moments.count[0, 0] == len(features)


def test_thinning_does_not_make_the_error_look_small(make_stack, bank):
    # A line drawn through the hole from the origin itself would be easy to forecast.
    walk = np.random.default_rng(7).normal(size=4000)
    kept = np.sort(np.random.default_rng(8).choice(4000, 1000, replace=False))
    stack = make_stack(walk[kept], (kept - kept[0]).astype(float))
    moments = accumulate([stack], bank, CONTEXT, HORIZON, ONE, 1).completed()
    assert (moments.c[0, 0, 1:] / moments.count[0, 0]).min() > 0.9  # noise: nothing beats its variance


@pytest.mark.parametrize("end", [60, 130, 250])
@pytest.mark.parametrize("thin", [False, True])
def test_what_was_counted_and_what_came_later_add_up(make_stack, bank, end, thin):
    rng = np.random.default_rng(9)
    times = np.sort(rng.choice(600, 300, replace=False)) if thin else np.arange(300)
    values = rng.normal(size=(2, 300)).cumsum(axis=1)
    whole = make_stack(values, (times - times[0]).astype(float))
    before = make_stack(values[:, :end], whole.times[:end])
    rare = rarely_observed([whole], CONTEXT, HORIZON)
    old = accumulate([before], bank, CONTEXT, HORIZON, ONE, 1, rare=rare)
    new = accumulate([replace(whole, counted=end)], bank, CONTEXT, HORIZON, ONE, 1, rare=rare)
    both = accumulate([whole], bank, CONTEXT, HORIZON, ONE, 1, rare=rare)
    assert 0 < old.count[0, 0] < both.count[0, 0]
    for name in ("A", "B", "c", "count", "observed"):
        total = getattr(old, name) + getattr(new, name)
        np.testing.assert_allclose(total, getattr(both, name), rtol=1e-7, atol=1e-6)


def test_a_window_of_weight_two_is_there_twice(make_stack, bank, explicit):
    rng = np.random.default_rng(3)
    stack = make_stack(rng.normal(size=(1, 100)))
    weights = rng.integers(0, 3, (1, 100)).astype(float)
    moments = accumulate([replace(stack, weights=weights)], bank, CONTEXT, HORIZON, ONE, 1)
    features, futures, origins, _ = explicit([stack])
    often = weights[0, origins.astype(int)].astype(int)
    check(moments, 0, 0, features.repeat(often, axis=0), futures.repeat(often, axis=0))


def test_a_stride_takes_every_so_many_th_origin(make_stack, bank):
    values = np.random.default_rng(1).normal(size=(1, 100))
    moments = accumulate([make_stack(values)], bank, CONTEXT, HORIZON, ONE, 1, stride=5)
    rows = origin_rows(make_stack(values), CONTEXT, HORIZON)[::5]
    assert moments.count[0, 0] == len(rows)
    means = np.array([values[0, row - 29 : row + 1].mean() for row in rows])
    np.testing.assert_allclose(moments.c[0, 0, 0], ((values[0, rows] - means) ** 2).sum())


def test_a_longer_history_keeps_the_context_but_drops_early_origins(make_stack, bank, explicit):
    stack = make_stack(np.random.default_rng(1).normal(size=(1, 100)))
    moments = accumulate([stack], bank, CONTEXT, HORIZON, ONE, 1, history=50.0)
    features, futures, origins, _ = explicit([stack])
    late = origins >= 49.0
    check(moments, 0, 0, features[late], futures[late])


@pytest.mark.slow
def test_moments_give_the_squared_error_of_any_weights(panel, bank, explicit):
    moments = accumulate(panel, bank, CONTEXT, HORIZON, ONE, 1)
    features, futures, *_ = explicit(panel)
    W = np.random.default_rng(2).normal(size=(bank.n_features + 1, HORIZON + 1))
    A, B, c = moments.A[0, 0], moments.B[0, 0], moments.c[0, 0]
    from_moments = c - 2 * (W * B).sum(axis=0) + (W * (A @ W)).sum(axis=0)
    np.testing.assert_allclose(from_moments, ((futures - features @ W) ** 2).sum(axis=0), rtol=1e-6)


def test_moments_of_a_long_horizon_hold_those_of_a_short_one(make_stack, bank):
    stack = make_stack(np.random.default_rng(3).normal(size=(1, 60)))
    cut = make_stack(stack.values[:, :-5])
    long = accumulate([stack], bank, CONTEXT, HORIZON, ONE, 1)
    short = accumulate([cut], bank, CONTEXT, HORIZON - 5, ONE, 1)  # the same origins
    np.testing.assert_allclose(long.A, short.A)
    np.testing.assert_allclose(long.B[..., : HORIZON - 4], short.B)
    np.testing.assert_allclose(long.c[..., : HORIZON - 4], short.c)


def test_merged_sums_over_segments(panel, bank):
    segments = BlockedFolds(np.array([30.0, 50.0, 70.0, np.inf]))
    moments = accumulate(panel, bank, CONTEXT, HORIZON, segments, 2)
    merged, some = moments.merged(), moments.merged([0, 2])
    for name in ("A", "B", "c", "count"):
        parts = getattr(moments, name)
        np.testing.assert_allclose(getattr(merged, name), parts.sum(axis=0)[None])
        np.testing.assert_allclose(getattr(some, name), (parts[0] + parts[2])[None])
    assert moments.merged([]).count.sum() == 0


def test_windows_are_added_where_they_belong():
    moments = Moments.zeros(3, 2, 4, 5)
    features, future = np.random.default_rng(0).normal(size=(2, 6, 4)), np.ones((6, 5))
    moments.add(1, 0, features[0], future)
    moments.add(1, 0, features[1], future)
    check(moments, 1, 0, np.concatenate(features), np.ones((12, 5)))
    assert moments.count.sum() == 12
    assert np.abs(moments.A).sum() == pytest.approx(np.abs(moments.A[1, 0]).sum())


@pytest.mark.parametrize(
    ("interval", "context", "horizon"), [(1.0, 30.0, 8), (0.25, 10.0, 3), (4.0, 40.0, 8)]
)
def test_exactly_one_window_is_one_origin_and_less_is_none(make_stack, interval, context, horizon):
    length = int((context + horizon) / interval)
    row = int(context / interval) - 1
    one = make_stack(np.zeros(length), interval * np.arange(length))
    assert origin_rows(one, context, horizon).tolist() == [row]
    short = make_stack(np.zeros(length - 1), interval * np.arange(length - 1))
    assert len(origin_rows(short, context, horizon)) == 0
    more = make_stack(np.zeros(length + 3), interval * np.arange(length + 3))
    assert origin_rows(more, context, horizon).tolist() == [row, row + 1, row + 2, row + 3]
    assert origin_rows(more, context, horizon, stride=2).tolist() == [row, row + 2]


@pytest.mark.parametrize("length", [1, 2])
def test_a_sequence_of_one_or_two_observations_has_no_origin(make_stack, length):
    assert len(origin_rows(make_stack(np.zeros(length)), CONTEXT, HORIZON)) == 0


def test_an_origin_has_two_observations_even_in_a_context_of_one_step(make_stack):
    assert origin_rows(make_stack(np.zeros(5)), 1.5, 2).tolist() == [1, 2]
    assert len(origin_rows(make_stack(np.zeros(5)), 1.0, 2)) == 0
    holes = make_stack(np.zeros(8), np.array([0.0, 1, 2, 50, 51, 52, 53, 100]))
    assert 3 not in origin_rows(holes, 30.0, 8)  # alone in its window


def test_irregular_origins_have_their_history_and_their_future(make_stack, irregular_clock):
    clock = irregular_clock(np.random.default_rng(4), 200)
    rows = origin_rows(make_stack(np.zeros(200), clock), CONTEXT, HORIZON)
    expected = [k for k, t in enumerate(clock) if t >= CONTEXT - 1.0 and t + HORIZON <= clock[-1]]
    assert rows.tolist() == expected


@pytest.mark.parametrize("interval", [1.0, 0.25, 4.0])
def test_futures_lie_whole_reference_steps_ahead(make_stack, interval):
    times = interval * np.arange(120)
    stack = make_stack([np.zeros(120), 3.0 * times - 1.0], times)
    rows = origin_rows(stack, 16.0, 6)
    futures = future_values(stack, 1, rows, 6)
    np.testing.assert_allclose(futures, 3.0 * (times[rows][:, None] + np.arange(7)) - 1.0, atol=1e-9)


def test_futures_of_a_reference_grid_are_the_values_themselves(make_stack):
    values = np.random.default_rng(0).normal(size=50)
    futures = future_values(make_stack(values), 0, np.array([3, 43]), 6)
    np.testing.assert_array_equal(futures, [values[3:10], values[43:50]])


def test_floor_keeps_a_flat_window_from_being_blown_up():
    np.testing.assert_allclose(floored(np.array([0.0, 1.0, 10.0])), np.sqrt([0.01, 1.01, 100.01]))


@given(
    first=st.integers(-1000, 1000),
    span=st.integers(0, 3000),
    horizon=st.integers(1, 300),
    most=st.integers(2, 9),
)
def test_held_out_targets_are_never_learnt_where_there_is_room(first, span, horizon, most):
    segments = BlockedFolds.over(first, first + span, horizon, most)
    assert len(segments) == 2 * segments.n_blocks - 1
    assert 2 <= segments.n_blocks <= most
    assert (np.diff(segments.edges) > 0).all()
    assert segments.edges[-1] == np.inf
    origins = np.arange(first, first + span + 1.0)
    segment_of = segments.of(origins)
    assert (np.diff(segment_of) >= 0).all()
    if span < 4 * horizon:
        return  # the gaps had to shrink
    for block in range(segments.n_blocks):
        held = origins[segment_of == 2 * block]
        assert len(held) >= horizon
        learnt = origins[np.isin(segment_of, segments.training(block))]
        assert len(learnt)
        # Targets 1 .. horizon after a held-out origin, targets 0 .. horizon after a training origin.
        before, after = learnt[learnt < held[0]], learnt[learnt > held[-1]]
        assert (before + horizon < held[0] + 1).all()
        assert (after > held[-1] + horizon).all()


def test_short_spans_are_cut_in_two_with_a_quarter_between():
    segments = BlockedFolds.over(100.0, 140.0, 1000.0, 7)
    np.testing.assert_allclose(segments.edges, [115.0, 125.0, np.inf])
    assert segments.of(np.array([0.0, 115.0, 120.0, 126.0, 1e9])).tolist() == [0, 0, 1, 2, 2]


def test_a_single_origin_falls_into_one_block():
    segments = BlockedFolds.over(1e6, 1e6, 24.0, 7)
    assert segments.of(np.array([1e6])).tolist() == [0]


def test_training_leaves_out_the_block_and_the_gaps_beside_it():
    segments = BlockedFolds.over(0.0, 1000.0, 10.0, 4)
    assert len(segments) == 7
    assert segments.training(0) == [2, 3, 4, 5, 6]
    assert segments.training(1) == [0, 4, 5, 6]
    assert segments.training(3) == [0, 1, 2, 3, 4]
