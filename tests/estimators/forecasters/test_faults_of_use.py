"""What people's own data and calls broke, each on a default estimator."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMForecaster
from ssmts.errors import (
    ColumnError,
    CovariateError,
    HorizonError,
    InfiniteValueError,
    InputTypeError,
    ParameterError,
    TooShortWarning,
)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(0)
    hours = pd.date_range("2024-01-01", periods=600, freq="h")
    day = np.sin(2 * np.pi * np.arange(600) / 24)
    parts = [
        pd.DataFrame({"unique_id": k, "ds": hours, "y": (n + 1) * day + 0.1 * rng.normal(size=600)})
        for n, k in enumerate("abc")
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def model(panel):
    return LinearSSMForecaster(12, 96).fit(panel[panel["ds"] < panel["ds"].iloc[500]])


def test_a_series_that_misses_its_first_row_keeps_the_others_context(model, panel):
    """100 rows are no context and horizon of their own beside what training left."""
    later = panel[panel["ds"] >= panel["ds"].iloc[500]]
    holed = later[~((later["unique_id"] == "b") & (later["ds"] == later["ds"].iloc[0]))]
    whole, missing = (
        model.score(later.groupby("unique_id").head(60)),
        model.score(holed.groupby("unique_id").head(60)),
    )
    assert missing == pytest.approx(whole, rel=0.2)
    assert set(model.backtest(holed.groupby("unique_id").head(60))["unique_id"]) == set("abc")


def test_a_hole_as_long_as_the_horizon_begins_at_an_origin(model, panel):
    own = panel[panel["unique_id"] == "a"]
    for begin in range(108, 122):
        holed = own.drop(own.index[begin : begin + 13])
        assert np.isfinite(model.score(holed))


@pytest.mark.parametrize("level", [0.9, [0.8, 0.9], [80, 0.9]])
def test_a_level_below_one_is_a_fraction(model, level):
    with pytest.raises(ParameterError, match=r"90, not 0\.9"):
        model.predict_interval(level=level)
    with pytest.raises(ParameterError, match=r"90, not 0\.9"):
        model.plot(level=level)


@pytest.mark.slow
def test_covariates_of_another_year_are_refused():
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-01-01", periods=300)
    price = rng.normal(size=300)
    X = pd.DataFrame({"y": 2 * price + 0.1 * rng.normal(size=300), "price": price}, index=days)
    model = LinearSSMForecaster(7, future_covariates=["price"]).fit(X)
    ahead = pd.date_range(days[-1], periods=8)[1:]
    future = pd.DataFrame({"price": rng.normal(size=7)}, index=ahead)
    assert model.predict(X, future=future).shape == (7, 1)
    late = future.set_axis(ahead + pd.Timedelta("365D"))
    with pytest.raises(CovariateError, match=r"'price' is not known at 2023-10-28.*future="):
        model.predict(X, future=late)


@pytest.fixture(scope="module")
def one_wave():
    y = np.sin(np.arange(90) * np.pi / 12) + 0.1 * np.random.default_rng(0).normal(size=90)
    return y, LinearSSMForecaster(horizon=3).fit(y)


def test_later_values_too_far_from_training_are_named(one_wave):
    y, model = one_wave
    far = y.copy()
    far[50] = 1e300
    for ask in (model.score, model.backtest, model.calibrate):
        with pytest.raises(InfiniteValueError, match=r"1e\+300, too far from the values of training"):
            ask(far)


def test_numbers_beyond_counting(one_wave):
    y, model = one_wave
    with pytest.raises(HorizonError, match="more steps than can be counted"):
        model.predict(horizon=10**59)
    model.partial_fit(y[:80], forget=5e-324)  # nothing before the last row counts
    frame = pl.DataFrame({"t": pl.Series(range(90), dtype=pl.Int128), "y": y})
    wide = LinearSSMForecaster(horizon=3, time_col="t").fit(frame)
    np.testing.assert_allclose(wide.predict()["y"].to_numpy(), LinearSSMForecaster(3).fit(y).predict())


def test_values_of_the_context_too_far_from_training_are_named(one_wave):
    y, model = one_wave
    far = y.copy()
    far[-3] = 1e300
    for ask in (model.predict, model.explain):
        with pytest.raises(InfiniteValueError, match=r"1e\+300, too far from the values of training"):
            ask(far)


def test_nine_rows_of_which_six_are_forecast():
    y = pd.Series([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0], pd.date_range("2024", periods=9, freq="h"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TooShortWarning)
        forecast = LinearSSMForecaster(6).fit(y).predict()
    assert len(forecast) == 6
    assert 1.0 <= forecast.mean() <= 9.0


def test_a_backtest_shorter_than_a_step(one_wave):
    y, _ = one_wave
    monthly = pd.DataFrame({"y": y}, pd.date_range("2000", periods=90, freq="MS"))
    model = LinearSSMForecaster(3).fit(monthly)
    with pytest.raises(HorizonError, match=r"No row of X lies within .* Give a longer horizon"):
        model.backtest(monthly, horizon="3h")


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"hold": pd.Series(["a"])}, ParameterError, "hold=<Series of shape"),
        ({"verbose": np.array([1, 2])}, ParameterError, "verbose=array"),
        ({"freq": pd.DateOffset(minute=3)}, ParameterError, "freq=<DateOffset: minute=3> is not allowed"),
    ],
)
def test_parameters_that_have_no_truth(one_wave, parameters, error, match):
    y, _ = one_wave
    hourly = pd.DataFrame({"y": y}, pd.date_range("2024", periods=90, freq="h"))
    with pytest.raises(error, match=match):
        LinearSSMForecaster(3, **parameters).fit(hourly)


def test_columns_that_hold_what_cannot_be_compared(one_wave):
    y, _ = one_wave
    hourly = pd.DataFrame({"y": y}, pd.date_range("2024", periods=90, freq="h"))
    with pytest.raises(ColumnError, match=r"'c' holds \[1, 2\], a list: categories are text or integers"):
        LinearSSMForecaster(3, past_covariates=["c"]).fit(hourly.assign(c=[[1, 2]] * 90))
    with pytest.raises(InputTypeError, match=r"pyarrow\.lib\.Table: give a pandas or polars frame"):
        LinearSSMForecaster(3, past_covariates=["c"]).fit(pl.DataFrame({"y": y, "c": y}).to_arrow())
    with pytest.raises(ColumnError, match="text that cannot be encoded"):
        LinearSSMForecaster(3).fit(hourly["y"].rename("\ud800"))
    with pytest.raises(ParameterError, match="sample_weight must be numbers"):
        LinearSSMForecaster(3).fit(hourly, sample_weight=np.ones(90) * 1j)


def test_a_frequency_of_centuries_is_an_error_of_ours(panel):
    with pytest.raises(ParameterError, match="freq"):
        LinearSSMForecaster(3, freq=pd.Timedelta.max).fit(panel)


def test_more_windows_than_there_is_memory_for(panel):
    with pytest.raises(ParameterError, match="n_windows"):
        LinearSSMForecaster(12).cross_validate(panel, n_windows=10**30)
