"""Horizon and context as counts and durations, the context that fit chooses, and too short series."""

import warnings

import numpy as np
import pandas as pd
import pytest

from ssmts.errors import TooShortError, TooShortWarning


@pytest.mark.parametrize(
    ("horizon", "context"),
    [
        ("12h", "2D"),
        (pd.Timedelta("12h"), pd.Timedelta("48h")),
        (np.timedelta64(12, "h"), np.int64(48)),
        (pd.Timedelta("12h").to_pytimedelta(), "2880min"),
    ],
)
def test_counts_and_durations_mean_the_same(new_model, frame, model, horizon, context):
    found = new_model(horizon, context).fit(frame)
    assert (found.horizon_, found.context_length_) == (12, 48)
    pd.testing.assert_frame_equal(found.predict(), model.predict(), check_exact=True)


@pytest.mark.slow
def test_durations_of_number_times_are_numbers(new_model, frame):
    X = frame.set_axis(np.arange(len(frame)) * 0.5)
    by_number, by_count = new_model(6.0, 24.0).fit(X), new_model(12, 48).fit(X)
    assert (by_number.horizon_, by_number.context_length_) == (12, 48)
    pd.testing.assert_frame_equal(by_number.predict(), by_count.predict(), check_exact=True)


def test_a_duration_is_a_time_whatever_the_rate(new_model, sines):
    index = pd.date_range("2020-01-01", periods=600, freq="30min", name="ds")
    X = pd.DataFrame(sines.truth(index.to_numpy()), index, sines.frame.columns)
    model = new_model("12h", "48h").fit(X)
    assert (model.horizon_, model.context_length_) == (24, 96)
    assert model.predict().index[-1] == index[-1] + pd.Timedelta("12h")


def test_a_context_is_chosen_where_none_is_given(new_model, frame):
    model = new_model(12, None).fit(frame)
    errors = model.history_["errors_by_context"]
    assert {float(context) for context in errors} == {12, 24, 48, 96}  # and none beyond half of the series
    assert errors[f"{model.context_length_:g}"] == min(errors.values())


def test_the_chosen_context_is_long_where_the_past_matters(new_model):
    rng = np.random.default_rng(0)
    pulses = 1.0 * (np.arange(1200) % 40 == 0) + 0.05 * rng.normal(size=1200)
    assert new_model(10, None).fit(pulses).context_length_ >= 40


def test_a_short_series_gets_a_short_context(new_model, frame):
    model = new_model(4, None).fit(frame.head(16))
    assert 2 <= model.context_length_ <= 16
    assert model.predict().shape == (4, 2)


def mixed_panel(panel):
    long = panel[panel["unique_id"] != "series_2"]
    short = panel[panel["unique_id"] == "series_2"].tail(20)
    tiny = short.tail(5).assign(unique_id="tiny")
    return pd.concat([long, short, tiny])


def test_short_series_are_named_and_still_forecast(new_model, panel):
    X = mixed_panel(panel)
    with pytest.warns(TooShortWarning, match=r"of 4 series.*'tiny'.*can still be forecast") as caught:
        model = new_model().fit(X)
    assert caught[0].filename == __file__
    forecast = model.predict(X)
    assert forecast.groupby("unique_id").size().to_dict() == dict.fromkeys(X["unique_id"].unique(), 12)
    assert np.isfinite(forecast["y"]).all()
    pd.testing.assert_frame_equal(model.predict(), forecast, rtol=1e-12)


def test_no_warning_where_all_are_long_enough(new_model, panel):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new_model().fit(panel.groupby("unique_id").tail(60))


def test_the_shortest_series_that_will_do(new_model, frame):
    model = new_model().fit(frame.head(60))
    assert model.history_["n_windows"] == 2


def test_no_series_is_long_enough_to_learn_from(new_model, frame):
    """Then simple methods forecast, and a warning says so; one row is none."""
    with pytest.warns(TooShortWarning, match="too short for one window: a context and a horizon") as caught:
        model = new_model().fit(frame.head(8))
    assert caught[0].filename == __file__
    forecast = model.predict()
    assert forecast.shape == (12, 2)
    low, high = frame.head(8).min(), frame.head(8).max()
    assert ((forecast >= low - 3 * (high - low)) & (forecast <= high + 3 * (high - low))).all().all()
    with pytest.raises(TooShortError, match="minimum of 2"):
        new_model().fit(frame.head(1))


def test_validation_data_take_part_but_set_no_scale(new_model, frame):
    train, later = frame.iloc[:300], frame.iloc[300:]
    model = new_model().fit(train, validation=later)
    assert model.history_["n_windows"] == 2 * (400 - 48 - 12 + 1)
    assert model.predict().index[0] == frame.index[-1] + pd.Timedelta("1h")
    alone = new_model().fit(train)
    ratio = model.score(frame) / new_model().fit(frame).score(frame)
    scale = (frame.var(ddof=0) / train.var(ddof=0)).to_numpy()
    assert scale.min() * 0.9 < ratio < scale.max() * 1.1
    assert alone.history_["n_windows"] == 2 * (300 - 48 - 12 + 1)
