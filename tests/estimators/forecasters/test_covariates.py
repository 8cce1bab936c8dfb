"""Covariates that are known ahead: wiring, times of their own, categories, the calendar, and faults."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ColumnError, CovariateError, InstantError, MissingColumnError, ParameterError

HORIZON = 12
N_TEST = 60


def wander(length: int, memory: float, seed: int) -> np.ndarray:
    """An autoregressive series of unit innovations."""
    noise = np.random.default_rng(seed).standard_normal(length)
    out = np.zeros(length)
    for k in range(1, length):
        out[k] = memory * out[k - 1] + noise[k]
    return out


def hours(length: int, **options: Any) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=length, freq="h", name="time", **options)


@pytest.fixture(scope="module")
def driven() -> pd.DataFrame:
    """Hourly y, twice a covariate x that nobody could forecast, on a slow wave."""
    x = np.random.default_rng(0).standard_normal(700)
    wave = np.sin(2 * np.pi * np.arange(700) / 60)
    return pd.DataFrame({"y": 2.0 * x + wave + 5.0, "x": x}, index=hours(700))


def fit(make: Callable[..., LinearSSMForecaster], frame: pd.DataFrame, **options: Any) -> LinearSSMForecaster:
    options = {"target_cols": "y", "future_covariates": "x"} | options
    return make(HORIZON, 48, **options).fit(frame.iloc[:-N_TEST])


def split(frame: pd.DataFrame, origin: int = -N_TEST) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History and the horizon after it."""
    after = origin + HORIZON or None
    return frame.iloc[:origin], frame.iloc[origin:after]


def error(model: LinearSSMForecaster, frame: pd.DataFrame) -> float:
    """Root mean squared error of a forecast from the end of training, in standard deviations of y."""
    known, ahead = split(frame)
    forecast = model.predict(known, future=ahead.drop(columns="y"))
    return float(np.sqrt(((forecast["y"] - ahead["y"]) ** 2).mean()) / frame["y"].std())


LEAKS = {
    "the target itself": lambda x: x,
    "a multiple with an offset": lambda x: -3.0 * x + 100.0,
    "the target three hours ahead": lambda x: np.concatenate([[0.0] * 3, x[:-3]]),
    "a sum of delays": lambda x: x + 0.5 * np.concatenate([[0.0] * 2, x[:-2]]),
}


@pytest.mark.parametrize("memory", [0.0, 0.9, 1.0], ids=["noise", "persistent", "random walk"])
@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_covariate_that_is_the_answer_leaves_no_error(new_model, leak, memory):
    x = wander(700, memory, 1)
    frame = pd.DataFrame({"y": leak(x), "x": x}, index=hours(700))
    assert error(fit(new_model, frame), frame) < 0.01


def test_an_answer_in_a_panel_leaves_no_error_whatever_the_scale_of_a_series(new_model):
    frames = []
    for k, scale in enumerate([1.0, 1000.0, 0.01]):
        x = scale * wander(400, 0.9, k)
        frames.append(pd.DataFrame({"id": f"s{k}", "time": hours(400), "y": x, "x": x}))
    panel = pd.concat(frames)
    options = {"id_col": "id", "time_col": "time", "target_cols": "y", "future_covariates": ["x"]}
    cut = hours(400)[-40]
    model = new_model(HORIZON, 48, **options).fit(panel[panel.time < cut])
    truth = panel[(panel.time >= cut) & (panel.time < cut + pd.Timedelta(hours=HORIZON))]
    forecast = model.predict(panel[panel.time < cut], future=truth.drop(columns="y"))
    for id_, own in forecast.groupby("id"):
        want = truth[truth.id == id_]["y"].to_numpy()
        assert np.abs(own["y"].to_numpy() - want).max() < 0.02 * panel[panel.id == id_]["y"].std()
    new, ahead = (part[part.id == "s1"].assign(id="new") for part in (panel[panel.time < cut], truth))
    unseen = model.predict(new, future=ahead.drop(columns="y"))["y"].to_numpy()
    assert np.abs(unseen - ahead["y"].to_numpy()).max() < 0.2 * new["y"].std()


def test_the_record_says_what_held_out_blocks_gained(new_model, driven):
    record = fit(new_model, driven).history_["covariates"]
    assert record["accepted"]
    assert record["used"] == [True]
    assert record["mse_with"] < 0.1 * record["mse_without"]


