"""Widths that follow coverage: what is known when, and the promise of adaptive conformal inference."""

import numpy as np
import pytest

from ssmts.models.uncertainty.conformal import Judged, width_path


def _judged(needs: np.ndarray, *, lead: float = 1.0) -> Judged:
    """Forecasts a step apart of one lead; `needs` are factors that hold the truth, for both intervals."""
    issued = np.arange(float(len(needs)))
    stacked = np.stack([needs[:, None]] * 2)
    return Judged(issued, issued[:, None] + lead, stacked, np.ones(1), float(len(needs)) + lead)


def test_a_truth_changes_nothing_before_it_is_known() -> None:
    rng = np.random.default_rng(0)
    needs = rng.exponential(size=200)
    changed = needs.copy()
    changed[100] = 50.0 if needs[100] < 1 else 0.0
    before, after = (width_path(_judged(own, lead=5.0), 50.0, 1.0) for own in (needs, changed))
    np.testing.assert_array_equal(before[:105], after[:105])
    assert before[105] != after[105]


@pytest.mark.slow
def test_intervals_that_are_too_narrow_or_too_wide_come_to_cover_what_they_state() -> None:
    rng = np.random.default_rng(1)
    normal = np.abs(rng.normal(size=20_000)) / 1.2816  # of an interval of 80%
    wide = np.abs(rng.normal(size=20_000)) / 1.6449  # of one of 90%
    issued = np.arange(20_000.0)
    for factor in (0.4, 3.0):
        needs = np.stack([factor * normal[:, None], factor * wide[:, None]])
        path = width_path(Judged(issued, issued[:, None] + 1.0, needs, np.ones(1), 20_001.0), 200.0, 1.0)
        assert np.mean(factor * normal <= path[:-1]) == pytest.approx(0.8, abs=0.02)
        assert np.mean(factor * wide <= path[:-1]) == pytest.approx(0.9, abs=0.02)
        assert np.median(path[5000:]) == pytest.approx(factor, rel=0.1)


def test_what_was_not_observed_counts_for_nothing() -> None:
    needs = np.full(50, np.nan)
    np.testing.assert_array_equal(width_path(_judged(needs), 50.0, 1.7), np.full(51, 1.7))
    some = np.random.default_rng(2).exponential(size=50)
    some[::3] = np.nan
    assert np.isfinite(width_path(_judged(some), 50.0, 1.0)).all()


def test_widths_stay_within_bounds() -> None:
    assert width_path(_judged(np.full(5000, 1e9)), 2.0, 1.0)[-1] == pytest.approx(10.0)
    assert width_path(_judged(np.zeros(5000)), 2.0, 1.0)[-1] == pytest.approx(0.1)
