"""Frames whose rows are single observations: every channel of every series has a clock of its own."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import (
    ColumnError,
    CovariateError,
    DuplicateTimeError,
    MissingColumnError,
    ParameterError,
    TooShortWarning,
    UnknownColumnError,
)

START = pd.Timestamp("2024-01-01")
NAMES = {"id_col": "site", "time_col": "ts", "channel_col": "sensor"}
KEYS = ["site", "sensor", "ts"]


def wave(stamps):
    return np.sin(2 * np.pi * np.asarray((stamps - START) / pd.Timedelta("1D")))


@pytest.fixture(scope="module")
def frame():
    """Two sites; one has no flow meter. Temperature every 15 min, flow at 7 min past, valves at random."""
    rng, parts = np.random.default_rng(0), []
    for site in "AB":
        for sensor in ("temp", "flow", "valve"):
            if sensor == "valve":
                stamps = START + pd.to_timedelta(
                    np.sort(rng.choice(20 * 86400, 480, replace=False)), unit="s"
                )
            else:
                begin, every = (START, "15min") if sensor == "temp" else (START + pd.Timedelta("7min"), "1h")
                stamps = pd.date_range(begin, START + pd.Timedelta("20D"), freq=every)
            if (site, sensor) != ("B", "flow"):
                y = wave(stamps) + 0.1 * rng.normal(size=len(stamps))
                parts.append(pd.DataFrame({"site": site, "sensor": sensor, "ts": stamps, "y": y}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def model(frame):
    return LinearSSMForecaster("1D", "4D", **NAMES).fit(frame.sample(frac=1.0, random_state=0))


@pytest.mark.slow
def test_every_channel_is_forecast_on_its_own_clock(model, frame):
    assert model.reference_step_ == pd.Timedelta("1h")
    assert list(model.feature_names_in_) == ["flow", "temp", "valve"]
    forecast = model.predict(frame)
    assert list(forecast.columns) == ["site", "sensor", "ts", "y"]
    assert ((forecast["y"] - wave(forecast["ts"])) ** 2).groupby(forecast["sensor"]).mean().max() < 0.01
    rows = forecast.groupby(["site", "sensor"]).size()
    assert rows["A", "temp"] == rows["B", "temp"] == 96
    assert rows["A", "flow"] == 24
    assert ("B", "flow") not in rows
    origins = frame.groupby("site")["ts"].max()
    assert (forecast["ts"] > forecast["site"].map(origins)).all()


@pytest.mark.slow
def test_it_is_the_model_of_a_wide_frame_with_missing_values():
    stamps, rng = pd.date_range(START, periods=480, freq="1h", name="ts"), np.random.default_rng(1)
    wide = pd.DataFrame({"a": wave(stamps), "b": -wave(stamps)}, stamps) + 0.1 * rng.normal(size=(480, 2))
    wide = wide.mask(rng.random(wide.shape) < 0.3)
    long = wide.reset_index().melt("ts", var_name="sensor", value_name="y").dropna()
    model = LinearSSMForecaster("1D", "4D", time_col="ts", channel_col="sensor").fit(long)
    expected = LinearSSMForecaster("1D", "4D").fit(wide).predict(wide, step="20min")
    found = model.predict(long, step="20min").pivot(index="ts", columns="sensor", values="y")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_the_order_of_rows_and_the_library_do_not_matter(model, frame):
    expected = model.predict(frame).sort_values(KEYS).reset_index(drop=True)
    shuffled = model.predict(frame.sample(frac=1.0, random_state=1)).sort_values(KEYS)
    pd.testing.assert_frame_equal(shuffled.reset_index(drop=True), expected)
    polars = model.predict(pl.from_pandas(frame))
    assert polars.columns == list(expected.columns)
    np.testing.assert_array_equal(polars.sort(KEYS)["y"].to_numpy(), expected["y"])


@pytest.mark.slow
def test_labels_come_back_in_their_dtype(frame):
    coded = frame.assign(sensor=frame["sensor"].astype("category"))
    model = LinearSSMForecaster("1D", "4D", **NAMES).fit(coded)
    assert model.predict(coded)["sensor"].dtype == coded["sensor"].dtype
    numbered = frame.assign(sensor=frame["sensor"].map({"temp": 3, "flow": 1, "valve": 2}))
    model = LinearSSMForecaster("1D", "4D", **NAMES).fit(numbered)
    assert model.predict(numbered)["sensor"].dtype == np.int64


@pytest.mark.slow
def test_intervals_paths_backtests_and_holes(model, frame):
    rows = len(model.predict(frame))
    interval = model.predict_interval(frame, level=80)
    assert len(interval) == rows
    assert (interval["y-lo-80"] < interval["y-hi-80"]).all()
    assert len(model.sample(2, frame)) == rows
    assert set(model.backtest(frame)["sensor"]) == {"temp", "flow", "valve"}
    hourly = model.reconstruct(frame, step="1h")
    assert hourly.notna().all(axis=None)
    assert ("B", "flow") not in hourly.groupby(["site", "sensor"]).size()


def test_a_stream_takes_channels_one_by_one(model, frame, tmp_path):
    cut = START + pd.Timedelta("18D")
    stream = model.stream(frame[frame["ts"] <= cut])
    for row in frame[frame["ts"] > cut].sort_values("ts").head(50).itertuples():
        stream.update(row.ts, {row.sensor: row.y}, id=row.site)
    rest = frame[frame["ts"] > cut].sort_values("ts").iloc[50:]
    assert stream.update(rest).accepted == len(rest.drop_duplicates(["site", "ts"]))
    assert stream.ready == ["A", "B"]
    pd.testing.assert_frame_equal(stream.predict(), model.predict(stream.window()))
    stream.save(tmp_path / "stream")
    again = ssmts.ForecastStream.load(tmp_path / "stream")
    pd.testing.assert_frame_equal(again.predict(), stream.predict())
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(ssmts.load(tmp_path / "model").predict(frame), model.predict(frame))


def test_a_channel_that_fell_silent_is_named_and_left_out(model, frame):
    silent = frame[~((frame["sensor"] == "flow") & (frame["ts"] > START + pd.Timedelta("10D")))]
    with pytest.warns(TooShortWarning, match="'flow' of series 'A'"):
        forecast = model.predict(silent)
    assert set(forecast["sensor"]) == {"temp", "valve"}


def test_faults_are_named(model, frame):
    with pytest.raises(DuplicateTimeError, match=r"sensor 'temp'.*row 0 .*row 1"):
        model.predict(frame.iloc[[0, 0, 1, 2]].reset_index(drop=True))
    with pytest.raises(UnknownColumnError, match="'smoke'"):
        model.predict(frame.assign(sensor="smoke"))
    with pytest.raises(MissingColumnError, match="channel_col='sensor'"):
        model.predict(frame.drop(columns="sensor"))
    with pytest.raises(ColumnError, match="target_cols"):
        LinearSSMForecaster("1D", "4D", **NAMES).fit(frame.assign(z=1.0))
    with pytest.raises(ColumnError, match="channel_col='a'"):
        LinearSSMForecaster(4, 8, channel_col="a").fit(np.zeros((50, 2)))
    with pytest.raises(CovariateError, match="sensor"):
        LinearSSMForecaster("1D", "4D", past_covariates="z", **NAMES).fit(frame.assign(z=1.0))
    with pytest.raises(ParameterError, match="sample_weight"):
        LinearSSMForecaster("1D", "4D", **NAMES).fit(frame, sample_weight=np.ones(len(frame)))
