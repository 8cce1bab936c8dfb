"""Missing values, irregular clocks and other sampling rates than in training."""

import numpy as np
import pandas as pd
import pytest

from ssmts.errors import DeadChannelWarning, TooShortError
from ssmts_datasets import make_sines

HOUR = pd.Timedelta("1h")


def test_a_missing_value_is_its_channel_s_affair(model, frame):
    holed = frame.copy()
    holed.iloc[-20:-10:3, 0] = np.nan
    found, whole = model.predict(holed), model.predict(frame)
    np.testing.assert_allclose(found["y1"], whole["y1"], rtol=1e-9)
    assert 0 < np.abs(found["y0"] - whole["y0"]).max() < 0.1 * frame["y0"].std()


def test_a_missing_value_is_an_absent_observation(model, frame):
    holed, gaps = frame.copy(), [380, 383, 384, 391]
    holed.iloc[gaps] = np.nan
    absent = frame.drop(frame.index[gaps])
    np.testing.assert_allclose(model.predict(holed), model.predict(absent), rtol=1e-9)


def test_an_older_channel_is_forecast_from_its_own_last_observation(model, frame):
    late = frame.copy()
    late.iloc[-6:, 0] = np.nan
    found, own = model.predict(late), model.predict(frame.iloc[:-6])
    np.testing.assert_allclose(found["y0"].iloc[:6], own["y0"].iloc[6:], rtol=1e-6)
    # Beyond its own horizon it stays where it was.
    np.testing.assert_allclose(found["y0"].iloc[6:], own["y0"].iloc[-1], rtol=1e-6)
    np.testing.assert_array_equal(found["y1"], model.predict(frame)["y1"])


def test_the_origin_is_the_latest_observation_of_any_channel(model, frame):
    X = frame.copy()
    X.iloc[-2:, 0] = np.nan
    X.iloc[-1, 1] = np.nan
    forecast = model.predict(X)
    assert forecast.index[0] == X.index[-2] + HOUR
    assert len(forecast) == 12
    np.testing.assert_array_equal(forecast, model.predict(X.iloc[:-1]))


def test_a_channel_without_a_value_in_the_context(model, frame):
    X = frame.copy()
    X.iloc[-48:, 1] = np.nan
    with pytest.warns(DeadChannelWarning, match=r"'y1'.*Give more history"):
        forecast = model.predict(X)
    np.testing.assert_allclose(forecast["y0"], model.predict(frame)["y0"])


def test_channels_on_clocks_of_their_own(new_model, sines):
    X = sines.frame.copy()
    X.iloc[::2, 0] = np.nan  # no channel is ever observed an odd number of hours after its origin
    X.iloc[1::2, 1] = np.nan
    model = new_model().fit(X)
    assert model.reference_step_ == HOUR
    forecast = model.predict()
    errors = np.abs(forecast.to_numpy() - sines.truth(forecast.index.to_numpy())).max(axis=0)
    assert errors[0] < 0.1
    assert errors[1] < 0.3  # an hour late


def test_fit_on_data_with_holes(new_model, sines):
    X = sines.frame.copy()
    X.iloc[100:130] = np.nan
    X.iloc[250:253, 0] = np.nan
    forecast = new_model().fit(X).predict()
    assert np.abs(forecast.to_numpy() - sines.truth(forecast.index.to_numpy())).max() < 0.2


@pytest.mark.parametrize("share", [0.7, 0.5])
def test_predict_on_an_irregular_subset_is_close(model, frame, share):
    rng, whole = np.random.default_rng(0), model.predict(frame)
    differences = []
    for _ in range(20):
        rows = np.sort(rng.choice(len(frame) - 1, int(share * len(frame)), replace=False))
        found = model.predict(frame.iloc[[*rows, len(frame) - 1]], step="1h")
        differences.append(np.abs(found - whole).to_numpy().max())
    assert np.mean(differences) < 0.35 * frame.to_numpy().std()


def test_fit_on_an_irregular_series(new_model, sines):
    rows = np.sort(np.random.default_rng(1).choice(400, 300, replace=False))
    X = sines.frame.iloc[rows]
    forecast = new_model().fit(X).predict(step="1h")
    assert np.abs(forecast.to_numpy() - sines.truth(forecast.index.to_numpy())).max() < 0.3


@pytest.fixture(scope="module")
def slow():
    return make_sines(800, periods=[48.0, 96.0], noise=0.0, random_state=0)


@pytest.fixture(scope="module")
def hourly(new_model, slow):
    return new_model(24, 192, n_modes=48, hold="foh").fit(slow.frame)