@pytest.mark.parametrize("memory", [0.0, 0.99, 1.0])
def test_a_covariate_that_says_nothing_changes_nothing(new_model, driven, memory):
    frame = driven.assign(x=wander(len(driven), memory, 7))
    model = fit(new_model, frame)
    assert not model.history_["covariates"]["accepted"]
    known, ahead = split(frame)
    plain = fit(new_model, driven.drop(columns="x"), future_covariates=None).predict(known[["y"]])
    pd.testing.assert_frame_equal(model.predict(known, future=ahead[["x"]]), plain)


def test_each_channel_has_an_effect_of_its_own(new_model):
    x = wander(700, 0.5, 3)
    frame = pd.DataFrame({"y": x, "z": -5.0 * x, "w": wander(700, 0.9, 4), "x": x}, index=hours(700))
    model = fit(new_model, frame, target_cols=["y", "z", "w"])
    assert model.history_["covariates"]["used"] == [True, True, False]
    known, ahead = split(frame)
    forecast = model.predict(known, future=ahead[["x"]])
    assert list(forecast.columns) == ["y", "z", "w"]
    assert np.abs(forecast["z"] - ahead["z"]).max() < 0.01 * frame["z"].std()


# Ways to give the future


def test_rows_with_missing_targets_and_a_frame_say_the_same(new_model, driven):
    model = fit(new_model, driven)
    known, ahead = split(driven)
    by_frame = model.predict(known, future=ahead[["x"]])
    by_rows = model.predict(pd.concat([known, ahead.assign(y=np.nan)]))
    pd.testing.assert_frame_equal(by_frame, by_rows, check_freq=False)
    later = model.predict(future=ahead[["x"]])  # on from the end of the training data
    pd.testing.assert_frame_equal(by_frame, later, check_freq=False)


def test_a_forecast_reads_its_context_and_a_run_in_of_covariates(new_model, driven):
    model = fit(new_model, driven)
    known, ahead = split(driven)
    run_in = 15  # hours until the slowest filter of the covariate has let go of it
    long, short = (model.predict(part, future=ahead[["x"]]) for part in (known, known.tail(48 + run_in)))
    pd.testing.assert_frame_equal(long, short, check_freq=False)


def test_covariates_may_have_times_of_their_own(new_model):
    """A slow covariate known every four hours drives hourly values."""
    knots = wander(176, 0.8, 2)
    x = np.interp(np.arange(700), np.arange(176) * 4.0, knots)
    frame = pd.DataFrame({"y": x, "x": x}, index=hours(700))
    frame.loc[np.arange(700) % 4 != 0, "x"] = np.nan
    model = fit(new_model, frame)
    known, ahead = split(frame)
    future = pd.DataFrame({"x": knots[160:170]}, index=pd.date_range(ahead.index[0], periods=10, freq="4h"))
    forecast = model.predict(known, future=future.rename_axis("time"))
    assert np.abs(forecast["y"] - ahead["y"]).max() < 0.03 * frame["y"].std()


def test_any_instant_and_any_step_take_the_covariate_at_that_instant(new_model):
    x = np.interp(np.arange(2800), np.arange(0, 2800, 4), wander(700, 0.9, 5))
    fine = pd.DataFrame({"y": x, "x": x}, index=pd.date_range("2024-01-01", periods=2800, freq="15min"))
    model = new_model(HORIZON, 48, target_cols="y", future_covariates="x").fit(fine.iloc[:2400:4])
    known, ahead = fine.iloc[:2401:4], fine.iloc[2401:2449]
    quarters = model.predict(known, step="15min", future=ahead[["x"]])
    assert np.abs(quarters["y"].to_numpy() - ahead["y"].to_numpy()).max() < 0.02 * fine["y"].std()
    at = [ahead.index[4], ahead.index[17]]
    some = model.predict(known, at=at, future=ahead[["x"]])
    np.testing.assert_allclose(some["y"], quarters["y"].loc[at], atol=1e-9)


def test_irregular_series_and_their_covariates(new_model):
    rng = np.random.default_rng(8)
    times = np.sort(rng.uniform(0, 700, 900))
    knots = wander(720, 0.9, 6)
    x = np.interp(times, np.arange(720.0), knots)
    frame = pd.DataFrame({"t": times, "y": 3.0 * x, "x": x})
    options = {"time_col": "t", "target_cols": "y", "future_covariates": "x"}
    model = new_model(24, 48.0, **options).fit(frame[frame.t < 600])
    known, ahead = frame[frame.t < 600], frame[frame.t >= 600].head(4)
    forecast = model.predict(known, at=ahead["t"].to_numpy()[:-1], future=ahead[["t", "x"]])
    assert np.abs(forecast["y"].to_numpy() - ahead["y"].to_numpy()[:-1]).max() < 0.1 * frame["y"].std()


