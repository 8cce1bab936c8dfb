from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts.data import Layout, read_panel
from ssmts.errors import (
    AllMissingError,
    ClockMismatchError,
    InfiniteValueError,
    InputTypeError,
    MissingColumnError,
    NotNumericError,
    ShapeError,
    UnknownColumnError,
)

HOUR = 3_600_000_000_000
START = dt.datetime(2024, 1, 1)
STAMPS = [START + dt.timedelta(hours=k) for k in range(5)]
FIRST = pd.Timestamp(START).as_unit("ns").value


def wide_columns():
    return {"ds": STAMPS, "a": [1.0, 2.0, 3.0, 4.0, 5.0], "b": [5, 4, 3, 2, 1]}


def indexed(columns=("a", "b"), tz=None, name="ds"):
    values = np.arange(5.0 * len(columns)).reshape(5, -1)
    return pd.DataFrame(values, columns=list(columns), index=pd.DatetimeIndex(STAMPS, name=name, tz=tz))


def test_wide_frame(make):
    panel = read_panel(make(wide_columns()), time_col="ds")
    (series,) = panel.series
    assert panel.channels == ("a", "b")
    assert panel.n_channels == 2
    assert series.id is None
    assert series.times.dtype == np.int64
    assert series.times.tolist() == [FIRST + k * HOUR for k in range(5)]
    assert series.values.dtype == np.float64
    assert series.values.tolist() == [[1, 5], [2, 4], [3, 3], [4, 2], [5, 1]]
    assert series.origin == FIRST + 4 * HOUR


def test_long_frame_sorts_each_series_and_keeps_the_order_of_ids(make):
    frame = make(
        {
            "sensor": ["z", "a", "z", "a", "z"],
            "when": [STAMPS[k] for k in (2, 1, 0, 0, 1)],
            "load": [3.0, 20.0, 1.0, 10.0, None],
            "note": ["x"] * 5,
        }
    )
    panel = read_panel(frame, id_col="sensor", time_col="when", target_cols="load")
    assert panel.ids == ("z", "a")
    np.testing.assert_array_equal(panel.series[0].values, [[1.0], [np.nan], [3.0]])
    assert panel.series[1].values.tolist() == [[10.0], [20.0]]
    assert (np.diff(panel.series[0].times) == HOUR).all()


def test_nixtla_names_need_no_parameters(make):
    frame = make({"unique_id": [7, 7, 8, 8], "ds": [0, 1, 0, 1], "y": [1, 2, 3, 4]})
    panel = read_panel(frame)
    assert panel.ids == (7, 8)
    assert panel.channels == ("y",)
    assert panel.layout.form == "long"


def test_fast_and_general_path_agree():
    frame = indexed(tz="Europe/Berlin")
    fast, general = read_panel(frame), read_panel(frame, time_col="ds")
    assert fast.layout.to_dict() == general.layout.to_dict()
    np.testing.assert_array_equal(fast.series[0].times, general.series[0].times)
    np.testing.assert_array_equal(fast.series[0].values, general.series[0].values)


def test_plain_frame_is_read_without_a_copy_and_never_written_to():
    frame = indexed()
    before = frame.copy(deep=True)
    panel = read_panel(frame)
    assert np.shares_memory(panel.series[0].values, frame.to_numpy())
    read_panel(frame.iloc[::-1])
    pd.testing.assert_frame_equal(frame, before)


def test_a_panel_of_sorted_long_rows_is_views_of_one_array(make):
    frame = make({"unique_id": ["a"] * 3 + ["b"] * 2, "ds": STAMPS[:3] + STAMPS[:2], "y": [1.0, 2, 3, 4, 5]})
    a, b = read_panel(frame).series
    assert a.values.base is b.values.base


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", "float32", "Int64", "Float64", "int64[pyarrow]", "double[pyarrow]"]
)
def test_every_numeric_pandas_dtype(dtype):
    frame = indexed(("a",)).astype(dtype)
    assert read_panel(frame).series[0].values.tolist() == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]"])
def test_pandas_null_is_missing(dtype):
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype=dtype)}, index=pd.DatetimeIndex(STAMPS[:3]))
    np.testing.assert_array_equal(read_panel(frame).series[0].values[:, 0], [1, np.nan, 3])


def test_sparse_pandas_columns_are_made_dense_on_either_path():
    frame = pd.DataFrame(
        {"a": pd.arrays.SparseArray([0.0, 1.0])}, index=pd.DatetimeIndex(STAMPS[:2], name="t")
    )
    for given in (frame, frame.reset_index()):
        time_col = "t" if "t" in given.columns else None
        assert read_panel(given, time_col=time_col).series[0].values.tolist() == [[0], [1]]


def test_polars_null_and_decimal():
    frame = pl.DataFrame({"a": [1, None, 3], "b": [1.5, 2.5, None]}).with_columns(
        pl.col("b").cast(pl.Decimal(9, 2))
    )
    np.testing.assert_array_equal(read_panel(frame).series[0].values, [[1, 1.5], [np.nan, 2.5], [3, np.nan]])


