"""Baselines against the values that their definitions name, on every kind of data."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ssmts import DriftForecaster, NaiveForecaster, SeasonalNaiveForecaster, WindowMeanForecaster
from ssmts.errors import HorizonError, ParameterError, TargetGivenError, TooShortError
from ssmts_datasets import make_sines

EVERY = [NaiveForecaster, SeasonalNaiveForecaster, DriftForecaster, WindowMeanForecaster]


@pytest.fixture(scope="module")
def walk():
    values = np.cumsum(np.random.default_rng(0).normal(size=4000))
    return pd.DataFrame({"y": values}, index=pd.date_range("2024-01-01", periods=4000, freq="h"))


def expected(cls, values, horizon, season):
    last, leads = values[-1], np.arange(1, horizon + 1)
    if cls is NaiveForecaster:
        return np.full(horizon, last)
    if cls is SeasonalNaiveForecaster:
        return np.array([values[len(values) - season + (lead - 1) % season] for lead in leads])
    if cls is DriftForecaster:
        return last + leads * (last - values[0]) / (len(values) - 1)
    return np.full(horizon, values[-max(2 * season, 12) :].mean())


@pytest.mark.parametrize("cls", EVERY)
@pytest.mark.parametrize("season", [1, 7])
def test_forecasts_are_those_of_the_definition(cls, season, walk):
    model = cls(10, season).fit(walk)
    np.testing.assert_allclose(model.predict()["y"], expected(cls, walk["y"].to_numpy(), 10, season))
    later = model.predict(walk.head(100))["y"]
    np.testing.assert_allclose(later, expected(cls, walk["y"].to_numpy()[:100], 10, season))
    assert later.index[0] == walk.index[100]


@pytest.mark.parametrize("cls", EVERY)
def test_any_kind_of_data_gives_the_same_numbers(cls, walk):
    wide = walk.head(300).rename_axis("t")
    plain = cls(6, 5).fit(wide).predict()["y"].to_numpy()
    frame = pl.from_pandas(wide.reset_index())
    in_polars = cls(6, 5, time_col="t").fit(frame).predict_interval(frame)
    assert isinstance(in_polars, pl.DataFrame)
    assert in_polars.columns == ["t", "y-lo-90", "y-hi-90"]
    np.testing.assert_allclose(cls(6, 5).fit(wide.to_numpy()).predict()[:, 0], plain)
    stack = np.stack([wide.to_numpy(), 2 * wide.to_numpy()])
    np.testing.assert_allclose(cls(6, 5).fit(stack).predict()[:, :, 0], [plain, 2 * plain])
    long = pd.concat([(wide * k).reset_index().assign(who=k) for k in (1, 2)])
    out = cls(6, 5, id_col="who", time_col="t").fit(long).predict()
    np.testing.assert_allclose(out["y"], np.concatenate([plain, 2 * plain]))


def test_gaps_and_steps():
    frame = pd.DataFrame({"a": [0.0, 1.0, np.nan, 3.0], "b": [5.0, 6.0, 7.0, np.nan]})
    model = DriftForecaster(4, 1).fit(frame)
    np.testing.assert_allclose(model.predict(), [[4, 9], [5, 10], [6, 11], [7, 12]])  # b is a step late
    np.testing.assert_allclose(model.predict(step=0.5)["a"], np.arange(3.5, 7.1, 0.5))
    np.testing.assert_allclose(model.predict(at=[4.25, 6.0])["a"], [4.25, 6.0])


def test_months_count_one_step_each():
    values = np.arange(48) % 12
    frame = pd.DataFrame({"y": 1.0 * values}, index=pd.date_range("2020-01-01", periods=48, freq="MS"))
    found = SeasonalNaiveForecaster(24).fit(frame)
    assert found.season_ == 12
    assert found.predict()["y"].tolist() == [*range(12)] * 2


def test_the_season_is_found_and_noise_has_none():
    hourly = make_sines(1200, periods=[24.0], noise=0.5, random_state=0).frame
    assert SeasonalNaiveForecaster(24).fit(hourly).season_ == 24
    noise = np.random.default_rng(0).normal(size=600)
    assert SeasonalNaiveForecaster(24).fit(noise).season_ == 1


@pytest.mark.parametrize("cls", [NaiveForecaster, DriftForecaster])
def test_intervals_of_a_random_walk_grow_as_its_deviation(cls, walk):
    ends = cls(25, 1).fit(walk).predict_interval(level=80)
    width = (ends["y-hi-80"] - ends["y-lo-80"]).to_numpy()
    truth = 2 * 1.2816 * np.sqrt(np.arange(1, 26))
    assert np.abs(width / truth - 1).max() < 0.25
    table = cls(25, 1).cross_validate(walk, 60, refit=False, level=80, quantiles=[0.1, 0.5])
    assert list(table.columns)[-4:] == ["lo-80", "hi-80", "q-0.1", "q-0.5"]
    assert (table["lo-80"] == table["q-0.1"]).all()
    assert table["y"].between(table["lo-80"], table["hi-80"]).mean() == pytest.approx(0.8, abs=0.08)


def test_the_forecast_is_the_median_of_series_that_grow():
    growing = np.arange(200.0) + np.random.default_rng(0).normal(size=200)
    model = NaiveForecaster(10).fit(growing)
    np.testing.assert_allclose(model.predict_quantiles(quantiles=0.5)[:, 0], model.predict(), atol=0.2)
    ends = model.predict_interval(level=50)
    assert (ends[:, 0] < model.predict()).all()
    assert (model.predict() < ends[:, 1]).all()


def test_constant_series_and_single_rows():
    model = NaiveForecaster(3).fit(np.ones(20))
    assert model.predict_interval().tolist() == [[1.0, 1.0]] * 3
    with pytest.raises(TooShortError, match="no interval between them"):
        NaiveForecaster(3).fit([1.0])


def test_manners():
    model = WindowMeanForecaster(3, window=2)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError, match="WindowMeanForecaster"):
        model.predict()
    assert model.fit([0.0, 1.0, 3.0]).predict().tolist() == [2.0] * 3
    for wrong in ({"season": 0}, {"season": 2.5}, {"window": 0}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            WindowMeanForecaster(3).set_params(**wrong).fit([0.0, 1.0, 3.0])
    with pytest.raises(HorizonError, match="longer than"):
        model.predict(horizon=4)
    with pytest.raises(TargetGivenError, match="y must be None"):
        model.fit([0.0, 1.0], [1.0, 2.0])


def test_many_series_take_little_time():
    long = make_sines(60, n_series=500, periods=[12.0], layout="long", random_state=0).frame
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = SeasonalNaiveForecaster(12).fit(long).predict_interval(level=[50, 90])
    assert out.shape == (500 * 12, 6)
