"""Simple forecasts against values by hand."""

import numpy as np

from ssmts.models.panels.simple_forecasts import simple_forecasts, simple_names


def named(values, horizon, periods):
    return dict(zip(simple_names(periods), simple_forecasts(values[None], horizon, periods)[0]))


def test_by_hand():
    values = np.array([1.0, 5.0, 2.0, 6.0, 3.0, 7.0])
    found = named(values, 3, [2])
    np.testing.assert_allclose(found["naive"], [7, 7, 7])
    np.testing.assert_allclose(found["drift"], 7 + 1.2 * np.arange(1, 4))
    np.testing.assert_allclose(found["window_mean"], [4, 4, 4])
    np.testing.assert_allclose(found["seasonal_naive_2"], [3, 7, 3])
    np.testing.assert_allclose(found["seasonal_mean_3x2"], [2, 6, 2])
    weights = 0.7 ** np.arange(6)[::-1]
    np.testing.assert_allclose(found["ewm_0.3"], weights @ values / weights.sum())


def test_two_values_are_enough():
    found = simple_forecasts(np.array([[2.0, 3.0]]), 4, [24])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(named(np.array([2.0, 3.0]), 4, [24])["seasonal_naive_24"], [3, 3, 3, 3])
