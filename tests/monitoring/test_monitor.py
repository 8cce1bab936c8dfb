"""Faults of sensors are found soon and where they are; usual rows are left alone."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMForecaster, monitor
from ssmts.errors import ParameterError
from ssmts.monitoring.scores import alarm, longest_runs, normal_scores

N, LATER = 2000, 800
HOURS = pd.date_range("2025-01-01", periods=N + LATER, freq="h")


def sensors() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    t = np.arange(N + LATER)
    return pd.DataFrame(
        {
            f"s{k}": (1 + k) * np.sin(2 * np.pi * (t + 5 * k) / 24) + 0.3 * rng.normal(size=len(t))
            for k in range(3)
        },
        HOURS,
    )


@pytest.fixture(scope="module")
def model():
    return LinearSSMForecaster(horizon=24).fit(sensors().iloc[:N])


def test_usual_rows_are_left_alone(model):
    found = monitor(model, sensors().iloc[N:])
    assert len(found.rows) == 3 * LATER
    assert found.rows["anomaly"].notna().sum() <= 9  # 2.4 are expected
    assert found.drift.drop(columns="channel").isna().all().all()
    assert found.accuracy["ratio"].between(0.6, 1.5).mean() > 0.95
    assert abs(found.rows["score"].std() - 1) < 0.15
    assert "anomalies" in repr(found)


def test_spikes_stuck_sensors_shifts_and_noise(model):
    later = sensors().iloc[N:].copy()
    rng = np.random.default_rng(1)
    later.iloc[[100, 300], 0] += 4.0
    later.iloc[500:540, 0] = later.iloc[500, 0]
    later.iloc[400:, 1] += 1.5
    later.iloc[300:, 2] += 0.9 * rng.normal(size=LATER - 300)
    found = monitor(model, later)
    rows, drift = found.rows, found.drift.set_index("channel")
    first = rows[rows["channel"] == "s0"].set_index("time")["anomaly"]
    assert (first[HOURS[[N + 100, N + 300]]] == "value").all()
    assert (first[HOURS[N + 510] : HOURS[N + 539]] == "stuck").all()
    assert abs(drift.loc["s1", "shift_since"] - HOURS[N + 400]) <= pd.Timedelta("12h")
    assert drift.loc["s1", "shift_found"] - HOURS[N + 400] <= pd.Timedelta("5D")
    assert abs(drift.loc["s2", "noise_since"] - HOURS[N + 300]) <= pd.Timedelta("2D")
    days = found.accuracy[found.accuracy["channel"] == "s2"].set_index("day")["ratio"]
    assert days[HOURS[N + 330] :].mean() > 1.7
    assert days[: HOURS[N + 270]].mean() < 1.3


def test_panels_numbers_and_polars():
    rng = np.random.default_rng(0)
    frame = pd.concat(
        pd.DataFrame({"unique_id": k, "ds": np.arange(300), "y": rng.normal(size=300)}) for k in range(26)
    )
    known = frame[frame["ds"] < 250]
    model = LinearSSMForecaster(horizon=5).fit(pl.from_pandas(known))
    later = frame[frame["ds"] >= 250].copy()
    later.loc[(later["unique_id"] == 7) & (later["ds"] == 270), "y"] = 20.0
    found = monitor(model, pl.from_pandas(later))
    assert isinstance(found.rows, pl.DataFrame)
    largest = found.rows.sort("score").tail(1)
    assert largest.select("unique_id", "ds", "anomaly").row(0) == (7, 270, "value")
    assert found.accuracy.height == found.drift.height == 26


def test_scores_are_normal_where_quantiles_are_right():
    levels = np.array([0.005, 0.1, 0.5, 0.9, 0.995])
    from scipy.special import ndtri

    y = np.random.default_rng(0).normal(size=20_000)
    scores = normal_scores(2 * y + 3, np.tile(2 * ndtri(levels) + 3, (len(y), 1)), levels)
    np.testing.assert_allclose(scores, y, atol=1e-9)


def test_alarms_say_when_it_began():
    scores = np.concatenate([np.zeros(50), np.ones(100)])
    assert alarm(scores, 0.5, 10.0) == (70, 50)
    assert alarm(np.zeros(100), 0.5, 10.0) is None
    np.testing.assert_array_equal(longest_runs(np.array([1.0, 1, 2, 2, 2, 1])), [1, 2, 1, 2, 3, 1])


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [("model", {}, "fitted forecaster"), (None, {"alarm_rate": 2}, "between 0 and 1")],
)
def test_what_cannot_be_monitored_is_named(model, given, options, says):
    with pytest.raises(ParameterError, match=says):
        monitor(given or model, sensors(), **options)
