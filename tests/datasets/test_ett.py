import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts_datasets import load_ett
from ssmts_datasets._ett_files import CHANNELS

NAMES = ("ETTh1", "ETTh2", "ETTm1", "ETTm2")
MONTH = {"h": 720, "m": 2880}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_real_files_load_with_the_published_borders(real_ett, name):
    data = load_ett(name)
    month = MONTH[name[3]]
    assert list(data.frame.columns) == list(CHANNELS)
    assert (data.frame.dtypes == np.float64).all()
    assert data.frame.index.name == "date"
    assert data.frame.index[0] == pd.Timestamp("2016-07-01")
    assert (np.diff(data.frame.index) == data.reference_step).all()
    assert (data.borders.train, data.borders.validation, data.borders.test) == (
        (0, 12 * month),
        (12 * month, 16 * month),
        (16 * month, 20 * month),
    )
    assert len(data.frame) == {"h": 17420, "m": 69680}[name[3]]
    assert (data.target, data.licence) == ("OT", "CC BY-ND 4.0")
    assert "Informer" in data.citation
    assert data.path == real_ett / f"{name}.csv"
    assert "frame" not in repr(data)


def test_values_are_those_that_pandas_reads_exactly(real_ett):
    data = load_ett("ETTh2").frame
    path = real_ett / "ETTh2.csv"
    plain = pd.read_csv(path, index_col="date", parse_dates=["date"], float_precision="round_trip")
    pd.testing.assert_frame_equal(
        data, plain, check_exact=True, check_index_type=False, check_column_type=False
    )


@pytest.mark.parametrize("hourly", ["ETTh1", "ETTh2"])
@pytest.mark.slow
def test_hourly_files_are_the_full_hours_of_the_others(real_ett, hourly):
    fine = load_ett(hourly.replace("h", "m")).frame
    coarse = load_ett(hourly).frame
    assert (fine.loc[coarse.index] - coarse).abs().max().max() < 1e-13


def test_parts_follow_each_other_and_context_comes_before(real_ett):
    data = load_ett("ETTh1")
    pd.testing.assert_frame_equal(
        pd.concat([data.train, data.validation, data.test]), data.frame.iloc[:14400]
    )
    context = data.split("test", context=720)
    assert len(context) == 2880 + 720
    pd.testing.assert_frame_equal(context.iloc[720:], data.test)
    pd.testing.assert_frame_equal(context.iloc[:720], data.validation.iloc[-720:])


def test_polars_holds_the_same(real_ett):
    data, plain = load_ett("ETTh1", frame="polars"), load_ett("ETTh1")
    assert isinstance(data.frame, pl.DataFrame)
    assert data.frame.columns == ["date", *CHANNELS]
    assert data.frame.schema["date"] == pl.Datetime("ns")
    for part in ("train", "validation", "test"):
        ours, theirs = data.split(part, context=0), plain.split(part).reset_index()
        assert (ours["date"].to_numpy() == theirs["date"].to_numpy()).all()
        assert (ours.drop("date").to_numpy() == theirs[list(CHANNELS)].to_numpy()).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"part": "testing"}, 'must be "train", "validation" or "test"'),
        ({"part": "train", "context": 1}, r"0\.\.0, the rows before train; got 1"),
        ({"part": "test", "context": -1}, r"0\.\.11520.*got -1"),
        ({"part": "test", "context": 11521}, "got 11521"),
    ],
)
def test_split_says_what_it_accepts(small_etth1, tmp_path, arguments, message):
    (tmp_path / "ETTh1.csv").write_text(small_etth1)
    with pytest.raises(ValueError, match=message):
        load_ett("ETTh1", data_home=tmp_path).split(**arguments)


def test_unknown_name_and_frame_are_refused(small_etth1, tmp_path):
    (tmp_path / "ETTh1.csv").write_text(small_etth1)
    with pytest.raises(ValueError, match="one of ETTh1, ETTh2, ETTm1, ETTm2, got 'ETTh3'"):
        load_ett("ETTh3", data_home=tmp_path)
    with pytest.raises(ValueError, match='"pandas" or "polars", got \'dask\''):
        load_ett("ETTh1", data_home=tmp_path, frame="dask")
