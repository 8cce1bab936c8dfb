"""Data that pauses by the calendar, as business days do: which leads were seen depends on the origin."""

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster

NOISE = 0.05


@pytest.fixture(scope="module")
def weekdays() -> pd.Series:
    """A week of five days, on business days."""
    index = pd.date_range("2020-01-01", periods=600, freq="B", name="day")
    noise = NOISE * np.random.default_rng(0).standard_normal(600)
    return pd.Series(np.sin(2 * np.pi * np.arange(600) / 5) + noise, index=index, name="y")


@pytest.mark.parametrize("horizon", [1, 3, 10])
@pytest.mark.slow
def test_a_horizon_counts_business_days_where_the_index_says_so(weekdays, horizon):
    model = LinearSSMForecaster(horizon).fit(weekdays.iloc[:-20])
    for end in range(-20, -15):
        found = model.predict(weekdays.iloc[:end])
        pd.testing.assert_index_equal(found.index, weekdays.index[end : end + horizon])
        assert len(model.predict(weekdays.iloc[:end], horizon=1)) == 1
    assert len(model.predict_interval(level=80)) == len(model.sample(3)) == horizon


@pytest.mark.slow
def test_months_and_years_keep_their_rows():
    for freq, horizon in (("MS", 12), ("YS", 4), ("QE", 4)):
        index = pd.date_range("1950-01-01", periods=200, freq=freq)
        model = LinearSSMForecaster(horizon).fit(pd.Series(np.arange(200.0), index=index))
        np.testing.assert_allclose(model.predict(), np.arange(200, 200 + horizon), rtol=0.01)
        assert model.model_.config.linear.horizon == horizon


@pytest.mark.slow
def test_business_days_are_forecast_as_well_as_unit_steps(weekdays):
    model = LinearSSMForecaster(10).fit(weekdays.iloc[:-20])
    errors = model.history_["errors_by_missing_leads"]
    assert errors["lines"] < 0.1 * errors["left_out"]
    assert model.model_.config.linear.interpolate
    found = [model.predict(weekdays.iloc[:end]) - weekdays.iloc[end : end + 10] for end in range(-20, -10)]
    counted = LinearSSMForecaster(10).fit(weekdays.iloc[:-20].to_numpy())
    plain = [counted.predict(weekdays.iloc[:end].to_numpy()) for end in range(-20, -10)]
    missed = [own - weekdays.iloc[end : end + 10] for own, end in zip(plain, range(-20, -10))]
    assert np.square(found).mean() < 1.5 * np.square(missed).mean() < (2 * NOISE) ** 2


@pytest.mark.slow
def test_gaps_of_training_are_read_as_training_read_them(weekdays):
    model = LinearSSMForecaster(10, 28).fit(weekdays.iloc[:-20])
    errors = model.history_["hold"]
    assert errors["mse_of_forecasts_foh"] < errors["mse_of_forecasts_gp"]
    assert model.model_.config.hold == "foh"
    assert LinearSSMForecaster(10, 28, hold="gp").fit(weekdays.iloc[:-20]).model_.config.hold == "gp"


@pytest.mark.slow
def test_rows_that_are_missing_by_chance_may_be_left_out():
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=2000, freq="h")
    y = pd.Series(np.sin(np.arange(2000) * 2 * np.pi / 5) + 0.1 * rng.standard_normal(2000), index=index)
    model = LinearSSMForecaster(12, 60).fit(y[rng.random(2000) < 0.6])
    errors = model.history_["errors_by_missing_leads"]
    assert errors["left_out"] < errors["lines"]
    assert not model.model_.config.linear.interpolate
    whole = LinearSSMForecaster(12, 60).fit(y)
    assert "errors_by_missing_leads" not in whole.history_


def test_what_stands_for_missing_leads_is_saved_and_learnt_on(weekdays, tmp_path):
    model = LinearSSMForecaster(10, 28).fit(weekdays.iloc[:400])
    model.save(tmp_path / "model.safetensors", sums=True)
    again = LinearSSMForecaster.load(tmp_path / "model.safetensors")
    assert again.model_.config.linear.interpolate
    again.partial_fit(weekdays.iloc[400:-20])
    missed = again.predict() - weekdays.iloc[-20:-10]
    assert np.square(missed).mean() < (2 * NOISE) ** 2