@pytest.mark.parametrize(("step", "rows"), [("15min", 96), ("20min", 72), ("1h", 24), ("2h", 12), ("3h", 8)])
def test_trained_hourly_asked_at_another_rate(hourly, slow, step, rows):
    index = pd.date_range("2020-01-20", periods=1000, freq=step, name="ds")
    X = pd.DataFrame({"y": slow.truth(index.to_numpy())[:, 0]}, index)
    forecast = hourly.predict(X)
    assert len(forecast) == rows
    truth = slow.truth(forecast.index.to_numpy())
    assert np.abs(forecast.to_numpy() - truth).max() < 0.05 * truth.std()


@pytest.mark.parametrize("kept", [2, 3, 5, 7, 24, "half", "a tenth"])
def test_under_the_linear_hold_gaps_give_what_interpolation_gives(hourly, slow, kept):
    frame = slow.frame.tail(300)
    if isinstance(kept, int):
        coarse = frame.iloc[::-1].iloc[::kept].iloc[::-1]
    else:
        share = {"half": 0.5, "a tenth": 0.1}[kept]
        rows = np.random.default_rng(4).random(300) < share
        rows[[0, -1]] = True
        coarse = frame[rows]
    filled = coarse.resample("1h").interpolate("linear")
    expected = hourly.predict(filled)
    np.testing.assert_allclose(hourly.predict(coarse, step="1h"), expected, rtol=1e-9, atol=1e-9)
    missing = frame.reindex(frame.index).where(frame.index.isin(coarse.index)[:, None])
    np.testing.assert_allclose(hourly.predict(missing, step="1h"), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 3, None])
def test_many_origins_in_one_pass_are_forecast_as_each_alone(hourly, slow, stride):
    rows = np.arange(800)[::stride] if stride else np.flatnonzero(np.random.default_rng(3).random(800) < 0.6)
    frame = slow.frame.iloc[rows]
    table = hourly.backtest(frame, stride=40)
    assert table["cutoff"].nunique() > 3
    for cutoff, own in table.groupby("cutoff"):
        alone = hourly.predict(frame.loc[:cutoff], at=pd.DatetimeIndex(own["ds"]))["y"]
        np.testing.assert_allclose(own["forecast"], alone, rtol=1e-7, atol=1e-7)


def test_the_end_of_training_is_stored_as_far_as_a_forecast_reads_it(new_model, sines):
    X = sines.frame.iloc[np.sort(np.random.default_rng(2).choice(400, 200, replace=False))].copy()
    X.iloc[-30:, 0] = np.nan
    model = new_model(context_length=72).fit(X)
    np.testing.assert_array_equal(model.predict(step="1h"), model.predict(X, step="1h"))


def test_trained_at_30_minutes_asked_from_a_drifting_clock(new_model, slow):
    index = pd.date_range("2020-01-01", periods=1600, freq="30min", name="ds")
    model = new_model("24h", "8D", n_modes=48).fit(
        pd.DataFrame({"y": slow.truth(index.to_numpy())[:, 0]}, index)
    )
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.uniform(1000, 3000, 800)).round()
    stamps = pd.DatetimeIndex(pd.Timestamp("2020-01-10") + pd.to_timedelta(seconds, unit="s"), name="ds")
    forecast = model.predict(pd.DataFrame({"y": slow.truth(stamps.to_numpy())[:, 0]}, stamps), step="1h")
    truth = slow.truth(forecast.index.to_numpy())
    assert np.abs(forecast.to_numpy() - truth).max() < 0.05 * truth.std()


def test_two_observations_are_enough_to_forecast(model, frame):
    forecast = model.predict(frame.iloc[[-10, -1]], step="1h")
    assert forecast.shape == (12, 2)
    assert np.isfinite(forecast.to_numpy()).all()


def test_one_observation_is_not(model, frame):
    with pytest.raises(TooShortError, match=r"1 observation.*at least 2.*more recent history"):
        model.predict(frame.tail(1))
    far = frame.iloc[[-100, -1]]
    with pytest.raises(TooShortError, match="context of 48 reference steps"):
        model.predict(far)


def test_a_constant_series_stays_constant(new_model):
    X = pd.DataFrame({"y": np.full(200, 7.25)}, pd.date_range("2024", periods=200, freq="h"))
    np.testing.assert_allclose(new_model().fit(X).predict(), 7.25, rtol=1e-12)


@pytest.mark.parametrize(("factor", "level"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e6), (-3.0, 40.0)])
def test_scale_and_level_pass_through(new_model, frame, model, factor, level):
    found = new_model().fit(level + factor * frame).predict()
    expected = level + factor * model.predict()
    np.testing.assert_allclose((found - level) / factor, (expected - level) / factor, rtol=1e-4, atol=1e-5)
