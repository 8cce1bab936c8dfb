"""Nonlinear effects of covariates, holidays and contributions, with default parameters and a known truth."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from ssmts import LinearSSMForecaster, load
from ssmts.errors import CovariateError, ParameterError

HORIZON = 7


def _frame(length=900, seed=0):
    """Daily sales: a weekly profile, noise with memory, a promotion of +35% on one day in six."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2021-01-04", periods=length, name="day")
    profile = np.array([90.0, 95.0, 100.0, 100.0, 110.0, 120.0, 85.0])[days.dayofweek]
    noise = np.zeros(length)
    for k in range(1, length):
        noise[k] = 0.6 * noise[k - 1] + 2.0 * rng.standard_normal()
    promotion = (rng.uniform(size=length) < 1 / 6).astype(float)
    usual = profile + noise
    frame = pd.DataFrame({"sales": usual * (1.0 + 0.35 * promotion), "promotion": promotion}, index=days)
    frame["walk"] = rng.standard_normal(length).cumsum()
    frame["white"] = rng.standard_normal(length)
    return frame


def _bent(length=1200, seed=1):
    """Demand rises both below and above 18 degrees, more so on working days than the noise around it."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2020-01-01", periods=length, name="day")
    temperature = (
        18.0 + 9.0 * np.sin(2 * np.pi * np.arange(length) / 365.25) + 4.0 * rng.standard_normal(length)
    )
    v = np.zeros(length)
    for k in range(1, length):
        v[k] = 0.7 * v[k - 1] + 0.5 * rng.standard_normal()
    effect = 0.05 * (temperature - 18.0) ** 2
    frame = pd.DataFrame({"demand": 20.0 + effect + v, "temperature": temperature}, index=days)
    frame["walk"], frame["white"] = rng.standard_normal(length).cumsum(), rng.standard_normal(length)
    return frame, v


def _rolling_mse(model, frame, target, names, cut):
    """Mean squared error of forecasts from every seventh origin after the cut."""
    errors = []
    for origin in range(cut, len(frame) - HORIZON + 1, HORIZON):
        ahead = frame[names][origin : origin + HORIZON]
        forecast = model.predict(frame[:origin], future=ahead)[target]
        errors.append(forecast.to_numpy() - frame[target][origin : origin + HORIZON].to_numpy())
    return float(np.mean(np.square(errors)))


@pytest.fixture(scope="module")
def promoted():
    """A model that knows the promotion, and its frame."""
    frame = _frame()
    model = LinearSSMForecaster(
        HORIZON, target_cols="sales", future_covariates="promotion", calendar=True, holidays="DE"
    )
    return model.fit(frame[:800]), frame


@pytest.mark.slow
def test_promotion_is_found_within_three_points(promoted):
    model, frame = promoted
    added, usual = [], []
    for origin in range(800, 893, HORIZON):
        ahead = frame[["promotion"]][origin : origin + HORIZON]
        explained = model.explain(frame[:origin], future=ahead)
        parts = explained.pivot(index="day", columns="part", values="contribution")
        on = ahead["promotion"].to_numpy() > 0
        added += parts["promotion"][on].tolist()
        usual += (parts.sum(axis=1) - parts["promotion"])[on].tolist()
    assert len(added) > 8
    assert np.mean(np.array(added) / np.array(usual)) == pytest.approx(0.35, abs=0.03)


@pytest.mark.slow
def test_contributions_add_up_to_the_forecast_and_are_zero_where_nothing_is_unusual(promoted):
    model, frame = promoted
    ahead = frame[["promotion"]][800:807]
    forecast = model.predict(frame[:800], future=ahead)["sales"]
    explained = model.explain(frame[:800], future=ahead)
    assert {"promotion", "calendar", "holidays"} <= set(explained["part"])
    total = explained.groupby("day")["contribution"].sum()
    assert_allclose(total, forecast, rtol=1e-9)
    parts = explained.pivot(index="day", columns="part", values="contribution")
    none = model.explain(frame[:800], future=0.0 * ahead).pivot(
        index="day", columns="part", values="contribution"
    )
    assert none["promotion"].iloc[:1].abs().max() < 0.2 * parts["promotion"].abs().max()


def test_saved_model_forecasts_the_same(promoted, tmp_path):
    model, frame = promoted
    ahead = frame[["promotion"]][800:807]
    expected = model.predict(frame[:800], future=ahead)
    model.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert_allclose(again.predict(frame[:800], future=ahead), expected, rtol=1e-12)
    stream = again.stream(frame[:799])
    stream.update(frame[799:800])
    assert_allclose(stream.predict(future=ahead), expected, rtol=1e-6)


def test_components_are_drawn(promoted):
    model, frame = promoted
    axes = model.plot_components(frame[:800], future=frame[["promotion"]][800:807])
    assert [ax.get_ylabel() for ax in axes] == ["past", "promotion", "calendar", "holidays"]
    drawn = sum(ax.get_lines()[0].get_ydata() for ax in axes)
    forecast = model.predict(frame[:800], future=frame[["promotion"]][800:807])["sales"]
    assert_allclose(drawn, forecast, rtol=1e-9)


@pytest.mark.slow
def test_an_effect_that_bends_is_found_and_noise_costs_little():
    frame, v = _bent()
    cut = 1000
    errors = {}
    for names in (["temperature"], ["temperature", "walk", "white"]):
        model = LinearSSMForecaster(HORIZON, target_cols="demand", future_covariates=names).fit(frame[:cut])
        assert model.history_["covariates"]["nonlinear"]["accepted"]
        errors[len(names)] = _rolling_mse(model, frame, "demand", names, cut)
    leads = np.arange(1, HORIZON + 1)
    best = [
        v[origin : origin + HORIZON] - v[origin - 1] * 0.7**leads
        for origin in range(cut, len(frame) - HORIZON + 1, HORIZON)
    ]
    assert errors[1] < 1.2 * np.mean(np.square(best))  # without nonlinear terms 28 times
    assert np.sqrt(errors[3] / errors[1]) < 1.005


@pytest.mark.slow
def test_noise_alone_costs_nothing():
    frame = _frame()
    frame["sales"] /= 1.0 + 0.35 * frame["promotion"]
    frame = frame[["sales", "walk", "white"]]
    plain = LinearSSMForecaster(HORIZON, target_cols="sales").fit(frame[["sales"]][:800])
    noisy = LinearSSMForecaster(HORIZON, target_cols="sales", future_covariates=["walk", "white"])
    noisy.fit(frame[:800])
    errors = []
    for origin in range(800, 893, HORIZON):
        known = frame["sales"][origin : origin + HORIZON]
        ahead = frame[["walk", "white"]][origin : origin + HORIZON]
        errors.append(
            [
                np.square(plain.predict(frame[["sales"]][:origin])["sales"] - known).mean(),
                np.square(noisy.predict(frame[:origin], future=ahead)["sales"] - known).mean(),
            ]
        )
    without, with_noise = np.sqrt(np.mean(errors, axis=0))
    assert with_noise <= 1.005 * without


@pytest.mark.slow
def test_many_levels_are_shrunk_to_their_mean():
    rng = np.random.default_rng(4)
    days = pd.date_range("2019-01-01", periods=900, name="day")
    kinds = rng.integers(0, 300, len(days))  # three days a kind: more levels than have an indicator
    frame = pd.DataFrame(
        {"y": 10.0 + rng.standard_normal(len(days)), "kind": [f"k{k}" for k in kinds]}, index=days
    )
    model = LinearSSMForecaster(HORIZON, target_cols="y", future_covariates="kind").fit(frame[:890])
    seen = frame["kind"].iloc[:HORIZON].tolist()
    ahead = pd.DataFrame({"kind": seen}, index=days[890:897])
    spread = model.predict(frame[:890], future=ahead)["y"].std()
    assert spread < 0.5  # means of three days would spread by .58 or more


@pytest.mark.slow
def test_holidays_are_a_covariate_with_days_before_and_after():
    days = pd.date_range("2015-01-01", "2019-12-31", name="day")
    holidays = pytest.importorskip("holidays").country_holidays("DE", years=range(2014, 2022))
    is_holiday = np.array([day.date() in holidays for day in days])
    rng = np.random.default_rng(2)
    y = (
        100.0
        - 40.0 * is_holiday
        + 20.0 * np.roll(is_holiday, -1) * ~is_holiday
        + rng.standard_normal(len(days))
    )
    frame = pd.DataFrame({"y": y}, index=days)
    cut = days.get_loc(pd.Timestamp("2019-04-18"))  # the day before Good Friday
    model = LinearSSMForecaster(HORIZON, target_cols="y", holidays="DE").fit(frame[:cut])
    assert_allclose(model.predict(frame[:cut])["y"], y[cut : cut + HORIZON], atol=8.0)
    with pytest.raises(CovariateError, match="known from"):
        model.predict(frame[:cut].set_index(frame.index[:cut] + pd.Timedelta("20000D")))


@pytest.mark.parametrize("region", ["XX", 3, ""])
def test_unknown_holidays_are_refused(region):
    with pytest.raises(ParameterError, match="holidays"):
        LinearSSMForecaster(HORIZON, target_cols="sales", holidays=region).fit(_frame(200)[["sales"]])
