"""Channels that begin late, end early or have a short window: honest intervals, and the others go on."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import DeadChannelWarning

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


def test_a_channel_that_began_yesterday_is_forecast_like_yesterday():
    X = FRAME.iloc[:N].copy()
    X.loc[X.index[: N - 30], "c3"] = np.nan
    late = LinearSSMForecaster(horizon=H).fit(X)
    found, truth = late.predict_interval(level=90), FRAME["c3"].iloc[N : N + H]
    assert ((truth > found["c3-lo-90"]) & (truth < found["c3-hi-90"])).mean() > 0.8
    assert np.abs(late.predict()["c3"] - truth).mean() < 0.6  # a flat line is off by .94
    others = LinearSSMForecaster(horizon=H).fit(FRAME.iloc[:N]).predict()
    assert np.abs(late.predict()["c0"] - others["c0"]).mean() < 0.1


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
