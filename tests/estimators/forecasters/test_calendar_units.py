"""An integer horizon counts months, quarters, years and business days, in every layout."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import HorizonError, InstantError, ParameterError

RNG = np.random.default_rng(0)


def wave(n, period=12):
    return 10 + np.sin(np.arange(n) * 2 * np.pi / period) + 0.05 * RNG.normal(size=n)


def frame(index):
    return pd.DataFrame({"y": wave(len(index))}, index.rename("t"))


def in_layout(wide, layout):
    """The same rows wide, long with two ids, and as polars."""
    column = wide.reset_index()
    if layout == "column":
        return column, {"time_col": "t"}
    both = pd.concat([column.assign(id="a"), column.assign(id="b")])
    if layout == "long":
        return both, {"id_col": "id", "time_col": "t"}
    return pl.from_pandas(both), {"id_col": "id", "time_col": "t"}


@pytest.mark.parametrize("layout", ["column", "long", "polars"])
@pytest.mark.parametrize(
    ("freq", "horizon", "first", "last"),
    [
        ("YS", 5, "2010-01-01", "2014-01-01"),
        ("YE-MAR", 5, "2010-03-31", "2014-03-31"),
        ("QE", 9, "1992-12-31", "1994-12-31"),
        ("QS-FEB", 9, "1992-11-01", "1994-11-01"),
        ("ME", 60, "1982-07-31", "1987-06-30"),
        ("MS", 60, "1982-07-01", "1987-06-01"),
    ],
)
def test_months_quarters_and_years_are_found_by_their_stamps(layout, freq, horizon, first, last):
    n = {"Y": 35, "Q": 55, "M": 150}[freq[0]]
    start = {"Y": "1975-01-01", "Q": "1979-01-01", "M": "1970-01-01"}[freq[0]]
    X, named = in_layout(frame(pd.date_range(start, periods=n, freq=freq)), layout)
    forecast = LinearSSMForecaster(horizon=horizon, **named).fit(X).predict()
    times = pd.Series(forecast["t"].to_list())[:horizon]
    assert len(forecast) == horizon * (1 if layout == "column" else 2)
    assert (times.iloc[0], times.iloc[-1]) == (pd.Timestamp(first), pd.Timestamp(last))
    expected = pd.date_range(first, last, freq=freq)
    assert times.tolist() == expected.tolist()


@pytest.mark.slow
def test_months_are_steps_of_one_length_and_a_year_is_twelve(tmp_path):
    """Leap years and a month that is missing change nothing; any verb counts alike."""
    whole = frame(pd.date_range("2010-01-31", periods=120, freq="ME"))
    model = LinearSSMForecaster(horizon=24).fit(whole.drop(whole.index[50]))
    truth = 10 + np.sin(np.arange(120, 144) * 2 * np.pi / 12)
    forecast = model.predict()
    assert np.abs(forecast["y"] - truth).max() < 0.15
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(ssmts.load(tmp_path / "model").predict(), forecast)
    assert len(model.predict(horizon=7)) == len(model.predict(horizon="7ME")) == 7
    assert len(model.predict(step="QE")) == 8
    assert len(model.predict(step="YE")) == 2
    at = model.predict(at=pd.DatetimeIndex(["2020-02-29", "2020-03-31"]))
    np.testing.assert_allclose(at["y"], forecast["y"].iloc[1:3], atol=1e-9)
    table = model.backtest(whole, stride=12)
    assert (table["time" if "time" in table else "t"].dt.is_month_end).all()
    assert (table.groupby("cutoff").size() == 24).all()
    assert len(model.predict_interval(level=80, horizon=5)) == 5
    folds = model.cross_validate(whole, n_windows=2)
    assert (folds.groupby("cutoff").size() == 24).all()
    stream = model.stream()
    stream.update("2020-01-31", [10.0])
    assert stream.predict().index[0] == pd.Timestamp("2020-02-29")
    with pytest.raises(HorizonError, match="24 months"):
        model.predict(horizon=25)


@pytest.mark.slow
def test_the_same_day_of_every_month_and_months_of_a_zone():
    index = pd.date_range("2010-01-01", periods=90, freq="MS")
    model = LinearSSMForecaster(horizon=2).fit(frame(index + pd.Timedelta(days=14, hours=8)))
    assert model.predict().index.tolist() == [
        pd.Timestamp("2017-07-15 08:00"),
        pd.Timestamp("2017-08-15 08:00"),
    ]
    zoned = frame(index.tz_localize("Europe/Berlin"))
    model = LinearSSMForecaster(horizon=2, calendar=True).fit(zoned)
    found = model.predict().index
    assert found.tolist() == pd.date_range("2017-07-01", periods=2, freq="MS", tz="Europe/Berlin").tolist()


@pytest.mark.slow
def test_covariates_of_months_lie_on_their_months():
    index = pd.date_range("2010-01-01", periods=150, freq="MS")
    x = RNG.normal(size=150)
    X = pd.DataFrame({"y": wave(150) + 3 * x, "x": x}, index)
    model = LinearSSMForecaster(horizon=6, future_covariates="x", target_cols="y").fit(X.iloc[:144])
    forecast = model.predict(future=X[["x"]].iloc[144:])
    assert np.abs(forecast["y"].to_numpy() - X["y"].iloc[144:].to_numpy()).max() < 0.5


@pytest.mark.parametrize("layout", ["column", "long", "polars"])
@pytest.mark.slow
def test_freq_counts_business_days_where_a_frame_cannot_say_them(layout):
    index = pd.bdate_range("2020-01-01", periods=200)
    X, named = in_layout(frame(index), layout)
    forecast = LinearSSMForecaster(horizon=10, freq="B", **named).fit(X).predict()
    times = pd.DatetimeIndex(pd.Series(forecast["t"].to_list())[:10])
    assert times.tolist() == pd.bdate_range(index[-1], periods=11)[1:].tolist()


def test_freq_of_fixed_length_counts_its_steps():
    X = frame(pd.date_range("2020-01-01", periods=150, freq="2h"))
    forecast = LinearSSMForecaster(horizon=10, freq="h").fit(X).predict()
    assert forecast.index.tolist() == pd.date_range(X.index[-1], periods=11, freq="h")[1:].tolist()


def test_a_freq_that_the_rows_do_not_have():
    X = pd.concat([frame(pd.bdate_range("2020-01-01", periods=60)).assign(id=k) for k in "ab"]).reset_index()
    model = LinearSSMForecaster(horizon=2, id_col="id", time_col="t", freq="MS")
    with pytest.raises(InstantError, match=r"'MS', but the row of series 'a' at 2020-01-02"):
        model.fit(X)
    with pytest.raises(ParameterError, match="frequency of pandas"):
        model.set_params(freq="often").fit(X)
    numbers = pd.DataFrame({"y": wave(60)}, np.arange(60.0))
    with pytest.raises(ParameterError, match="numbers"):
        LinearSSMForecaster(horizon=2, freq="h").fit(numbers)
