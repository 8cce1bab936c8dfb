from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts.data import output_times, read_panel, reference_step, write_forecast
from ssmts.errors import HorizonError

MINUTE = 60_000_000_000
PANDAS_3 = pd.__version__ >= "3"


def forecast(X, n_rows=3, *, step=None, suffixes=None, **names):
    """A forecast of 0, 1, 2, ... for every channel (times 10 per suffix), in the kind of X."""
    panel = read_panel(X, **names)
    step = reference_step(panel) if step is None else step
    times = [
        output_times(s.origin, horizon=n_rows * step, step=step, layout=panel.layout) for s in panel.series
    ]
    values = [np.arange(len(t))[:, None] + 100.0 * np.arange(panel.n_channels) for t in times]
    if suffixes is not None:
        values = [block[:, :, None] + 10.0 * np.arange(len(suffixes)) for block in values]
    return write_forecast(panel.layout, panel.ids, times, values, suffixes=suffixes)


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
@pytest.mark.parametrize("tz", [None, "UTC", "Europe/Berlin", "UTC+05:30"])
def test_wide_pandas(unit, tz):
    index = pd.date_range("2024-03-30 20:00", periods=6, freq="h", unit=unit, tz=tz, name="when")
    X = pd.DataFrame(np.ones((4, 2)), index=pd.DatetimeIndex(index[:4], freq=None), columns=["a", 7])
    out = forecast(X, 2)
    expected = pd.DataFrame(
        [[0.0, 100.0], [1.0, 101.0]], index=pd.DatetimeIndex(index[4:], freq=None), columns=["a", 7]
    )
    pd.testing.assert_frame_equal(out, expected)
    assert out.index.freq is None


def test_explicit_freq_comes_back_where_it_is_true():
    X = pd.DataFrame({"a": np.ones(4)}, index=pd.date_range("2024-01-01", periods=4, freq="h"))
    assert forecast(X).index.freq == pd.offsets.Hour()
    assert forecast(X, step=15 * MINUTE).index.freq is None


def test_pandas_series_comes_back_as_a_series():
    index = pd.date_range("2024-01-01", periods=4, freq="D")
    for name in ("load", None):
        out = forecast(pd.Series(np.ones(4), index=index, name=name), 2)
        pd.testing.assert_series_equal(
            out, pd.Series([0.0, 1.0], index=pd.date_range("2024-01-05", periods=2, freq="D"), name=name)
        )


def test_time_column_comes_first(make):
    stamps = [dt.datetime(2024, 1, 1, hour) for hour in range(6)]
    X = make({"a": [1.0, 2.0, 3.0, 4.0], "ds": stamps[:4]})
    out = forecast(X, 2, time_col="ds")
    assert type(out) is type(X)
    assert list(out.columns) == ["ds", "a"]
    assert out["ds"].to_list() == stamps[4:]
    assert out["ds"].dtype == X["ds"].dtype


def test_long(make):
    X = make({"unique_id": ["b", "b", "a", "a"], "ds": [0, 2, 5, 10], "y": [1.0, 2.0, 3.0, 4.0]})
    out = forecast(X, 2)
    assert type(out) is type(X)
    assert list(out.columns) == ["unique_id", "ds", "y"]
    assert out["unique_id"].to_list() == ["b", "b", "a", "a"]
    assert out["ds"].to_list() == [4, 6, 12, 14]
    assert out["y"].to_list() == [0.0, 1.0, 0.0, 1.0]
    assert [out[c].dtype for c in out.columns] == [X[c].dtype for c in out.columns]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["z", "b", "a"]), pl.String])
def test_polars_id_dtypes(dtype):
    X = pl.DataFrame({"unique_id": ["b", "b", "a", "a"], "ds": [0, 1, 0, 1], "y": [1.0] * 4}).cast(
        {"unique_id": dtype}
    )
    out = forecast(X, 2)
    assert out.schema["unique_id"] == X.schema["unique_id"]
    assert out["unique_id"].to_list() == ["b", "b", "a", "a"]


@pytest.mark.parametrize(
    "dtype", ["category", "string", "string[pyarrow]", "object", pd.CategoricalDtype(["z", "b", "a"])]
)
def test_pandas_id_dtypes(dtype):
    X = pd.DataFrame(
        {"unique_id": pd.Series(["b", "b", "a", "a"], dtype=dtype), "ds": [0, 1, 0, 1], "y": [1.0] * 4}
    )
    out = forecast(X, 2)
    if dtype != "string[pyarrow]" or PANDAS_3:  # pandas 2 has one name for both kinds of text
        assert out["unique_id"].dtype == X["unique_id"].dtype
    assert out["unique_id"].tolist() == ["b", "b", "a", "a"]


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_polars_datetimes(unit, tz):
    stamps = pl.datetime_range(
        dt.datetime(2024, 3, 30, 20),
        dt.datetime(2024, 3, 31, 6),
        "1h",
        time_unit=unit,
        time_zone=tz,
        eager=True,
    )
    X = pl.DataFrame({"ds": stamps[:4], "a": [1.0] * 4})
    out = forecast(X, 4, time_col="ds")
    assert out["ds"].dtype == X["ds"].dtype
    assert out["ds"].to_list() == stamps[4:8].to_list()