def test_polars_frames_with_categories(new_model):
    rng = np.random.default_rng(9)
    kind = rng.choice(["none", "sale", "holiday"], 700)
    y = np.select([kind == "sale", kind == "holiday"], [4.0, -6.0], 0.0) + 0.05 * rng.standard_normal(700)
    frame = pl.DataFrame({"time": hours(700).to_numpy(), "y": y, "kind": kind})
    options = {"time_col": "time", "target_cols": "y", "future_covariates": ["kind"]}
    model = new_model(HORIZON, 48, **options).fit(frame[:640])
    forecast = model.predict(frame[:640].lazy(), future=frame[640:652].select("time", "kind"))
    assert isinstance(forecast, pl.DataFrame)
    assert forecast.columns == ["time", "y"]
    assert np.abs(forecast["y"].to_numpy() - y[640:652]).max() < 0.5
    unknown = frame[640:652].select("time", kind=pl.lit("strike"))
    with pytest.raises(CovariateError, match=r"'kind' holds 'strike' in row 0"):
        model.predict(frame[:640], future=unknown)


def test_a_category_lasts_until_the_next_one(new_model):
    days = np.random.default_rng(10).choice([True, False], 60)
    frame = pd.DataFrame({"y": np.repeat(days, 24) * 3.0, "open": np.repeat(days, 24).astype(str)})
    frame.index = hours(len(frame))
    frame.loc[frame.index.hour != 0, "open"] = None
    model = new_model(HORIZON, 48, target_cols="y", future_covariates="open").fit(frame.iloc[:1200])
    forecast = model.predict(frame.iloc[:1200], future=frame[["open"]].iloc[1200:1201])
    np.testing.assert_allclose(forecast["y"], frame["y"].iloc[1200:1212], atol=0.1)


# The calendar


def test_the_calendar_knows_the_weekend_that_the_context_cannot(new_model):
    times = hours(24 * 7 * 12)
    y = (times.dayofweek >= 5) * 5.0 + np.cos(2 * np.pi * times.hour / 24)
    frame = pd.DataFrame({"y": y + 0.1 * np.random.default_rng(11).standard_normal(len(y))}, index=times)
    train, test = frame.iloc[: 24 * 7 * 10], frame.iloc[24 * 7 * 10 :]
    plain = new_model(24, 24).fit(train)
    model = new_model(24, 24, calendar=True).fit(train)
    assert model.score(test) > 0.4 * plain.score(test)
    assert len(model.predict(train, at=[train.index[-1] + pd.Timedelta("90min")])) == 1


def test_the_calendar_goes_by_the_wall_clock_of_training(new_model):
    times = hours(24 * 7 * 20, tz="Europe/Berlin")  # the clocks change on 31 March
    frame = pd.DataFrame({"y": ((times.hour >= 8) & (times.hour < 20)) * 1.0}, index=times)
    frame["y"] += 0.05 * np.random.default_rng(12).standard_normal(len(frame))
    model = new_model(24, 24, calendar=True).fit(frame)
    known = frame.iloc[-100:]
    elsewhere = model.predict(known.tz_convert("Asia/Tokyo"))
    np.testing.assert_allclose(model.predict(known)["y"], elsewhere["y"])


def test_the_calendar_needs_dates(new_model):
    with pytest.raises(ParameterError, match="calendar=True"):
        new_model(calendar=True).fit(np.sin(np.arange(300.0)))


# Score, files, the deep branch


def test_score_reads_the_covariates_of_what_it_scores(new_model, driven):
    model = fit(new_model, driven)
    plain = fit(new_model, driven.drop(columns="x"), future_covariates=None)
    test = driven.iloc[-N_TEST:]
    assert model.score(test) > 0.1 * plain.score(test[["y"]])
    with pytest.raises(MissingColumnError, match="'x'"):
        model.score(test[["y"]])


def test_a_saved_model_keeps_covariates_and_categories(new_model, driven, tmp_path):
    kind = np.where(driven["x"] > 0, "high", "low")
    model = fit(new_model, driven.assign(kind=kind), future_covariates=["x", "kind"], calendar=True)
    model.save(tmp_path / "model.safetensors")
    loaded = ssmts.load(tmp_path / "model.safetensors")
    ahead = split(driven.assign(kind=kind))[1].drop(columns="y")
    pd.testing.assert_frame_equal(loaded.predict(future=ahead), model.predict(future=ahead))
    known = split(driven.assign(kind=kind))[0]
    pd.testing.assert_frame_equal(loaded.predict(known, future=ahead), model.predict(known, future=ahead))


