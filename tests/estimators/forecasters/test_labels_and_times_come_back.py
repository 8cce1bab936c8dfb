"""Names, ids, categories and times come back as they went in, from forecasts, tables and saved models."""

import datetime as dt
import decimal
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import ColumnRenamedWarning, DuplicateColumnError, ParameterError

HOURS = pd.date_range("2025-01-01", periods=90, freq="h")
Y = np.sin(np.arange(90) * np.pi / 12) + 0.1 * np.random.default_rng(0).normal(size=90)


def fitted(X, **parameters):
    return LinearSSMForecaster(horizon=3, **parameters).fit(X)


def long(ids, name="unique_id", dtype=None):
    column = pd.Series([id_ for id_ in ids for _ in HOURS], dtype=dtype)
    return pd.DataFrame({name: column, "ds": np.tile(HOURS, len(ids)), "y": np.tile(Y, len(ids))})


def again(model, tmp_path):
    model.save(tmp_path / "model")
    return ssmts.load(tmp_path / "model")


@pytest.mark.parametrize("name", [0, None, "y", 7])
def test_a_series_keeps_its_name(name, tmp_path):
    model = fitted(pd.Series(Y, HOURS, name=name))
    assert model.predict().name == name
    assert again(model, tmp_path).predict().name == name


@pytest.mark.slow
def test_the_columns_keep_their_name():
    frame = pd.DataFrame({"a": Y, "b": Y}, HOURS).rename_axis(columns="sensor")
    assert fitted(frame).predict().columns.name == "sensor"
    assert fitted(frame.mask(frame > 0.9)).predict_interval().columns.name == "sensor"


@pytest.mark.slow
def test_categories_keep_their_order(tmp_path):
    dtype = pd.CategoricalDtype(["low", "high", "unused"], ordered=True)
    model = fitted(long(["high", "low"], dtype=dtype))
    assert model.predict()["unique_id"].dtype == dtype
    assert again(model, tmp_path).predict()["unique_id"].dtype == dtype


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "float32", "int64", "float64", "Int32"])
@pytest.mark.slow
def test_numbers_of_the_time_axis_keep_their_dtype(dtype):
    index = pd.Index(np.arange(90)).astype(dtype)
    assert fitted(pd.DataFrame({"y": Y}, index)).predict().index.dtype == dtype
    if dtype == "Int32":
        return
    frame = pl.DataFrame({"t": index.to_numpy(), "y": Y})
    assert fitted(frame, time_col="t").predict()["t"].dtype == frame["t"].dtype


def test_a_narrow_dtype_that_cannot_hold_the_forecast_is_widened():
    index = pd.Index(np.arange(165, 255)).astype("uint8")
    forecast = fitted(pd.DataFrame({"y": Y}, index)).predict()
    assert forecast.index.dtype == "int64"
    assert forecast.index.tolist() == [255, 256, 257]


@pytest.mark.parametrize(
    "ids",
    [
        [dt.date(2025, 1, 1), dt.date(2025, 1, 2)],
        [uuid.UUID(int=5), uuid.UUID(int=6)],
        [decimal.Decimal("1.50"), decimal.Decimal("2")],
        [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-01-02 03:04:05.678901234")],
        [pd.Timestamp("2025-01-01", tz="Europe/Berlin"), pd.Timestamp("2025-01-02", tz="Europe/Berlin")],
        [pd.Timedelta("1h"), pd.Timedelta("2h")],
        [b"a", b"b"],
        [("a", 1), ("b", 2)],
        [True, False],
        [1.5, 2.5],
    ],
    ids=lambda ids: type(ids[0]).__name__,
)
@pytest.mark.slow
def test_ids_of_every_kind_are_saved(ids, tmp_path):
    X = long(ids, dtype=object if isinstance(ids[0], tuple) else None)
    model = fitted(X)
    forecast, loaded = model.predict(), again(model, tmp_path).predict()
    assert forecast["unique_id"].dtype == X["unique_id"].dtype
    assert forecast["unique_id"].unique().tolist() == X["unique_id"].unique().tolist()
    pd.testing.assert_frame_equal(loaded, forecast)


def test_ids_that_no_file_can_hold_say_what_to_do(tmp_path):
    model = fitted(long([frozenset("a"), frozenset("b")], dtype=object))
    with pytest.raises(ParameterError, match=r"frozenset.*astype\(str\)"):
        model.save(tmp_path / "model")


def test_an_index_with_a_tuple_as_name_is_saved(tmp_path):
    frame = pd.DataFrame({"y": Y}, HOURS.rename(("a", "b")))
    assert again(fitted(frame), tmp_path).predict().index.name == ("a", "b")


@pytest.mark.parametrize("freq", ["h", "D", "M", "Q", "Y", "W"])
@pytest.mark.slow
def test_periods_come_back_as_periods(freq, tmp_path):
    index = pd.period_range("2001-01-01", periods=90, freq=freq, name="when")
    model = fitted(pd.DataFrame({"y": Y}, index))
    expected = pd.period_range(index[-1] + 1, periods=3, freq=freq, name="when")
    pd.testing.assert_index_equal(model.predict().index, expected)
    pd.testing.assert_index_equal(again(model, tmp_path).predict().index, expected)
    column = fitted(pd.DataFrame({"y": Y, "when": index}), time_col="when").predict()
    assert column["when"].dtype == index.dtype
    table = model.backtest(pd.DataFrame({"y": Y}, index), stride=20)
    assert table["when"].dtype == index.dtype
    at = model.predict(at=expected[1:])
    pd.testing.assert_index_equal(at.index, expected[1:])


@pytest.mark.parametrize("name", ["cutoff", "forecast", "y", "lo-80", "channel"])
@pytest.mark.slow
def test_a_table_keeps_an_id_column_of_any_name(name):
    X = long(["a", "b"], name=name if name != "y" else "unique_id").rename(columns={"y": "value"})
    X = X.rename(columns={"unique_id": name}).assign(other=Y[::-1].tolist() * 2)
    model = fitted(X, id_col=name, time_col="ds")
    with pytest.warns(ColumnRenamedWarning, match=f"'{name}_'"):
        table = model.backtest(X, stride=20, level=80)
    assert table[name].unique().tolist() == ["a", "b"]
    assert {f"{name}_", "cutoff", "forecast", "y", "lo-80", "channel"} <= {*table.columns}
    assert table["channel_" if name == "channel" else "channel"].unique().tolist() == ["value", "other"]
    with pytest.warns(ColumnRenamedWarning):
        table = fitted(pl.from_pandas(X), id_col=name, time_col="ds").backtest(
            pl.from_pandas(X), stride=20, level=80
        )
    assert table[name].unique().sort().to_list() == ["a", "b"]


@pytest.mark.slow
def test_integer_names_stay_integers_and_1_is_not_the_text_1():
    frame = pd.DataFrame({1: Y, "1": Y + 5}, HOURS)
    model = fitted(frame)
    table = model.backtest(frame, stride=20)
    assert table.groupby("channel", sort=False)["y"].mean().round().to_dict() == {1: 0.0, "1": 5.0}
    assert fitted(frame[[1]].assign(b=Y)).predict().columns.tolist() == [1, "b"]
    with pytest.raises(DuplicateColumnError, match=r"'1-lo-90'.*Rename"):
        model.predict_interval()
