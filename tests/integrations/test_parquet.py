"""Scoring piece by piece: the same numbers as predict in one go, whatever the pieces."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ssmts.integrations.parquet as parquet
from ssmts import LinearSSMClassifier, LinearSSMForecaster
from ssmts.errors import (
    EmptyDataError,
    InfiniteValueError,
    InstantError,
    MissingColumnError,
    MissingIdError,
    ParameterError,
)
from ssmts_datasets import make_sines

LENGTH, N_SERIES = 60, 23


@pytest.fixture(scope="module")
def many():
    return make_sines(LENGTH, n_series=N_SERIES, periods=[12.0, 30.0], layout="long", random_state=2).frame


@pytest.fixture(scope="module")
def model(many):
    return LinearSSMForecaster(horizon=6, context_length=24, n_modes=16).fit(many)


def assert_same(path, expected):
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected, check_dtype=False, rtol=1e-12)


@pytest.fixture(scope="module")
def folder(many, tmp_path_factory):
    """Three files; series are cut by row groups and by files."""
    folder = tmp_path_factory.mktemp("parts")
    for part, (a, b) in enumerate([(0, 500), (500, 770), (770, len(many))]):
        many.iloc[a:b].to_parquet(folder / f"{part:03}.parquet", row_group_size=77, index=False)
    return folder


@pytest.mark.parametrize("n_rows", [1, 60, 130, 10**6])
@pytest.mark.slow
def test_whatever_the_pieces(model, many, folder, n_rows, tmp_path, monkeypatch):
    sizes = []
    score = parquet.Scorer.__call__

    def watched(self, table):
        sizes.append(table.num_rows)
        return score(self, table)

    monkeypatch.setattr(parquet.Scorer, "__call__", watched)
    scored = parquet.predict(model, folder, tmp_path / "out.parquet", n_rows=n_rows)
    assert scored == parquet.Scored(N_SERIES, 6 * N_SERIES, 0)
    assert_same(tmp_path / "out.parquet", model.predict(many))
    assert max(sizes) <= n_rows + LENGTH
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("options", [{"step": "30min", "horizon": "3h"}, {"level": [50, 90]}, {"at": ...}])
def test_a_lazy_frame_and_the_options_of_predict(model, many, folder, options, tmp_path):
    if "at" in options:
        options = {"at": [many["ds"].max() + pd.Timedelta("150min")]}
    query = pl.scan_parquet(folder / "*.parquet").filter(pl.col("unique_id") != many["unique_id"].iloc[0])
    parquet.predict(model, query, tmp_path / "out.parquet", n_rows=200, **options)
    rest = many[many["unique_id"] != many["unique_id"].iloc[0]]
    ask = model.predict_interval if "level" in options else model.predict
    assert_same(tmp_path / "out.parquet", ask(rest, **options))


@pytest.mark.parametrize("kind", ["index", "numbers", "zone"])
def test_whatever_the_ids_and_times(many, kind, tmp_path):
    frame = many.copy()
    if kind == "numbers":
        frame["unique_id"], frame["ds"] = (
            np.repeat(np.arange(N_SERIES), LENGTH),
            many.groupby("unique_id").cumcount(),
        )
    if kind == "zone":
        frame["ds"] = frame["ds"].dt.tz_localize("Europe/Berlin")
    given = frame.set_index(["unique_id", "ds"]) if kind == "index" else frame
    model = LinearSSMForecaster(
        horizon=6, context_length=24, n_modes=8, id_col="unique_id", time_col="ds"
    ).fit(given)
    frame.to_parquet(tmp_path / "in.parquet", row_group_size=77)
    parquet.predict(model, tmp_path / "in.parquet", tmp_path / "out.parquet", n_rows=300)
    assert_same(tmp_path / "out.parquet", model.predict(frame))


def damaged(many, at):
    """Infinity in one series, one time twice in another, one row alone in a third."""
    names = many["unique_id"].unique()
    frame = many.copy()
    frame.loc[at * LENGTH + 7, "y"] = np.inf
    second = (at + 1) * LENGTH
    frame.loc[second + 3, "ds"] = frame.loc[second + 2, "ds"]
    drop = frame.index[(frame["unique_id"] == names[at + 2])][:-1]
    return frame.drop(drop), names[at : at + 3].tolist()


def test_the_series_at_fault_is_named_and_no_file_is_left(model, many, tmp_path):
    frame, bad = damaged(many, 9)
    frame.to_parquet(tmp_path / "in.parquet")
    (tmp_path / "out.parquet").write_bytes(b"of yesterday")
    with pytest.raises(InfiniteValueError, match=f"^Series '{bad[0]}': .*column 'y', row 7"):
        parquet.predict(model, tmp_path / "in.parquet", tmp_path / "out.parquet", n_rows=500)
    assert (tmp_path / "out.parquet").read_bytes() == b"of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


@pytest.mark.parametrize("at", [0, 9, N_SERIES - 3])
@pytest.mark.parametrize("n_rows", [LENGTH, 10**6])
def test_faults_are_recorded_and_the_others_answered(model, many, at, n_rows, tmp_path):
    frame, bad = damaged(many, at)
    frame.to_parquet(tmp_path / "in.parquet")
    scored = parquet.predict(
        model, tmp_path / "in.parquet", tmp_path / "out.parquet", errors="record", n_rows=n_rows
    )
    assert scored == parquet.Scored(N_SERIES, 6 * (N_SERIES - 3) + 3, 3)
    found = pd.read_parquet(tmp_path / "out.parquet")
    fine = found["error"].isna()
    expected = model.predict(many[~many["unique_id"].isin(bad)])
    pd.testing.assert_frame_equal(
        found.loc[fine, ["unique_id", "ds", "y"]].reset_index(drop=True),
        expected,
        check_dtype=False,
        rtol=1e-12,
    )
    said = found[~fine].set_index("unique_id")
    assert said.index.tolist() == bad
    assert said[["ds", "y"]].isna().all(axis=None)
    for name, words in zip(bad, ("infinity", "have the time", "observation"), strict=True):
        assert said.loc[name, "error"].startswith(f"Series '{name}': ")
        assert words in said.loc[name, "error"]


def test_nothing_but_faults(model, many, tmp_path):
    many.assign(y=np.inf).to_parquet(tmp_path / "in.parquet")
    scored = parquet.predict(model, tmp_path / "in.parquet", tmp_path / "out.parquet", errors="record")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert (scored.n_failed, len(found)) == (N_SERIES, N_SERIES)
    assert found.columns.tolist() == ["unique_id", "ds", "y", "error"]


def test_what_is_wrong_with_all_is_said_at_once(model, many, tmp_path):
    out = tmp_path / "out.parquet"
    many.to_parquet(tmp_path / "in.parquet")
    for frame, error, words in (
        (many.rename(columns={"unique_id": "name"}), MissingColumnError, "'unique_id' is not a column"),
        (many.drop(columns="y"), MissingColumnError, "y"),
        (many.assign(unique_id=many["unique_id"].where(many.index != 5)), MissingIdError, "no 'unique_id'"),
        (many.iloc[:0], EmptyDataError, "no rows"),
        (pd.concat([many, many.head(3)]), InstantError, "do not lie together. Sort"),
    ):
        frame.to_parquet(tmp_path / "in.parquet")
        with pytest.raises(error, match=words):
            parquet.predict(model, tmp_path / "in.parquet", out, errors="record", n_rows=100)
    wide = LinearSSMForecaster(horizon=6, context_length=24, n_modes=8).fit(np.sin(np.arange(99.0)))
    for bad, options, words in (
        (model, {"errors": "ignore"}, "'raise' or 'record'"),
        (model, {"n_rows": 0}, "at least 1"),
        (model, {"level": 120}, "level"),
        (wide, {}, "a long frame"),
        (many, {}, "an estimator"),
    ):
        with pytest.raises(ParameterError, match=words):
            parquet.predict(bad, tmp_path / "in.parquet", out, **options)
    with pytest.raises(ParameterError, match="LazyFrame"):
        parquet.predict(model, many, out)
    assert not out.exists()


def test_classes_of_many_cases(many, tmp_path):
    y = np.arange(N_SERIES) % 2
    frame = many.assign(y=many["y"] * (1 + 4 * np.repeat(y, LENGTH)))
    model = LinearSSMClassifier(n_readouts=4, random_state=0).fit(frame, np.where(y, "loud", "quiet"))
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "in.parquet", row_group_size=77)
    parquet.predict(model, tmp_path / "in.parquet", tmp_path / "out.parquet", n_rows=200)
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["unique_id"].tolist() == many["unique_id"].unique().tolist()
    assert found["prediction"].tolist() == model.predict(frame).tolist()
    np.testing.assert_allclose(
        found[["probability-loud", "probability-quiet"]], model.predict_proba(frame), rtol=1e-9
    )
    with pytest.raises(ParameterError, match="step"):
        parquet.predict(model, tmp_path / "in.parquet", tmp_path / "out.parquet", step="1h")
