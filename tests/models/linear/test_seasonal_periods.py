"""Candidate periods: found where the data repeat, snapped to the calendar, silent where nothing repeats."""

import warnings

import numpy as np
import pytest

from ssmts.models.linear.seasonal_periods import CALENDAR_SECONDS, candidate_periods

HOUR, WEEK = CALENDAR_SECONDS["hour"], CALENDAR_SECONDS["week"]


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=2000)


@pytest.mark.parametrize("period", [3.3, 7.0, 12.5, 24.0, 30.0, 100.0])
def test_a_sine_in_noise_has_its_period_first(make_stack, noise, period):
    series = np.sin(2 * np.pi * np.arange(2000) / period) + noise
    found = candidate_periods([make_stack(series)], 720.0)
    assert abs(1 / found[0] - 1 / period) < 0.2 / 2000  # a fifth of what two frequencies must differ by


def test_two_sines_are_both_found_the_stronger_first(make_stack, noise):
    t = np.arange(2000)
    series = np.sin(2 * np.pi * t / 37.0) + 3.0 * np.sin(2 * np.pi * t / 10.3) + 0.3 * noise
    found = candidate_periods([make_stack(series)], 720.0)
    np.testing.assert_allclose(found[:2], [10.3, 37.0], rtol=2e-3)


@pytest.mark.parametrize("on", [6, 12, 20])
def test_a_shape_rich_in_harmonics_has_its_fundamental_first_and_no_harmonic(make_stack, noise, on):
    series = 1.0 * (np.arange(2000) % 50 < on) + 0.1 * noise
    found = candidate_periods([make_stack(series)], 720.0)
    assert found[0] == pytest.approx(50.0, rel=2e-3)
    ratios = 50.0 / np.array(found[1:])
    assert (np.abs(ratios - np.round(ratios)) > 0.01).all()


@pytest.mark.parametrize(("period", "step_seconds"), [(50, None), (168, None), (24, HOUR)])
def test_a_pulse_has_its_fundamental_among_the_candidates(make_stack, noise, period, step_seconds):
    pulse = 1.0 * (np.arange(2000) % period == 7)
    found = candidate_periods([make_stack(pulse + 0.03 * noise)], 720.0, step_seconds)
    assert np.abs(np.array(found) / period - 1).min() < 0.02


@pytest.mark.parametrize(
    ("period", "step_seconds", "exact"),
    [
        (23.97, HOUR, 24.0),
        (95.8, HOUR / 4, 96.0),
        (167.0, HOUR, 168.0),
        (52.0, WEEK, 52.1775),
        (7.01, 24 * HOUR, 7.0),
        (60.05, 60.0, 60.0),
    ],
)
def test_a_peak_beside_a_calendar_unit_takes_its_exact_length(make_stack, noise, period, step_seconds, exact):
    stack = make_stack(np.sin(2 * np.pi * np.arange(2000) / period) + 0.5 * noise)
    assert candidate_periods([stack], 720.0, step_seconds)[0] == pytest.approx(exact, rel=1e-12)
    assert candidate_periods([stack], 720.0)[0] == pytest.approx(period, rel=2e-3)


@pytest.mark.parametrize("period", [20.0, 22.5, 23.3])
def test_a_period_beside_no_calendar_unit_is_left_as_it_is(make_stack, noise, period):
    stack = make_stack(np.sin(2 * np.pi * np.arange(2000) / period) + 0.5 * noise)
    assert candidate_periods([stack], 720.0, HOUR)[0] == pytest.approx(period, rel=2e-3)


def test_a_harmonic_of_the_day_speaks_for_the_day(make_stack, noise):
    stack = make_stack(np.sin(2 * np.pi * np.arange(2000) / 12.0) + 0.5 * noise)
    assert 24.0 in candidate_periods([stack], 720.0, HOUR)


