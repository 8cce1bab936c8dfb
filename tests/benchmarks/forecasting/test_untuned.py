"""The table of series nobody tuned on: what its rows are, on a series that can be checked by hand."""

import numpy as np
import pytest

from benchmarks.forecasting.untuned import last_value, page, ridge_on_lags, scores, seasonal_naive
from benchmarks.forecasting.untuned_series import Series, untuned_series


def test_scores_are_errors_over_those_of_the_seasonal_naive_forecast():
    values = np.arange(100.0)  # a step of 4 a season, so the naive error is 4 inside, and 4 ahead
    found = scores(Series("line", values, 4, 4), {"naive": seasonal_naive, "last": last_value})
    assert found["n_origins"] == 5
    assert found["mase"]["naive"] == pytest.approx(1.0)
    assert found["mase"]["last"] == pytest.approx((1 + 2 + 3 + 4) / 4 / 4)


def test_ridge_on_lags_follows_a_wave_it_has_seen():
    wave = np.sin(np.arange(400) * 2 * np.pi / 12)
    series = Series("wave", wave, 12, 12)
    told = ridge_on_lags(wave[:360], series)
    np.testing.assert_allclose(told, wave[360:372], atol=0.05)


def test_page_has_ranks_and_names_the_best():
    rows = [
        {"series": "a", "length": 9, "horizon": 2, "n_origins": 1, "mase": mase, "cpu_s": {"x": 0, "y": 0}}
        for mase in ({"x": 0.5, "y": 1.0}, {"x": 0.7, "y": 0.6})
    ]
    text = page(rows)
    assert "**0.500**" in text
    assert "**0.600**" in text
    assert "| mean rank |  |  |  | 1.50 | 1.50 |" in text


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_series_are_finite_and_long_enough():
    found = untuned_series()
    assert len(found) >= 6
    for series in found:
        assert series.values.ndim == 1
        assert np.isfinite(series.values).all(), series.name
        assert len(series.values) // 5 >= series.horizon, series.name
