"""Data at the edge of what a forecaster meets; a warning would fail these tests."""

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster

GENERATOR = np.random.default_rng(0)
HOURS = pd.date_range("2020-01-01", periods=3000, freq="h")
SPARSE = pd.DataFrame({"y": np.sin(np.arange(3000) / 200)}, index=HOURS).where(
    GENERATOR.random((3000, 1)) < 0.01
)


@pytest.mark.parametrize(
    ("X", "horizon", "context", "shape"),
    [
        pytest.param(GENERATOR.normal(size=120), 8, 32, (8, 2), id="one channel"),
        pytest.param(GENERATOR.normal(size=(120, 1000)), 8, 32, (8, 1000, 2), id="1,000 channels"),
        pytest.param(GENERATOR.normal(size=(10_000, 24, 1)), 4, 8, (10_000, 4, 1, 2), id="10,000 series"),
        pytest.param(SPARSE, "7D", "30D", None, id="99% missing"),
    ],
)
@pytest.mark.slow
def test_fit_forecast_and_intervals(X, horizon, context, shape) -> None:
    model = LinearSSMForecaster(horizon, context, n_modes=32).fit(X)
    forecast, intervals = np.asarray(model.predict()), np.asarray(model.predict_interval())
    assert np.isfinite(forecast).all()
    assert np.isfinite(intervals).all()
    assert (intervals[..., 0] <= intervals[..., 1]).all()
    if shape is None:
        assert len(intervals) == len(forecast) > 0
    else:
        assert intervals.shape == shape


@pytest.mark.parametrize("level", [0.0, 5.0, -1e9])
def test_a_constant_series_stays_what_it_is_for_sure(level: float) -> None:
    model = LinearSSMForecaster(8, 32).fit(np.full(300, level))
    np.testing.assert_allclose(model.predict(), level, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.predict_interval(), level, rtol=1e-9, atol=1e-9)