def test_no_period_is_longer_than_asked_for(make_stack, noise):
    stack = make_stack(np.sin(2 * np.pi * np.arange(2000) / 100.0) + 0.1 * noise)
    assert candidate_periods([stack], 720.0)[0] == pytest.approx(100.0, rel=2e-3)
    assert all(period <= 60.0 for period in candidate_periods([stack], 60.0))
    assert len(candidate_periods([stack], 720.0, most=1)) == 1


@pytest.mark.parametrize("walk", [False, True], ids=["white", "walk"])
@pytest.mark.parametrize("length", [300, 2000])
def test_noise_has_a_calendar_period_by_accident_at_most(make_stack, walk, length):
    hits, n_seeds = 0, 40
    for seed in range(n_seeds):
        series = np.random.default_rng(seed).normal(size=length)
        series = series.cumsum() if walk else series
        found = candidate_periods([make_stack(series)], length / 3, HOUR)
        hits += bool({24.0, 168.0} & set(found))
    assert hits <= 0.15 * n_seeds


def test_white_noise_has_no_candidates(make_stack):
    found = [
        candidate_periods([make_stack(np.random.default_rng(seed).normal(size=2000))], 720.0)
        for seed in range(20)
    ]
    assert sum(map(bool, found)) <= 4


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_irregular_clocks_are_read_in_reference_steps(make_stack, irregular_clock, scale):
    rng = np.random.default_rng(1)
    clock = irregular_clock(rng, 2000, scale)
    series = np.sin(2 * np.pi * clock / 24.0) + 0.3 * rng.normal(size=2000)
    assert candidate_periods([make_stack(series, clock)], 200.0, HOUR)[0] == 24.0


def test_rates_and_lengths_may_differ_within_a_panel(make_stack):
    rng = np.random.default_rng(2)
    clocks = [np.arange(1000.0), 0.25 * np.arange(3000), 4.0 * np.arange(300), np.arange(40.0)]
    stacks = [make_stack(np.sin(2 * np.pi * t / 31.0) + 0.3 * rng.normal(size=len(t)), t) for t in clocks]
    assert candidate_periods(stacks, 300.0)[0] == pytest.approx(31.0, rel=5e-3)


def test_many_sequences_speak_together(make_stack):
    rng = np.random.default_rng(3)
    values = 0.35 * np.sin(2 * np.pi * np.arange(500) / 17.0) + rng.normal(size=(16, 500))
    assert candidate_periods([make_stack(values)], 200.0)[0] == pytest.approx(17.0, rel=5e-3)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 16, 30])
def test_short_series_are_no_error(make_stack, length):
    series = np.random.default_rng(4).normal(size=length)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = candidate_periods([make_stack(series)], 720.0, HOUR)
    assert all(3.0 <= period <= 720.0 for period in found)


def test_a_constant_has_no_period(make_stack, noise):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert candidate_periods([make_stack(np.zeros(500))], 100.0, HOUR) == []
        assert candidate_periods([make_stack(np.full((3, 500), 0.5))], 100.0, HOUR) == []
        wave = np.sin(2 * np.pi * np.arange(500) / 20.0)
        beside = candidate_periods([make_stack([np.full(500, 0.5), wave + 0.1 * noise[:500]])], 100.0)
    assert beside[0] == pytest.approx(20.0, rel=2e-3)


@pytest.mark.parametrize(
    "series", [np.full(500, 1e6 + 0.1), np.linspace(0.0, 1.0, 500)], ids=["offset", "ramp"]
)
def test_rounding_of_a_constant_or_a_ramp_has_no_period(make_stack, series):
    assert candidate_periods([make_stack(series)], 100.0, HOUR) == []


@pytest.mark.parametrize("offset", [-1e4, 1e4])
def test_offset_scale_and_drift_do_not_matter(make_stack, noise, offset):
    t = np.arange(2000)
    series = np.sin(2 * np.pi * t / 30.0) + 0.5 * noise
    plain = candidate_periods([make_stack(series)], 720.0, most=1)
    moved = candidate_periods([make_stack(offset + 7.0 * series + 0.01 * t)], 720.0, most=1)
    np.testing.assert_allclose(moved, plain, rtol=1e-3)
