"""Quantiles and intervals: kinds, levels, coverage on data whose noise is known, saving."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ModelFileError, ParameterError
from ssmts.metrics import coverage
from ssmts_datasets import make_sines

SMALL = {"n_modes": 32}


def _noisy(n: int, seed: int) -> np.ndarray:
    """A daily cycle with normal noise of deviation 0.5."""
    t = np.arange(n)
    return np.sin(2 * np.pi * t / 24) + 0.5 * np.random.default_rng(seed).normal(size=n)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_sines(400, periods=[24.0, 9.0], n_channels=2, noise=0.2, random_state=0).frame


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> LinearSSMForecaster:
    return LinearSSMForecaster(12, 48, **SMALL).fit(frame)


def test_columns_of_a_wide_frame(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    quantiles = model.predict_quantiles(frame, quantiles=[0.1, 0.5])
    assert list(quantiles.columns) == ["y0-q-0.1", "y0-q-0.5", "y1-q-0.1", "y1-q-0.5"]
    intervals = model.predict_interval(frame, level=[80, 97.5])
    assert list(intervals.columns)[:4] == ["y0-lo-80", "y0-hi-80", "y0-lo-97.5", "y0-hi-97.5"]
    assert intervals.index.equals(model.predict(frame).index)
    np.testing.assert_array_equal(intervals["y0-lo-80"], quantiles["y0-q-0.1"])


@pytest.mark.slow
def test_kinds(frame: pd.DataFrame) -> None:
    array = frame.to_numpy()
    by_array = LinearSSMForecaster(12, 48, **SMALL).fit(array)
    assert by_array.predict_quantiles(array, quantiles=[0.2, 0.4, 0.6]).shape == (12, 2, 3)
    assert by_array.predict_interval(array).shape == (12, 2, 2)
    one = LinearSSMForecaster(12, 48, **SMALL).fit(array[:, 0])
    assert one.predict_quantiles(array[:, 0], quantiles=0.5).shape == (12, 1)
    many = np.stack([array, array + 1.0])
    panel = LinearSSMForecaster(12, 48, **SMALL).fit(many)
    assert panel.predict_quantiles(many).shape == (2, 12, 2, 3)
    long = pl.DataFrame({"unique_id": ["a"] * 400, "ds": np.arange(400), "y": array[:, 0]})
    answer = LinearSSMForecaster(12, 48, **SMALL).fit(long).predict_interval(long)
    assert isinstance(answer, pl.DataFrame)
    assert answer.columns == ["unique_id", "ds", "y-lo-90", "y-hi-90"]


def test_quantiles_never_cross_and_hold_the_forecast(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    levels = np.linspace(0.005, 0.995, 40)
    answer = model.predict_quantiles(frame.iloc[:300], quantiles=levels, step="20min").to_numpy()
    assert (np.diff(answer.reshape(-1, 2, 40), axis=2) >= 0).all()
    center = model.predict(frame.iloc[:300], step="20min").to_numpy()
    assert (answer.reshape(-1, 2, 40)[:, :, 0] < center).all()
    assert (answer.reshape(-1, 2, 40)[:, :, -1] > center).all()


def test_steps_and_instants_agree(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    hourly = model.predict_interval(frame)
    finer = model.predict_interval(frame, step="15min")
    pd.testing.assert_frame_equal(finer.iloc[3::4], hourly, check_freq=False)
    pd.testing.assert_frame_equal(
        model.predict_interval(frame, at=hourly.index[[2, 7]]), hourly.iloc[[2, 7]], check_freq=False
    )
    pd.testing.assert_frame_equal(model.predict_interval(), hourly, check_freq=False)


def test_a_late_channel_is_as_uncertain_as_its_own_lead(frame: pd.DataFrame) -> None:
    """A random walk: uncertainty grows with the lead, and with the age of the last observation."""
    walk = np.random.default_rng(0).normal(size=(600, 2)).cumsum(axis=0)
    model = LinearSSMForecaster(24, 48, **SMALL).fit(walk)
    late = walk.copy()
    late[-6:, 1] = np.nan
    width = np.diff(model.predict_interval(late), axis=2)[:, :, 0]
    on_time = np.diff(model.predict_interval(walk[:-6]), axis=2)[:, :, 0]
    np.testing.assert_allclose(width[:18, 1], on_time[6:, 1], rtol=1e-9)
    assert on_time[-1, 0] > 1.5 * on_time[0, 0]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.slow
def test_stated_coverage_holds_where_nothing_drifts(deep: bool) -> None:
    train = _noisy(1500, 0)
    if deep:
        model = S4Forecaster(12, 48, max_epochs=1, d_model=8, d_state=4, random_state=0, **SMALL)
    else:
        model = LinearSSMForecaster(12, 48, **SMALL)
    model.fit(train)
    later = _noisy(900, 1)
    inside: dict[int, list[float]] = {80: [], 90: []}
    for end in range(48, 880, 8):
        for level, shares in inside.items():
            low, high = model.predict_interval(later[end - 48 : end], level=level).T
            shares.append(coverage(later[end : end + 12], low, high))
    assert abs(np.mean(inside[80]) - 0.8) < 0.04
    assert abs(np.mean(inside[90]) - 0.9) < 0.03


@pytest.mark.slow
def test_windows_that_vary_more_are_less_certain() -> None:
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.choice([0.3, 3.0], 40), 50)
    model = LinearSSMForecaster(6, 24, **SMALL).fit(rng.normal(size=2000) * loud)
    quiet_window, loud_window = 0.3 * rng.normal(size=24), 3.0 * rng.normal(size=24)
    widths = [np.diff(model.predict_interval(window))[:, 0] for window in (quiet_window, loud_window)]
    assert (widths[1] > 1.5 * widths[0]).all()


def test_levels_of_ones_own(frame: pd.DataFrame) -> None:
    model = LinearSSMForecaster(12, 48, quantiles=[0.9, 0.1, 0.5], **SMALL).fit(frame)
    assert model.predict_interval(frame, level=80).shape == (12, 4)
    with pytest.raises(ParameterError, match=r"from 0.1 to 0.9, the outermost levels"):
        model.predict_quantiles(frame, quantiles=[0.05])
    with pytest.raises(ParameterError, match=r"at most 80"):
        model.predict_interval(frame, level=90)
    median = LinearSSMForecaster(12, 48, quantiles=0.5, **SMALL).fit(frame)
    assert median.predict_quantiles(frame, quantiles=0.5).shape == (12, 2)
    with pytest.raises(ParameterError, match=r"no interval lies between 0.5"):
        median.predict_interval(frame)


@pytest.mark.parametrize("wrong", [[0.0], [1.0], "median", [], [0.5, 0.5], True, [[0.5]], [np.nan]])
def test_quantiles_that_are_none(wrong: object, frame: pd.DataFrame, model: LinearSSMForecaster) -> None:
    with pytest.raises(ParameterError, match="quantiles"):
        model.predict_quantiles(frame, quantiles=wrong)
    with pytest.raises(ParameterError, match="quantiles"):
        LinearSSMForecaster(12, 48, quantiles=wrong).fit(frame)


@pytest.mark.parametrize("wrong", [0, 100, -5, 99.5, "90%", [90, 90]])
def test_level_that_is_none(wrong: object, frame: pd.DataFrame, model: LinearSSMForecaster) -> None:
    with pytest.raises(ParameterError, match="level"):
        model.predict_interval(frame, level=wrong)


def test_saved_and_pickled_models_know_their_intervals(
    model: LinearSSMForecaster, frame: pd.DataFrame, tmp_path
) -> None:
    model.save(tmp_path / "model.safetensors")
    for again in (ssmts.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        pd.testing.assert_frame_equal(again.predict_interval(frame), model.predict_interval(frame))


def test_a_file_of_an_older_version_says_that_it_has_none(
    model: LinearSSMForecaster, frame: pd.DataFrame
) -> None:
    again = pickle.loads(pickle.dumps(model))
    again.model_.error_quantiles = None
    assert again.predict(frame).equals(model.predict(frame))
    with pytest.raises(ModelFileError, match="without intervals"):
        again.predict_interval(frame)


def test_series_that_were_not_unlearned_keep_their_intervals() -> None:
    rng = np.random.default_rng(0)
    y = np.concatenate([k * rng.normal(size=200) for k in (1.0, 2.0, 3.0)])
    ids = np.repeat(["a", "b", "c"], 200)
    long = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(200), 3), "y": y})
    model = LinearSSMForecaster(6, 24, **SMALL).fit(long)
    width = model.predict_interval(long).set_index(["unique_id", "ds"]).diff(axis=1)["y-hi-90"]
    model.unlearn(long[long["unique_id"] == "a"])
    rest = long[long["unique_id"] != "a"]
    left = model.predict_interval(rest).set_index(["unique_id", "ds"]).diff(axis=1)["y-hi-90"]
    pd.testing.assert_series_equal(left, width.loc[["b", "c"]])