def test_dates_stay_dates_until_a_finer_step_is_asked_for():
    days = [dt.date(2024, 1, day) for day in (1, 2, 3)]
    X = pl.DataFrame({"ds": days, "a": [1.0] * 3})
    assert forecast(X, 1, time_col="ds")["ds"].to_list() == [dt.date(2024, 1, 4)]
    assert forecast(X, 1, time_col="ds", step=360 * MINUTE)["ds"].to_list() == [dt.datetime(2024, 1, 3, 6)]


@pytest.mark.parametrize(
    "dtype", ["timestamp[s][pyarrow]", "timestamp[us, tz=Asia/Tokyo][pyarrow]", "date32[day][pyarrow]"]
)
def test_pyarrow_frames(dtype):
    days = pd.date_range("2024-01-01", periods=4, tz="Asia/Tokyo" if "tz" in dtype else None)
    X = pd.DataFrame(
        {"ds": pd.Series(days).astype(dtype), "a": pd.array([1, 2, 3, 4], dtype="int64[pyarrow]")}
    )
    out = forecast(X.head(3), 1, time_col="ds")
    if "tz" not in dtype or PANDAS_3:  # pandas 2 makes nanoseconds of zoned stamps
        assert out["ds"].dtype == X["ds"].dtype
    assert out["ds"].tolist() == X["ds"].tolist()[3:]
    assert out["a"].dtype == "double[pyarrow]"


def test_nullable_values_come_back_nullable():
    X = pd.DataFrame(
        {"a": pd.array([1, None, 3], dtype="Int64")}, index=pd.date_range("2024", periods=3, freq="D")
    )
    assert forecast(X)["a"].dtype == "Float64"


def test_a_unit_too_coarse_for_the_step_becomes_finer_and_nothing_is_rounded():
    X = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.DatetimeIndex(np.array([0, 1], "M8[s]")))
    out = forecast(X, 4, step=250_000_000)
    assert out.index.unit == "ms"
    assert (out.index.as_unit("ns").asi8 - 10**9 == 250_000_000 * np.arange(1, 5)).all()


@pytest.mark.parametrize(
    ("dtype", "step", "out_dtype"),
    [
        ("int32", 2.0, "int32"),
        ("int32", 0.5, "float64"),
        ("int64", 0.5, "float64"),
        ("float32", 1.0, "float32"),
    ],
)
def test_number_times(dtype, step, out_dtype):
    X = pd.DataFrame({"a": np.ones(3)}, index=pd.Index([0, 2, 4], dtype=dtype, name="t"))
    out = forecast(X, 2, step=step)
    assert out.index.dtype == out_dtype
    assert out.index.name == "t"
    assert out.index.tolist() == [4 + step, 4 + 2 * step]


def test_nullable_number_times():
    X = pd.DataFrame({"t": pd.array([0, 1, 2], dtype="Int32"), "a": np.ones(3)})
    assert forecast(X, time_col="t")["t"].dtype == "Int32"


def test_multiindex_comes_back():
    index = pd.MultiIndex.from_product(
        [["p", "q"], pd.date_range("2024", periods=3, freq="D")], names=["site", None]
    )
    out = forecast(pd.DataFrame({"y": np.ones(6)}, index=index), 2, id_col="site")
    assert out.index.names == ["site", None]
    assert out.index.tolist() == [(s, pd.Timestamp(f"2024-01-{d:02}")) for s in "pq" for d in (4, 5)]


def test_long_with_a_datetime_index():
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02"] * 2)
    X = pd.DataFrame({"site": ["p", "p", "q", "q"], "y": np.ones(4)}, index=index)
    out = forecast(X, 1, id_col="site")
    assert out.columns.tolist() == ["site", "y"]
    assert out.index.tolist() == [pd.Timestamp("2024-01-03")] * 2


@pytest.mark.parametrize(("shape", "out"), [((4,), (3,)), ((4, 2), (3, 2)), ((5, 4, 2), (5, 3, 2))])
def test_arrays(shape, out):
    assert forecast(np.ones(shape)).shape == out
    assert forecast(np.ones(shape), suffixes=["-lo", "-hi"]).shape == (*out, 2)


def test_series_of_unequal_length_do_not_stack():
    layout = read_panel(np.ones((2, 4, 1))).layout
    with pytest.raises(HorizonError, match=r"\[2, 3\] rows do not stack"):
        write_forecast(layout, [0, 1], [np.arange(2.0), np.arange(3.0)], [np.ones((2, 1)), np.ones((3, 1))])


def test_suffixes_follow_each_channel(make):
    X = make({"t": [0, 1], "a": [1.0, 2.0], "b": [1.0, 2.0]})
    out = forecast(X, 1, time_col="t", suffixes=["-q-0.1", "-q-0.9"])
    assert list(out.columns) == ["t", "a-q-0.1", "a-q-0.9", "b-q-0.1", "b-q-0.9"]
    assert [out[c].to_list()[0] for c in out.columns[1:]] == [0.0, 10.0, 100.0, 110.0]


def test_frames_do_not_share_their_column_index():
    X = pd.DataFrame({"a": np.ones(3)}, index=pd.date_range("2024", periods=3, freq="D"))
    forecast(X).columns.name = "changed"
    assert forecast(X).columns.name is None