def test_the_deep_path_learns_what_covariates_leave_over(small_deep, chaos):
    x = np.random.default_rng(13).standard_normal(len(chaos))
    frame = pd.DataFrame({"y": chaos + x, "x": x}, index=hours(len(chaos)))
    model = S4Forecaster(**small_deep, target_cols="y", future_covariates="x").fit(frame)
    alone = S4Forecaster(**small_deep).fit(frame[["y"]] - frame[["x"]].to_numpy())
    assert model.history_["deep"]["accepted"]
    assert model.history_["deep"]["gain"] == pytest.approx(
        alone.history_["deep"]["gain"] * np.var(chaos) / frame["y"].var(), rel=0.3
    )
    forecast = model.predict(frame.iloc[:-2], future=frame[["x"]].iloc[-2:])
    assert forecast["y"].iloc[0] == pytest.approx(frame["y"].iloc[-2], abs=0.2)


# Faults


def test_a_missing_future_names_column_series_and_instant(new_model, driven):
    model = fit(new_model, driven)
    known, ahead = split(driven)
    with pytest.raises(CovariateError, match=r"'x' is not known at 2024-01-27 16:00"):
        model.predict(known)
    with pytest.raises(CovariateError, match=r"'x' is not known at 2024-01-27 21:00"):
        model.predict(known, future=ahead[["x"]].iloc[:5])
    assert len(model.predict(known, horizon=5, future=ahead[["x"]].iloc[:5])) == 5


def test_a_future_nobody_asked_for_is_refused(new_model, driven):
    plain = fit(new_model, driven[["y"]], future_covariates=None)
    with pytest.raises(ParameterError, match="without future_covariates"):
        plain.predict(driven[["y"]], future=driven[["x"]])


def test_a_future_of_another_series_is_refused(new_model):
    panel = pd.DataFrame({"id": "a", "time": hours(200), "y": wander(200, 0.5, 1), "x": wander(200, 0.5, 2)})
    options = {"id_col": "id", "time_col": "time", "target_cols": "y", "future_covariates": "x"}
    model = new_model(HORIZON, 24, **options).fit(panel)
    with pytest.raises(InstantError, match=r"\['b'\]"):
        model.predict(panel.iloc[:150], future=panel.iloc[150:].assign(id="b"))


def test_columns_that_are_not_there_or_have_two_parts(new_model, driven):
    with pytest.raises(MissingColumnError, match="'wind'"):
        new_model(target_cols="y", future_covariates=["wind"]).fit(driven)
    with pytest.raises(ColumnError, match="'y' cannot be a target and a covariate"):
        new_model(target_cols="y", future_covariates="y").fit(driven)
    with pytest.raises(ColumnError, match="without named columns"):
        new_model(future_covariates=[1]).fit(driven.to_numpy())


def test_input_is_left_as_it_was(new_model, driven):
    before = driven.copy(deep=True)
    model = fit(new_model, driven)
    known, ahead = split(driven)
    model.predict(known, future=ahead)
    pd.testing.assert_frame_equal(driven, before)


def test_a_stream_takes_the_calendar(new_model):
    times = hours(24 * 7 * 8)
    frame = pd.DataFrame(
        {"y": (times.dayofweek >= 5) * 5.0 + np.cos(2 * np.pi * times.hour / 24)}, index=times
    )
    model = new_model(24, 48, calendar=True).fit(frame)
    assert model.history_["covariates"]["accepted"]
    stream = model.stream(frame.iloc[:-30])
    stream.update(frame.iloc[-30:])
    pd.testing.assert_frame_equal(stream.predict(), model.predict(frame), check_freq=False)


def test_a_category_that_is_told_once_a_day_holds_over_the_window(new_model):
    mode = np.repeat(np.random.default_rng(0).integers(0, 2, 40), 24)
    names = pd.Series(np.where(mode == 1, "on", "off"), index=hours(960)).where(hours(960).hour == 0, None)
    frame = pd.DataFrame({"y": 3.0 * mode + np.sin(np.arange(960) / 7), "mode": names}, index=hours(960))
    model = new_model(HORIZON, 30, target_cols="y", future_covariates="mode").fit(frame.iloc[:720])
    assert model.history_["covariates"]["accepted"]
    for origin in range(740, 900, 13):
        found = model.predict(frame.iloc[:origin], future=frame[["mode"]].iloc[origin : origin + 40])["y"]
        assert (found - frame["y"].reindex(found.index)).abs().max() < 0.2
