"""Channels that begin late, end early or have a short window: honest intervals, and the others go on."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import AllMissingError, DeadChannelWarning

H, N = 24, 1200
RNG = np.random.default_rng(0)
INDEX = pd.date_range("2025-01-01", periods=N + 40 * H, freq="h")


def channel(k):
    wave = (1 + 0.2 * k) * np.sin(2 * np.pi * (np.arange(len(INDEX)) + k) / 24)
    return wave + 0.3 * RNG.normal(size=len(INDEX)) + 0.02 * RNG.normal(size=len(INDEX)).cumsum()


FRAME = pd.DataFrame({f"c{k}": channel(k) for k in range(4)}, INDEX)


@pytest.fixture(scope="module")
def model():
    return LinearSSMForecaster(horizon=H).fit(FRAME.iloc[:N])


@pytest.mark.parametrize("fraction", [1, 1 / 2, 1 / 4, 1 / 8])
@pytest.mark.slow
def test_intervals_of_short_windows_cover_what_they_state(model, fraction, tmp_path):
    rows, inside = int(model.context_length_ * fraction), []
    for end in range(N, N + 30 * H, H):
        found = model.predict_interval(FRAME.iloc[end - rows : end], level=90)
        for name in FRAME:
            truth = FRAME[name].iloc[end : end + H].to_numpy()
            inside.append((truth > found[f"{name}-lo-90"]) & (truth < found[f"{name}-hi-90"]))
    assert 0.85 < np.mean(inside) < 0.96
    model.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model").predict_interval(FRAME.iloc[end - rows : end], level=90)
    pd.testing.assert_frame_equal(again, found)


@pytest.mark.slow
def test_a_channel_that_began_yesterday_is_forecast_like_yesterday():
    X = FRAME.iloc[:N].copy()
    X.loc[X.index[: N - 30], "c3"] = np.nan
    late = LinearSSMForecaster(horizon=H).fit(X)
    found, truth = late.predict_interval(level=90), FRAME["c3"].iloc[N : N + H]
    assert ((truth > found["c3-lo-90"]) & (truth < found["c3-hi-90"])).mean() > 0.8
    assert np.abs(late.predict()["c3"] - truth).mean() < 0.6  # a flat line is off by .94
    others = LinearSSMForecaster(horizon=H).fit(FRAME.iloc[:N]).predict()
    assert np.abs(late.predict()["c0"] - others["c0"]).mean() < 0.1


@pytest.mark.slow
def test_a_dead_channel_has_mean_and_spread_of_training(model):
    X = FRAME.iloc[:N].copy()
    X.loc[X.index[100:], "c3"] = np.nan
    with pytest.warns(DeadChannelWarning, match="'c3'"):
        found = model.predict_interval(X, level=90)
    whole = model.predict_interval(FRAME.iloc[:N], level=90)
    others = [name for name in found if not name.startswith("c3")]
    pd.testing.assert_frame_equal(found[others], whole[others])
    known = FRAME["c3"].iloc[:N]
    width = found["c3-hi-90"] - found["c3-lo-90"]
    np.testing.assert_allclose(width, 2 * 1.6449 * known.std(ddof=0), rtol=1e-3)
    with pytest.warns(DeadChannelWarning):
        np.testing.assert_allclose(model.predict(X)["c3"], known.mean())
    with pytest.warns(DeadChannelWarning):
        paths = model.sample(200, X, random_state=0)
    assert np.isfinite(np.asarray(paths.select_dtypes("number"))).all()


@pytest.mark.slow
def test_a_dead_channel_beside_covariates_has_the_mean_of_training():
    hours = pd.date_range("2025-01-01", periods=N + H, freq="h")
    heat = pd.Series(20 + 5 * np.sin(2 * np.pi * np.arange(N + H) / 24), hours)
    X = FRAME.iloc[:N, :2].assign(c1=lambda frame: frame["c1"] + 0.8 * heat.iloc[:N], heat=heat.iloc[:N])
    model = LinearSSMForecaster(horizon=H, future_covariates=["heat"]).fit(X)
    dead = X.copy()
    dead.loc[dead.index[200:], "c1"] = np.nan
    with pytest.warns(DeadChannelWarning, match="'c1'"):
        found = model.predict(dead, future=heat.iloc[N:].to_frame("heat"))
    np.testing.assert_allclose(found["c1"], X["c1"].mean(), rtol=0.02)


@pytest.mark.slow
def test_a_dead_channel_of_a_new_series_has_no_mean_to_stand_for_it():
    X = FRAME.iloc[:N, :2].assign(id="known").rename_axis("ds").reset_index()
    model = LinearSSMForecaster(horizon=H, id_col="id", time_col="ds").fit(X)
    new = X.assign(id="new")
    new.loc[200:, "c1"] = np.nan
    with pytest.raises(AllMissingError, match=r"'new'.*'c1'.*Give more history"):
        model.predict(new)
