"""One fit for series at 15 minutes, at an hour and at random instants, beside one fit for each rate."""

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster

START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-31")
NOISE = 0.2
WITHIN = {"15min": 1.02, "1h": 1.02, "irregular": 1.02}  # errors of one fit for all over those of one each


def wave(stamps, phase):
    hours = np.asarray((stamps - START) / pd.Timedelta("1h")) + phase
    return np.sin(2 * np.pi * hours / 24) + 0.5 * np.sin(2 * np.pi * (hours + phase) / 12)


@pytest.fixture(scope="module")
def series():
    """Three series of each rate over 40 days, with their phases."""
    made = {rate: [] for rate in WITHIN}
    rng = np.random.default_rng(0)
    for rate, own in made.items():
        for number in range(3):
            if rate == "irregular":
                seconds = np.unique(rng.integers(0, 40 * 86400, 960))
                stamps = START + pd.to_timedelta(seconds, unit="s")
            else:
                stamps = pd.date_range(START, periods=40 * 24 * (4 if rate == "15min" else 1), freq=rate)
            phase = rng.uniform(0, 24)
            y = wave(stamps, phase) + NOISE * rng.normal(size=len(stamps))
            own.append((pd.DataFrame({"unique_id": f"{rate} {number}", "ds": stamps, "y": y}), phase))
    return made


def fit(frames):
    X = pd.concat(frames)
    return LinearSSMForecaster("1D", "8D").fit(X[X["ds"] < END])


def error(model, frame, phase):
    """Mean squared error against observations of the future, every hour for a day."""
    errors = []
    for origin in pd.date_range(END, periods=20, freq="9h"):
        window = frame[frame["ds"] <= origin]
        at = window["ds"].iloc[-1] + pd.to_timedelta(np.arange(1, 24), unit="h")
        errors.append(((model.predict(window, at=at)["y"] - wave(at, phase)) ** 2).mean())
    return np.mean(errors) + NOISE**2


@pytest.mark.slow
def test_one_fit_for_all_rates_stays_close_to_one_each(series):
    mixed = fit([frame for own in series.values() for frame, _ in own])
    for rate, own in series.items():
        alone = fit([frame for frame, _ in own])
        ratio = np.mean([error(mixed, *one) for one in own]) / np.mean([error(alone, *one) for one in own])
        assert ratio < WITHIN[rate], rate


@pytest.mark.slow
def test_a_rate_that_fit_never_saw(series):
    mixed = fit([frame for own in series.values() for frame, _ in own])
    frame, phase = series["15min"][0]
    for every in (2, 3, 12):  # half an hour, 45 minutes, three hours
        assert error(mixed, frame.iloc[::every], phase) < 1.25 * NOISE**2
