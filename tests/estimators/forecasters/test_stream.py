"""A stream forecasts what predict forecasts from the same observations, however they came."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import ForecastStream, LinearSSMForecaster
from ssmts.errors import (
    ClockMismatchError,
    DeadChannelWarning,
    DuplicateTimeError,
    DurationError,
    EmptyDataError,
    InfiniteValueError,
    InstantError,
    ModelFileError,
    NotNumericError,
    ParameterError,
    ShapeError,
    TooShortError,
    UnknownColumnError,
)
from ssmts.estimators.forecasters.stream import StreamUpdate


def assert_same(found, expected):
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
    else:
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.fixture
def stream(model, frame):
    return model.stream(frame.iloc[:200])


def test_row_by_row_as_in_one_batch(model, stream, frame):
    for time, row in frame.iloc[200:300].iterrows():
        assert stream.update(time, row) == StreamUpdate(accepted=1)
        if time.hour == 0:
            assert_same(stream.predict(), model.predict(frame[:time]))
    assert_same(stream.predict(step="20min"), model.predict(frame.iloc[:300], step="20min"))
    at = frame.index[299] + pd.to_timedelta(["7min", "3h"])
    assert_same(stream.predict(at=at), model.predict(frame.iloc[:300], at=at))
    assert_same(stream.predict(horizon="4h"), model.predict(frame.iloc[:300], horizon="4h"))


def test_the_deep_path_as_well(deep, chaos):
    stream = deep.stream(chaos[:100])
    stream.update(chaos[100:200])
    for k in range(200, 300):
        stream.update(k, chaos[k])
    assert deep.module_ is not None
    assert_same(stream.predict(), deep.predict(chaos[:300]))


@pytest.mark.slow
def test_a_hundred_thousand_updates_of_every_sort(model):
    """Single rows, channels one by one, frames, late rows, repetitions, holes: as predict on all of it."""
    generator = np.random.default_rng(0)
    n = 100_000
    intervals = generator.choice([1800, 3600, 5400, 36_000], n, p=[0.2, 0.6, 0.195, 0.005])
    seconds = np.cumsum(intervals)
    index = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, unit="s")
    phase = seconds[:, None] / 3600.0 * 2 * np.pi / np.array([48.0, 120.0])
    values = np.sin(phase) + 0.1 * generator.normal(size=(n, 2))
    values[generator.random((n, 2)) < 0.1] = np.nan
    history = pd.DataFrame(values, index=index, columns=["y0", "y1"])
    stream = model.stream(history.iloc[:100])
    k, n_checked, rows = 100, 0, history.to_numpy()
    sort = generator.integers(0, 20, n)
    while k < n:
        if sort[k] == 0:  # a frame of some rows, of which the first few are known
            block = history.iloc[max(k - 3, 0) : k + 5]
            report = stream.update(block)
            assert report.accepted + report.unchanged == len(block)
            k = min(k + 5, n)
        elif sort[k] == 1 and k + 1 < n:  # the newer one first
            stream.update(index[k + 1], rows[k + 1])
            report = stream.update(index[k], rows[k])
            assert report.late == report.accepted == np.isfinite(rows[k]).any() or np.isnan(rows[k + 1]).all()
            k += 2
        elif sort[k] == 2:  # a message a channel
            stream.update(index[k], {"y1": rows[k, 1]})
            stream.update(index[k], {"y0": rows[k, 0], "y1": rows[k, 1]})
            k += 1
        else:
            stream.update(index[k], rows[k])
            k += 1
        if k // 10_000 > n_checked:
            n_checked = k // 10_000
            recent = history.iloc[max(k - 2000, 0) : k]
            assert_same(stream.predict(step="1h"), model.predict(recent, step="1h"))
    assert n_checked == 10
    assert len(stream.window()) < 150
    assert len(pickle.dumps(stream)) < 1.5 * len(pickle.dumps(model.stream(history.iloc[:300])))


def test_late_within_the_context_is_put_in_its_place(model, stream, frame):
    stream.update(frame.iloc[203:210])
    assert stream.update(frame.iloc[200:203]) == StreamUpdate(accepted=3, late=3)
    assert_same(stream.predict(), model.predict(frame.iloc[:210]))


def test_older_than_the_context_is_counted_and_left_out(model, stream, frame):
    before = stream.predict()
    old = frame.iloc[100:103].set_axis(frame.index[100:103] + pd.Timedelta("7min"))
    assert stream.update(old) == StreamUpdate(expired=3)
    assert_same(stream.predict(), before)


def test_repetitions_are_counted_and_ignored(model, stream, frame):
    before = stream.predict()
    assert stream.update(frame.iloc[190:200]) == StreamUpdate(unchanged=10)
    assert stream.update(frame.index[199], [np.nan, None]) == StreamUpdate(unchanged=1)
    assert_same(stream.predict(), before)


def test_another_value_for_a_known_instant(model, stream, frame):
    before = stream.predict()
    time = frame.index[195]
    with pytest.raises(DuplicateTimeError, match=r"'y1' at 2\S+ \S+ is known as .*, not 9\. .*replace=True"):
        stream.update(time, {"y1": 9.0})
    assert_same(stream.predict(), before)
    assert stream.update(time, {"y1": 9.0}, replace=True) == StreamUpdate(accepted=1, late=1)
    corrected = frame.iloc[:200].copy()
    corrected.loc[time, "y1"] = 9.0
    assert_same(stream.predict(), model.predict(corrected))


def test_a_stamp_in_the_future_is_refused(model, stream, frame):
    before = stream.predict()
    with pytest.raises(InstantError, match=r"a whole context \(2 days 00:00:00\) or more.*forget\(\)"):
        stream.update(frame.index[199] + pd.Timedelta("48h"), [1.0, 1.0])
    assert_same(stream.predict(), before)
    stream.update(frame.index[199] + pd.Timedelta("47h"), [1.0, 1.0])
    stream.forget()
    with pytest.raises(EmptyDataError, match="no series"):
        stream.predict()
    stream.update(frame.iloc[300:])
    assert_same(stream.predict(), model.predict(frame.iloc[300:]))


def test_an_update_that_raises_has_changed_nothing(panel_model, panel):
    stream = panel_model.stream(panel.groupby("unique_id").head(200))
    before = stream.predict()
    new = panel.groupby("unique_id").nth[200:205]
    bad = new.copy()
    bad.iloc[-1, bad.columns.get_loc("ds")] += pd.Timedelta("30D")
    extra = new.head(1).assign(unique_id="new")
    with pytest.raises(InstantError, match="Nothing was updated"):
        stream.update(pd.concat([extra, bad]))
    assert stream.ids == list(panel["unique_id"].unique())
    assert_same(stream.predict(), before)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_many_series(kind, panel_model, panel):
    whole = panel if kind == "pandas" else pl.from_pandas(panel)
    position = panel.groupby("unique_id").cumcount().to_numpy()

    def part(first, last):
        rows = np.flatnonzero((position >= first) & (position < last))
        return whole.iloc[rows] if kind == "pandas" else whole[rows]

    stream = panel_model.stream(part(0, 150))
    for k in range(150, 200):
        assert stream.update(part(k, k + 1)).accepted == 3
    expected, found = panel_model.predict(part(0, 200)), stream.predict()
    assert type(found) is type(expected)
    assert found.equals(expected)
    last = panel["unique_id"].iloc[-1]
    only = stream.predict(ids=[last])
    chosen = expected[expected["unique_id"] == last] if kind == "pandas" else expected.filter(unique_id=last)
    np.testing.assert_allclose(only["y"], chosen["y"], rtol=1e-12)


@pytest.mark.parametrize("ids", ["text", "number", "category"])
def test_new_series(ids, panel_model, panel, new_model):
    names = {name: number for number, name in enumerate(panel["unique_id"].unique())}
    own = panel if ids == "text" else panel.assign(unique_id=panel["unique_id"].map(names))
    own = own.astype({"unique_id": "category"}) if ids == "category" else own
    model = panel_model if ids == "text" else new_model().fit(own)
    fresh = "another" if ids == "text" else 17
    stream = model.stream(own)
    rows = own[own["unique_id"] == own["unique_id"].iloc[0]].assign(unique_id=fresh).head(60)
    stream.update(rows["ds"].iloc[0], rows["y"].iloc[0], id=fresh)
    assert stream.ids[-1] == fresh
    assert stream.ready == stream.ids[:-1]
    with pytest.raises(TooShortError, match=f"Series {fresh!r} has 1 observation"):
        stream.predict()
    stream.predict(ids=stream.ready)
    stream.update(rows.iloc[1:])
    assert stream.ready == stream.ids
    assert_same(stream.predict(ids=[fresh]), model.predict(stream.window(ids=[fresh])))
    assert stream.predict(ids=[fresh])["unique_id"].tolist() == [fresh] * 12
    stream.forget(fresh)
    assert fresh not in stream.ids
    with pytest.raises(ParameterError, match=r"one of the series' ids: "):
        stream.forget(fresh)


def test_ids_of_another_kind(panel_model, panel):
    with pytest.raises(ParameterError, match="kind of the other ids"):
        panel_model.stream(panel).update(panel["ds"].iloc[0], 1.0, id=3)


def test_ids_where_they_belong(stream, panel_model, panel, frame):
    with pytest.raises(ParameterError, match="single series"):
        stream.update(frame.index[200], [1.0, 2.0], id="a")
    with pytest.raises(ParameterError, match="one of the series' ids"):
        panel_model.stream(panel).update(panel["ds"].iloc[0], 1.0)
    with pytest.raises(ParameterError, match="one observation only"):
        panel_model.stream(panel).update(panel, id="a")


def test_a_channel_that_falls_silent(model, frame):
    history = frame.copy()
    history.iloc[280:, 1] = np.nan
    stream = model.stream(history.iloc[:250])
    for time, row in history.iloc[250:320].iterrows():
        stream.update(time, row.to_dict())
    assert_same(stream.predict(), model.predict(history.iloc[:320]))
    assert stream.ready == [None]
    stream.update(history.iloc[320:340])
    assert stream.ready == []
    with pytest.warns(DeadChannelWarning, match="'y1'"):
        forecast = stream.predict()
    assert forecast["y1"].nunique() == 1


def test_a_heartbeat_without_values(panel_model, panel):
    stream = panel_model.stream(panel)
    beat = panel.groupby("unique_id").tail(1)
    beat = beat.assign(ds=beat["ds"] + pd.Timedelta("1h"), y=np.nan)
    assert stream.update(beat.assign(y=[1.0, np.nan, np.nan])) == StreamUpdate(accepted=1, unchanged=2)


@pytest.mark.parametrize("shape", [(400,), (400, 2), (3, 400, 2)])
def test_arrays(shape, new_model, frame):
    cube = np.stack([frame.to_numpy() * (k + 1) for k in range(3)])
    values = cube if len(shape) == 3 else cube[0] if len(shape) == 2 else cube[0, :, 0]
    cut = (lambda a, b: values[:, a:b]) if len(shape) == 3 else (lambda a, b: values[a:b])
    model = new_model().fit(values)
    stream = model.stream(cut(0, 200))
    stream.update(cut(200, 230))
    stream.update(cut(230, 240))
    assert_same(stream.predict(), model.predict(cut(0, 240)))
    assert stream.window().shape[-1 if len(shape) == 1 else -2] == 49
    if len(shape) < 3:
        stream.update(240, values[240])
        stream.update(243, values[243])
        assert_same(stream.predict(step=1.0), model.predict(stream.window(), step=1.0))
        assert np.isnan(stream.window()[-2]).all()
        stream.update(243.5, values[244])
        with pytest.raises(InstantError, match="an array cannot hold"):
            stream.window()


def test_the_end_of_the_training_data(model, frame):
    stream = model.stream()
    later = frame.tail(5).set_axis(frame.tail(5).index + pd.Timedelta("5h"))
    stream.update(later)
    assert_same(stream.predict(), model.predict(pd.concat([frame, later])))


def test_time_zones(new_model, frame):
    local = frame.tz_localize("Europe/Berlin")
    model = new_model().fit(local)
    stream = model.stream(local.iloc[:200])
    stream.update(local.index[200].tz_convert("UTC"), local.iloc[200])
    stream.update(str(local.index[201]), local.iloc[201])
    assert_same(stream.predict(), model.predict(local.iloc[:202]))
    with pytest.raises(ClockMismatchError, match="no time zone"):
        stream.update(frame.index[202], [0.0, 0.0])


@pytest.mark.parametrize(
    ("time", "values", "error"),
    [
        ("2020-13-41", [0.0, 0.0], InstantError),
        (pd.NaT, [0.0, 0.0], InstantError),
        (3, [0.0, 0.0], InstantError),
        ("next", [0.0], ShapeError),
        ("next", {"z": 1.0}, UnknownColumnError),
        ("next", [np.inf, 0.0], InfiniteValueError),
        ("next", ["a", 0.0], NotNumericError),
        ("next", {"y0": True}, NotNumericError),
    ],
)
def test_rows_that_are_none(stream, frame, time, values, error):
    before = stream.predict()
    with pytest.raises(error):
        stream.update(frame.index[200] if time == "next" else time, values)
    assert_same(stream.predict(), before)


def test_numbers_for_times(new_model, frame):
    timed = frame.set_axis(np.arange(400) * 0.5)
    model = new_model().fit(timed)
    stream = model.stream(timed.iloc[:200])
    stream.update(100.0, timed.loc[100.0])
    assert_same(stream.predict(), model.predict(timed.iloc[:201]))
    for time in (np.nan, "2020-01-01"):
        with pytest.raises(InstantError, match="finite numbers"):
            stream.update(time, [0.0, 0.0])


def test_saved_and_loaded(stream, model, frame, tmp_path):
    stream.update(frame.iloc[200:230])
    path = tmp_path / "stream.safetensors"
    stream.save(path)
    copy = ForecastStream.load(path)
    for one in (stream, copy):
        one.update(frame.iloc[230:240])
    assert_same(copy.predict(), stream.predict())
    assert_same(copy.window(), stream.window())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ModelFileError, match="is a stream file, not a model file"):
        ssmts.load(path)
    model.save(path)
    with pytest.raises(ModelFileError, match="is a model file, not a stream file"):
        ForecastStream.load(path)


def test_many_series_saved_and_loaded(panel_model, panel, deep, chaos, tmp_path):
    stream = panel_model.stream(panel)
    stream.save(tmp_path / "stream")
    copy = ForecastStream.load(tmp_path / "stream")
    assert_same(copy.predict(), stream.predict())
    for id_ in copy.ids:
        copy.forget(id_)
    copy.save(tmp_path / "stream")
    assert ForecastStream.load(tmp_path / "stream").ids == []
    gated = deep.stream(chaos)
    gated.save(tmp_path / "stream")
    assert_same(ForecastStream.load(tmp_path / "stream").predict(), gated.predict())


def test_later_fits_do_not_reach_a_stream(new_model, frame):
    model = new_model().fit(frame)
    stream = model.stream(frame)
    before = stream.predict()
    model.set_params(horizon=6).fit(frame[["y0"]])
    assert_same(stream.predict(), before)


def test_updates_and_forecasts_from_many_threads(panel_model, panel):
    parts = [part for _, part in panel.groupby("unique_id")]
    stream = panel_model.stream(pd.concat([part.head(100) for part in parts]))

    def follow(part):
        for _, row in part.iloc[100:200].iterrows():
            stream.update(row["ds"], row["y"], id=row["unique_id"])
            stream.predict(ids=[row["unique_id"]])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(follow, parts))
    assert_same(stream.predict(), panel_model.predict(pd.concat([part.head(200) for part in parts])))


def test_a_stream_shows_itself(panel_model, panel):
    assert repr(panel_model.stream(panel)) == "ForecastStream(3 series, LinearSSMForecaster)"


@pytest.mark.slow
def test_daylight_saving_and_a_missing_stamp(new_model):
    """A lost hour, a doubled one and a missing one: times are numbers, and no frequency is inferred."""
    index = pd.date_range("2021-03-20", "2021-11-05", freq="h", tz="Europe/Berlin")
    index.freq = None
    elapsed = np.arange(len(index))
    X = pd.DataFrame({"y": np.sin(2 * np.pi * elapsed / 24) + 0.01 * np.cos(elapsed)}, index=index)
    X = X.drop(index[5200])
    model = new_model(horizon=24).fit(X.iloc[:4000])
    stream = model.stream(X.iloc[:5100])
    for time, row in X.iloc[5100:5400].iterrows():
        stream.update(time, row)
    assert_same(stream.predict(), model.predict(X.iloc[:5400]))
    table = model.backtest(X.iloc[5000:], stride=24)
    assert str(table["ds" if "ds" in table else "time"].dt.tz) == "Europe/Berlin"
    assert np.abs(table["y"] - table["forecast"]).max() < 0.1
    assert len(model.cross_validate(X.tail(1000), n_windows=2)) == 48


def waves(n=400):
    index = pd.date_range("2025-01-01", periods=n, freq="h")
    return pd.DataFrame({"a": np.sin(np.arange(n) / 4), "b": np.cos(np.arange(n) / 4)}, index)


def test_a_wrong_stamp_is_taken_back(tmp_path):
    """Its context had moved: after retract the forecast is what it would have been, to the last bit."""
    frame = waves()
    model = LinearSSMForecaster(horizon=12, context_length=48).fit(frame.iloc[:300])
    right, wrong = model.stream(), model.stream()
    wrong.update(frame.index[299] + pd.Timedelta("40h"), [9.0, 9.0])
    assert wrong.predict().index[0] > frame.index[330]
    wrong.save(tmp_path / "stream")
    for stream in (wrong, ForecastStream.load(tmp_path / "stream")):
        stream.retract(frame.index[299] + pd.Timedelta("40h"))
        pd.testing.assert_frame_equal(stream.predict(), right.predict())
        pd.testing.assert_frame_equal(stream.window(), right.window())
    with pytest.raises(InstantError, match="no observation at 2025-01-20"):
        wrong.retract("2025-01-20")
    with pytest.raises(ParameterError, match="id"):
        wrong.retract(frame.index[299], id="a")


def test_a_jump_beyond_the_limit_is_refused(tmp_path):
    frame = waves()
    model = LinearSSMForecaster(horizon=12, context_length=48).fit(frame.iloc[:300])
    for limit in (3, "3h"):
        stream = model.stream(max_jump=limit)
        stream.save(tmp_path / "stream")
        for own in (stream, ForecastStream.load(tmp_path / "stream")):
            own.update(frame.index[302], frame.iloc[302])
            with pytest.raises(InstantError, match=r"max_jump=0 days 03:00:00"):
                own.update(frame.index[306], frame.iloc[306])
            own.update(frame.index[305], frame.iloc[305])
    with pytest.raises(DurationError):
        model.stream(max_jump="soon")


def test_values_that_come_back_from_float32_are_the_same():
    frame = waves()
    model = LinearSSMForecaster(horizon=12, context_length=48).fit(frame.iloc[:300])
    stream = model.stream()
    assert stream.update(frame.iloc[280:300].astype("float32")).unchanged == 20
    with pytest.raises(DuplicateTimeError):
        stream.update(frame.iloc[280:300].astype("float32") + 1e-3)
