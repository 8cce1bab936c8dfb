"""Past covariates and channel mixing: what another series knows, where it helps and where it does not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import CovariateError, MissingColumnError

N_TRAIN = 600


def wander(length: int, memory: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(length)
    out = np.zeros(length)
    for k in range(1, length):
        out[k] = memory * out[k - 1] + noise[k]
    return out


@pytest.fixture(scope="module")
def coupled() -> pd.DataFrame:
    """`follower` does what `leader` did six hours before; nothing else is known of it."""
    leader = wander(800, 0.5, 0)
    follower = np.concatenate([np.zeros(6), leader[:-6]]) + 0.1 * wander(800, 0.0, 1)
    index = pd.date_range("2024-01-01", periods=800, freq="h", name="time")
    return pd.DataFrame({"leader": leader, "follower": follower}, index=index)


def fit(frame: pd.DataFrame, horizon: int = 6, **options: Any) -> LinearSSMForecaster:
    return LinearSSMForecaster(horizon, 48, n_modes=24, **options).fit(frame.iloc[:N_TRAIN])


@pytest.fixture(scope="module")
def mixed(coupled: pd.DataFrame) -> LinearSSMForecaster:
    return fit(coupled, channel_mixing=True)


@pytest.fixture(scope="module")
def led(coupled: pd.DataFrame) -> LinearSSMForecaster:
    return fit(coupled, target_cols="follower", past_covariates="leader")


@pytest.mark.slow
def test_mixing_wins_where_channels_are_coupled(coupled, mixed):
    test = coupled.iloc[N_TRAIN:]
    assert mixed.history_["mixing"]["accepted"]
    assert mixed.score(test) > 0.75 * fit(coupled).score(test)


@pytest.mark.slow
def test_mixing_is_off_by_default_and_refused_where_channels_are_strangers(coupled):
    strangers = coupled.assign(follower=wander(800, 0.9, 5))
    model = fit(strangers, channel_mixing=True)
    assert not model.history_["mixing"]["accepted"]
    pd.testing.assert_frame_equal(model.predict(strangers), fit(strangers).predict(strangers))
    assert "mixing" not in fit(coupled).history_


def test_a_past_covariate_says_what_the_target_will_do(coupled, led):
    test = coupled.iloc[N_TRAIN:]
    alone = fit(coupled[["follower"]])
    assert led.score(test) > 0.3 * alone.score(test[["follower"]])
    assert list(led.predict(coupled).columns) == ["follower"]
    assert led.feature_names_in_.tolist() == ["follower"]


@pytest.mark.parametrize("model", ["mixed", "led"])
def test_a_forecast_is_the_one_that_scores_count(model, coupled, request):
    fitted = request.getfixturevalue(model)
    known, ahead = coupled.iloc[: N_TRAIN + 60], coupled.iloc[N_TRAIN + 60 : N_TRAIN + 66]
    forecast = fitted.predict(known)
    scale = coupled.iloc[:N_TRAIN].std(ddof=0)
    error = (((forecast - ahead[forecast.columns]) / scale[forecast.columns]) ** 2).to_numpy().mean()
    window = coupled.iloc[N_TRAIN + 60 - 48 : N_TRAIN + 66]
    unstored = request.getfixturevalue(model).score(window.set_axis(window.index + pd.Timedelta("1000D")))
    assert -unstored == pytest.approx(error, rel=1e-6)


def test_what_lies_before_the_context_does_not_count(coupled, led):
    pd.testing.assert_frame_equal(led.predict(coupled), led.predict(coupled.tail(49)), check_freq=False)


def test_the_covariate_may_come_at_other_times(coupled):
    frame = coupled.copy()
    frame.loc[np.arange(800) % 3 != 0, "leader"] = np.nan
    model = fit(frame, target_cols="follower", past_covariates="leader")
    assert model.history_["mixing"]["accepted"]
    late = frame.copy()
    late.loc[frame.index[-5:], "leader"] = np.nan
    assert np.isfinite(model.predict(late)).all(axis=None)


def test_categories_tell_as_well(coupled):
    frame = coupled.assign(leader=np.where(coupled["leader"] > 0, "up", "down"))
    model = fit(frame, target_cols="follower", past_covariates="leader")
    assert model.history_["mixing"]["accepted"]


def test_long_frames_share_what_the_covariate_says(coupled):
    parts = []
    for k in range(30):
        x = wander(160, 0.5, k)
        y = np.concatenate([np.zeros(6), x[:-6]]) * (k + 1)
        parts.append(pd.DataFrame({"id": k, "t": np.arange(160.0), "y": y, "x": x}))
    panel = pd.concat(parts)
    roles = {"id_col": "id", "time_col": "t", "target_cols": "y"}
    model = LinearSSMForecaster(6, 24, n_modes=24, **roles, past_covariates="x").fit(panel[panel.t < 140])
    forecast = model.predict(panel[panel.t < 140])
    truth = panel[(panel.t >= 140) & (panel.t < 146)]
    scale = panel.groupby("id")["y"].std().to_numpy().repeat(6)
    error = (forecast["y"].to_numpy() - truth["y"].to_numpy()) / scale
    assert np.sqrt((error**2).mean()) < 0.5


@pytest.mark.parametrize("model", ["mixed", "led"])
def test_saved_and_loaded(model, coupled, request, tmp_path):
    fitted = request.getfixturevalue(model)
    fitted.save(tmp_path / "model.safetensors")
    loaded = ssmts.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())
    pd.testing.assert_frame_equal(loaded.predict(coupled), fitted.predict(coupled))


def test_the_deep_path_is_fitted_on_what_mixing_leaves_over(coupled):
    options = {"d_model": 8, "d_state": 4, "n_layers": 1, "max_epochs": 1, "random_state": 0}
    model = S4Forecaster(6, 48, n_modes=24, channel_mixing=True, **options).fit(coupled.iloc[:N_TRAIN])
    assert model.history_["mixing"]["accepted"]
    assert model.predict(coupled).shape == (6, 2)


def test_past_and_future_covariates_together(coupled):
    push = wander(800, 0.0, 9)
    frame = coupled.assign(follower=coupled["follower"] + 3.0 * push, push=push)
    model = fit(frame, target_cols="follower", past_covariates="leader", future_covariates="push")
    assert model.history_["covariates"]["accepted"]
    assert model.history_["mixing"]["accepted"]
    known, ahead = frame.iloc[:-6], frame.iloc[-6:]
    forecast = model.predict(known, future=ahead[["push"]])
    assert ((forecast["follower"] - ahead["follower"]) ** 2).mean() < 0.3 * frame["follower"].var() / 9


def test_a_stream_mixes_its_channels(coupled, mixed):
    stream = mixed.stream(coupled.iloc[:-20])
    stream.update(coupled.iloc[-20:])
    pd.testing.assert_frame_equal(stream.predict(), mixed.predict(coupled), check_freq=False)


def test_faults_name_the_column(coupled, led):
    with pytest.raises(MissingColumnError, match="'leader'"):
        led.predict(coupled[["follower"]])
    silent = coupled.assign(leader=coupled["leader"].where(np.arange(800) < 700))
    with pytest.raises(CovariateError, match="'leader' has no value in the context"):
        led.predict(silent)