def test_lazy_polars_is_collected():
    panel = read_panel(pl.DataFrame(wide_columns()).lazy(), time_col="ds")
    assert panel.layout.kind == "polars"
    assert len(panel.series[0].times) == 5


def test_pandas_series_is_one_channel():
    panel = read_panel(indexed()["b"])
    assert panel.channels == ("b",)
    assert panel.layout.ndim == 1
    assert panel.series[0].values.shape == (5, 1)


def test_range_index_counts_unit_steps_and_numbers_keep_their_gaps():
    frame = pd.DataFrame({"a": np.arange(5.0)})
    assert read_panel(frame).series[0].times.tolist() == [0, 1, 2, 3, 4]
    assert read_panel(frame.iloc[[0, 1, 4]]).series[0].times.tolist() == [0, 1, 4]
    assert read_panel(frame).clock.kind == "number"


def test_polars_without_times_counts_rows():
    panel = read_panel(pl.DataFrame({"a": [1.0, 2.0]}))
    assert panel.series[0].times.tolist() == [0, 1]


def test_multiindex_levels_are_ids_and_times():
    index = pd.MultiIndex.from_product([["a", "b"], STAMPS[:3]], names=["site", "when"])
    frame = pd.DataFrame({"y": np.arange(6.0)}, index=index)
    for names in ({"id_col": "site"}, {"id_col": "site", "time_col": "when"}):
        panel = read_panel(frame, **names)
        assert panel.ids == ("a", "b")
        assert panel.layout.id_in_index
        assert panel.layout.time_in_index
        assert (np.diff(panel.series[1].times) == HOUR).all()


def test_date_columns(make):
    days = [dt.date(2024, 3, 30) + dt.timedelta(days=k) for k in range(3)]
    frame = make({"day": days, "a": [1.0, 2.0, 3.0]})
    if isinstance(frame, pd.DataFrame):
        frame = frame.astype({"day": "date32[day][pyarrow]"})
    panel = read_panel(frame, time_col="day")
    assert panel.layout.unit == "D"
    assert (np.diff(panel.series[0].times) == 24 * HOUR).all()


def test_clock_changes_are_harmless():
    index = pd.date_range("2024-10-26", "2024-10-28", freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"a": np.arange(float(len(index)))}, index=index)
    for given in (
        frame,
        frame.rename_axis("t").reset_index(),
        pl.DataFrame(frame.rename_axis("t").reset_index()),
    ):
        panel = read_panel(given, time_col="t") if "t" in given.columns else read_panel(given)
        assert (np.diff(panel.series[0].times) == HOUR).all()
        assert panel.layout.tz == "Europe/Berlin"


@pytest.mark.parametrize(("shape", "n_series", "channels"), [((6,), 1, 1), ((6, 2), 1, 2), ((3, 6, 2), 3, 2)])
def test_arrays(shape, n_series, channels):
    array = np.random.default_rng(0).normal(size=shape)
    panel = read_panel(array)
    assert len(panel.series) == n_series
    assert all(series.values.shape == (6, channels) for series in panel.series)
    assert np.shares_memory(panel.series[-1].values, array)
    assert panel.series[0].times.tolist() == [0, 1, 2, 3, 4, 5]


def test_lists_and_object_arrays_of_numbers_are_arrays():
    assert read_panel([[1, 2], [3, 4]]).series[0].values.tolist() == [[1, 2], [3, 4]]
    assert read_panel(np.array([1, 2.5], dtype=object)).series[0].values.tolist() == [[1], [2.5]]


def test_explicit_freq_is_kept_and_none_is_inferred():
    index = pd.date_range("2024-01-01", periods=4, freq="MS")
    explicit = pd.DataFrame({"a": np.arange(4.0)}, index=index)
    assert read_panel(explicit).layout.offset == pd.offsets.MonthBegin()
    explicit.index = pd.DatetimeIndex(index.to_numpy())
    assert read_panel(explicit).layout.offset is None


@pytest.mark.parametrize(
    "X",
    [indexed(), indexed(tz="Asia/Tokyo"), pl.DataFrame(wide_columns()), np.ones((2, 3, 1))],
    ids=lambda x: type(x).__name__,
)
def test_layout_survives_json(X):
    layout = read_panel(X, time_col="ds" if hasattr(X, "columns") else None).layout
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


def test_categories_survive_json():
    frame = pd.DataFrame(
        {"unique_id": pd.Categorical(["b", "b"], categories=["a", "b"]), "ds": [0, 1], "y": [1, 2]}
    )
    layout = read_panel(frame).layout
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout
    assert layout.id_categories == ("a", "b")


