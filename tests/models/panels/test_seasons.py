"""Seasons that are there are found, and none where there is none."""

import numpy as np

from ssmts.models.panels.grid_series import GridSeries
from ssmts.models.panels.seasons import find_seasons


def panel(make, n=30, length=200):
    rng = np.random.default_rng(0)
    return [GridSeries(make(rng, length), None, None, group) for group in range(n)]


def test_a_weekly_season_under_noise():
    def weekly(rng, length):
        return 2.0 * (np.arange(length) % 7 == 5) + rng.normal(size=length)

    assert find_seasons(panel(weekly), 14, 86400.0, []) == [7]


def test_a_day_and_a_week():
    def both(rng, length):
        hours = np.arange(length)
        return np.sin(2 * np.pi * hours / 24) + 1.0 * (hours // 24 % 7 == 6) + 0.2 * rng.normal(size=length)

    assert find_seasons(panel(both, length=1500), 48, 3600.0, []) == [24, 168]


def test_random_walks_and_noise_have_none():
    assert find_seasons(panel(lambda rng, n: np.cumsum(rng.normal(size=n))), 12, None, [11.0]) == []
    assert find_seasons(panel(lambda rng, n: rng.normal(size=n)), 12, None, [11.0]) == []
