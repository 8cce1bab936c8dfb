"""Forecasts against processes whose best possible error is known."""

import numpy as np
import pytest

from ssmts import LinearSSMForecaster
from ssmts.metrics import mse
from ssmts_datasets import make_ar, make_damped_oscillators, make_sines


def test_noisy_sines_are_forecast_almost_as_well_as_can_be(new_model):
    sines = make_sines(3000, periods=[24.0, 8.0], noise=0.1, random_state=0)
    train, test = sines.frame.iloc[:2000], sines.frame.iloc[2000:]
    model = new_model(12, 96, n_modes=48).fit(train)
    error = -model.score(test) * train.to_numpy().var()
    assert error < 1.15 * sines.forecast_mse(np.arange(1, 13)).mean()


def test_an_autoregression_is_forecast_almost_as_well_as_can_be(new_model):
    process = make_ar(3000, n_series=4, random_state=0)
    cut = process.times[0][2000]
    train, test = process.frame[process.frame["ds"] < cut], process.frame[process.frame["ds"] >= cut]
    model = new_model(6, 48, n_modes=48).fit(train)
    found = -model.score(test)  # in units of each series' training scale, all nearly alike
    scale = train.groupby("unique_id")["y"].var(ddof=0).mean()
    assert found * scale < 1.15 * process.forecast_mse(np.arange(1, 7)).mean()


def test_the_first_steps_of_an_autoregression_beside_its_own_recursion(new_model):
    X = make_ar(2000, random_state=3).frame
    y = X["y"].to_numpy()
    model = new_model(2, 24, n_modes=48).fit(X.iloc[:1500])
    origins = np.arange(1500, 1998, 3)
    found = np.stack([model.predict(X.iloc[k - 24 : k]).to_numpy()[:, 0] for k in origins])
    one = 1.5 * y[origins - 1] - 0.75 * y[origins - 2]
    best = np.stack([one, 1.5 * one - 0.75 * y[origins - 1]], axis=1)
    truth = np.stack([y[k : k + 2] for k in origins])
    errors, least = ((found - truth) ** 2).mean(axis=0), ((best - truth) ** 2).mean(axis=0)
    assert (errors < 1.2 * least).all()


def test_damped_oscillators_ring_down(new_model):
    rings = make_damped_oscillators(
        600, n_series=4, damping=0.005, periods=[30.0, 11.0], noise=0.001, random_state=0
    )
    train = rings.frame[rings.frame["ds"] < rings.times[0][450]]
    forecast = new_model(12, 60, n_modes=48).fit(train).predict()
    for number, name in enumerate(rings.ids):
        own = forecast[forecast["unique_id"] == name]
        truth = rings.truth(own["ds"].to_numpy(), series=number)[:, 0]
        assert np.abs(own["y"] - truth).max() < 0.02 * truth.std()


@pytest.mark.parametrize("slope", [0.5, -20.0])
def test_a_straight_line_goes_on(new_model, slope):
    values = 3.0 + slope * np.arange(300.0)
    forecast = new_model().fit(values).predict()
    np.testing.assert_allclose(forecast, 3.0 + slope * np.arange(300, 312), rtol=1e-3)


def test_better_than_the_last_value_and_the_mean(model, frame, sines):
    train = frame.iloc[:300]
    forecast = LinearSSMForecaster(12, 48, n_modes=24).fit(train).predict()
    truth = sines.truth(forecast.index.to_numpy())
    last = np.repeat(train.tail(1).to_numpy(), 12, axis=0)
    mean = np.repeat(train.to_numpy().mean(axis=0)[None], 12, axis=0)
    assert mse(truth, forecast) < 0.05 * min(mse(truth, last), mse(truth, mean))
