"""Clocks that tick in nanoseconds: forecasts do not depend on how long after 1970 the data begin."""

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster


@pytest.mark.parametrize("step", [1, 2, 100, 1_000_000])
@pytest.mark.parametrize("n_channels", [1, 30])  # linear branch, panel branch
@pytest.mark.slow
def test_the_first_stamp_does_not_matter(step, n_channels):
    noise = np.random.default_rng(0).normal(0, 0.1, 300)
    wave = np.sin(np.arange(300) * 2 * np.pi / 24) + noise
    values = np.stack([np.roll(wave, k) for k in range(n_channels)], axis=1)
    found = []
    for first in (0, 10**18 + 12_345):
        frame = pd.DataFrame(values, index=pd.DatetimeIndex(first + np.arange(300) * step))
        model = LinearSSMForecaster(horizon=12).fit(frame)
        forecast = model.predict()
        np.testing.assert_array_equal(forecast.index.asi8, first + (300 + np.arange(12)) * step)
        backtest = model.backtest(frame, stride=40)
        at = model.predict(frame.iloc[:200], at=pd.DatetimeIndex([first + 205 * step]))
        found.append(
            np.concatenate([forecast.to_numpy().ravel(), backtest["forecast"], at.to_numpy().ravel()])
        )
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