class TestExpected:
    """What predict accepts, given what fit saw."""

    def test_other_library_and_time_in_a_column(self):
        expected = read_panel(indexed()).layout
        for X in (indexed().reset_index(), pl.DataFrame(indexed().reset_index())):
            panel = read_panel(X, expected=expected)
            assert panel.channels == ("a", "b")
            assert not panel.layout.time_in_index

    def test_time_in_the_index_where_fit_saw_a_column(self):
        expected = read_panel(indexed().reset_index(), time_col="ds").layout
        assert read_panel(indexed(), time_col="ds", expected=expected).layout.time_in_index

    def test_reset_index_of_a_nameless_index(self):
        expected = read_panel(indexed(name=None)).layout
        assert read_panel(indexed(name=None).reset_index(), expected=expected).layout.time_col == "index"

    def test_a_channel_may_be_called_index(self):
        frame = pd.DataFrame({"index": [1.0, 2.0], "a": [3.0, 4.0]})
        panel = read_panel(frame, expected=read_panel(frame).layout)
        assert panel.channels == ("index", "a")

    def test_columns_go_back_to_the_order_of_fit(self):
        expected = read_panel(indexed()).layout
        panel = read_panel(indexed()[["b", "a"]], expected=expected)
        assert panel.channels == ("a", "b")
        np.testing.assert_array_equal(panel.series[0].values, indexed().to_numpy())

    def test_extra_columns_pass_only_where_channels_are_named(self):
        wider = indexed().assign(c=1.0)
        expected = read_panel(indexed(), target_cols=["a", "b"]).layout
        assert read_panel(wider, target_cols=["a", "b"], expected=expected).channels == ("a", "b")
        with pytest.raises(
            UnknownColumnError, match=r"should match those that were passed during fit: column 'c'"
        ):
            read_panel(wider, expected=expected)

    def test_missing_column(self):
        with pytest.raises(MissingColumnError, match=r"column 'b' is missing.*Add it"):
            read_panel(indexed(["a"]), expected=read_panel(indexed()).layout)

    def test_array_of_another_width(self):
        expected = read_panel(np.ones((4, 3))).layout
        with pytest.raises(ShapeError, match=r"X has 1 features, but \w+ is expecting 3 features as input"):
            read_panel(np.ones((4, 1)), expected=expected)

    @pytest.mark.parametrize(
        "X",
        [
            indexed(tz="UTC"),
            indexed().reset_index(drop=True),
            np.ones((4, 2)),
            pl.DataFrame({"ds": [0, 1], "a": [1.0, 2.0], "b": [1.0, 2.0]}),
        ],
        ids=["aware", "numbers", "array", "integers"],
    )
    def test_another_clock(self, X):
        with pytest.raises(ClockMismatchError, match="at fit they were naive datetimes"):
            read_panel(X, expected=read_panel(indexed()).layout)

    def test_other_zones_are_the_same_clock(self):
        expected = read_panel(indexed(tz="UTC")).layout
        assert read_panel(indexed(tz="Asia/Tokyo"), expected=expected).layout.tz == "Asia/Tokyo"

    def test_a_channel_may_be_unobserved_but_not_all_of_them(self):
        expected = read_panel(indexed()).layout
        assert np.isnan(
            read_panel(indexed().assign(a=np.nan), expected=expected).series[0].values[:, 0]
        ).all()
        with pytest.raises(AllMissingError, match="X holds no observation"):
            read_panel(indexed() * np.nan, expected=expected)


def test_origin_is_the_last_row_with_any_observation():
    frame = indexed()
    frame.iloc[3, 0] = frame.iloc[4, 0] = frame.iloc[4, 1] = np.nan
    assert read_panel(frame).series[0].origin == FIRST + 3 * HOUR


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones((2, 2, 2, 2)), ShapeError, r"dim 4.*Reshape your data"),
        (np.float64(3.0), ShapeError, r"dim 0.*Reshape your data"),
        ([[1.0], [1.0, 2.0]], ShapeError, r"ragged.*long frame"),
        (np.array([["x", "y"]]), NotNumericError, r"of text.*astype\(float\)"),
        (np.array([True, False]), NotNumericError, "bool"),
        (
            np.array([1.0, {"a": 1}], dtype=object),
            NotNumericError,
            r"X\[1\] .*argument must be .* string.* number",
        ),
        (np.array([1.0, "2"], dtype=object), NotNumericError, r"X\[1\] is '2'"),
        (np.array([[1.0, 2.0], [np.inf, 1.0]]), InfiniteValueError, "infinity: row 1, channel 0"),
        (
            np.where(np.arange(12).reshape(2, 3, 2) == 9, -np.inf, 1.0),
            InfiniteValueError,
            "series 1, row 1, channel 1",
        ),
        (np.array([[1.0, np.nan], [2.0, np.nan]]), AllMissingError, "Channel 1 .*Leave it out"),
        (np.stack([np.ones((3, 1)), np.full((3, 1), np.nan)]), AllMissingError, "Series 1 .*Leave it out"),
        ("train.csv", InputTypeError, "X is a str"),
        (None, InputTypeError, "X is a NoneType"),
        ({"a": [1.0]}, InputTypeError, "X is a dict"),
        (pl.Series([1.0]), InputTypeError, r"polars Series.*to_numpy"),
        (pl.DataFrame({"a": [1.0]}).to_arrow(), InputTypeError, "pyarrow"),
    ],
)
def test_bad_arrays_and_types(X, error, message):
    with pytest.raises(error, match=message):
        read_panel(X)


def test_sparse_matrices_are_refused():
    from scipy.sparse import eye_array

    with pytest.raises(InputTypeError, match=r"Sparse input is not supported.*toarray"):
        read_panel(eye_array(3))
