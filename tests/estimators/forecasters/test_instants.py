"""Which instants a forecast is for: steps, the calendar, listed instants."""

import numpy as np
import pandas as pd
import pytest

from ssmts.errors import HorizonError, InstantError, ParameterError

HOUR = pd.Timedelta("1h")


def test_the_first_row_is_one_step_after_the_origin(model, frame):
    forecast = model.predict(frame)
    assert list(forecast.index) == [frame.index[-1] + k * HOUR for k in range(1, 13)]


@pytest.mark.parametrize(
    ("options", "rows", "spacing"),
    [
        ({}, 12, "1h"),
        ({"horizon": 1}, 1, "1h"),
        ({"horizon": np.int64(5)}, 5, "1h"),
        ({"horizon": "150min"}, 2, "1h"),
        ({"horizon": pd.Timedelta("12h")}, 12, "1h"),
        ({"step": "30min"}, 24, "30min"),
        ({"step": "5h"}, 2, "5h"),
        ({"step": "12h"}, 1, "12h"),
        ({"step": np.timedelta64(7, "m")}, 102, "7min"),
        ({"step": "40min", "horizon": "2h"}, 3, "40min"),
        ({"step": "1s", "horizon": "1min"}, 60, "1s"),
    ],
)
def test_rows_are_the_whole_steps_in_the_horizon(model, frame, options, rows, spacing):
    forecast = model.predict(frame, **options)
    expected = [frame.index[-1] + k * pd.Timedelta(spacing) for k in range(1, rows + 1)]
    assert list(forecast.index) == expected
    assert np.isfinite(forecast.to_numpy()).all()


def test_rounding_does_not_cost_a_row(new_model, frame):
    X = frame.set_axis(np.arange(len(frame)) * 0.1)  # 12 * 0.1 / 0.1 and 1.2 / 0.4 are not whole in binary
    model = new_model().fit(X)
    assert len(model.predict(X)) == 12
    assert len(model.predict(X, step=0.4)) == 3
    assert len(model.predict(X, horizon=0.3)) == 3


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_denser_forecast_agrees_at_common_instants(model, frame, parts):
    plain, dense = model.predict(frame), model.predict(frame, step=HOUR / parts)
    assert len(dense) == parts * len(plain)
    pd.testing.assert_frame_equal(dense.iloc[parts - 1 :: parts], plain, rtol=1e-12, check_freq=False)


def test_a_shorter_horizon_is_the_beginning_of_the_longer(model, frame):
    pd.testing.assert_frame_equal(model.predict(frame, horizon=5), model.predict(frame).head(5), rtol=1e-12)


def test_between_its_rows_a_forecast_is_smooth(model, sines):
    dense = model.predict(sines.frame, step="6min")
    truth = sines.truth(dense.index.to_numpy())
    assert np.abs(dense.to_numpy() - truth).max() < 0.1
    assert np.abs(np.diff(dense.to_numpy(), 2, axis=0)).max() < 0.01


def test_the_default_step_is_the_median_interval_of_X(model, sines):
    for minutes, rows in [(15, 48), (30, 24), (65, 11), (180, 4)]:
        index = pd.date_range("2020-01-03", periods=300, freq=f"{minutes}min", name="ds")
        index.freq = None
        X = pd.DataFrame(sines.truth(index.to_numpy()), index, sines.frame.columns)
        forecast = model.predict(X)
        assert len(forecast) == rows
        assert (np.diff(forecast.index) == np.timedelta64(minutes, "m")).all()


@pytest.mark.parametrize("minutes", [58, 62])
def test_the_default_step_snaps_to_the_reference_step(model, frame, minutes):
    X = frame.set_axis(frame.index[0] + np.arange(len(frame)) * pd.Timedelta(minutes=minutes))
    forecast = model.predict(X)
    assert list(forecast.index) == [X.index[-1] + k * HOUR for k in range(1, 13)]


def test_rows_without_observations_do_not_make_the_step(model, frame):
    X = frame.copy()
    X.iloc[1::2] = np.nan  # a two-hourly series on an hourly index: what read_panel calls its step
    forecast = model.predict(X.iloc[:-1])
    assert list(np.diff(forecast.index)) == [2 * HOUR] * 5


def monthly(freq):
    index = pd.date_range("1990-01-01", periods=240, freq=freq, name="ds")
    return pd.DataFrame({"y": np.sin(np.arange(240) / 2)}, index)


def test_a_freq_that_is_set_is_respected(new_model):
    X = monthly("MS")
    forecast = new_model(12, 24).fit(X).predict(X)
    assert list(forecast.index) == list(pd.date_range("2010-01-01", periods=12, freq="MS"))
    assert forecast.index.freqstr == "MS"


@pytest.mark.parametrize(("freq", "horizon"), [("YS", 4), ("QS", 4), ("QS", 8), ("W-SUN", 5), ("ME", 12)])
def test_as_many_calendar_steps_as_asked_for(new_model, freq, horizon):
    X = monthly(freq).head(150) if freq != "YS" else monthly(freq).head(100)
    model = new_model(horizon, 16).fit(X)
    expected = pd.date_range(X.index[-1], periods=horizon + 1, freq=freq)[1:]
    assert list(model.predict(X).index) == list(expected)
    assert list(model.predict(X, horizon=2).index) == list(expected[:2])


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 counts a day of the calendar as 24 hours")
def test_days_of_the_calendar_over_a_clock_change(new_model):
    index = pd.date_range(end=pd.Timestamp("2024-10-25", tz="Europe/Berlin"), periods=100, freq="D")
    X = pd.DataFrame({"y": np.sin(np.arange(100) / 3)}, index)
    forecast = new_model(6, 20).fit(X).predict()
    assert [str(stamp) for stamp in forecast.index[[0, 2, 5]]] == [
        "2024-10-26 00:00:00+02:00",
        "2024-10-28 00:00:00+01:00",
        "2024-10-31 00:00:00+01:00",
    ]


def test_months_are_counted_whether_or_not_the_index_says_so(new_model):
    X = monthly("MS")
    said = new_model(12, 24).fit(X).predict(X)
    X.index.freq = None
    model = new_model(12, 24).fit(X)
    assert model.reference_step_ == pd.Timedelta(365.2425 / 12, unit="D")
    pd.testing.assert_frame_equal(model.predict(X), said, check_freq=False)
    assert list(model.predict(X, step="MS").index[:2]) == [
        pd.Timestamp("2010-01-01"),
        pd.Timestamp("2010-02-01"),
    ]


@pytest.mark.parametrize("offset", ["B", "W-SUN", "MS", pd.offsets.MonthEnd()])
def test_calendar_steps(new_model, offset):
    index = pd.date_range("2023-01-01", periods=300, freq="D", name="ds")
    X = pd.DataFrame({"y": np.sin(np.arange(300) / 10)}, index)
    model = new_model("70D", 60).fit(X)
    forecast = model.predict(X, step=offset)
    days = pd.date_range(index[-1] + pd.Timedelta("1D"), periods=70, freq="D")
    offset = pd.tseries.frequencies.to_offset(offset)
    assert list(forecast.index) == [day for day in days if offset.is_on_offset(day)]
    daily = model.predict(X)
    pd.testing.assert_frame_equal(forecast, daily.loc[forecast.index], check_freq=False, rtol=1e-12)


@pytest.mark.parametrize(
    "kind",
    [list, pd.DatetimeIndex, np.array, pd.Series, lambda at: [str(t) for t in at]],
    ids=["list", "DatetimeIndex", "array", "Series", "text"],
)
def test_listed_instants(model, frame, kind):
    stamps = (frame.index[-1] + pd.to_timedelta(["11h", "20min", "5h"])).rename("ds")
    forecast = model.predict(frame, at=kind(stamps))
    assert list(forecast.index) == list(stamps)
    dense = model.predict(frame, step="20min")
    pd.testing.assert_frame_equal(forecast, dense.loc[stamps], check_freq=False, rtol=1e-12)


def test_one_instant(model, frame):
    at = frame.index[-1] + 3 * HOUR
    pd.testing.assert_frame_equal(
        model.predict(frame, at=at), model.predict(frame).loc[[at]], check_freq=False, rtol=1e-12
    )


def test_instants_of_each_series(panel_model, panel):
    ends = panel.groupby("unique_id")["ds"].max()
    at = pd.DataFrame(
        {
            "ds": [
                ends["series_2"] + HOUR,
                ends["series_0"] + 2 * HOUR,
                ends["series_1"] + HOUR,
                ends["series_0"] + HOUR,
            ],
            "unique_id": ["series_2", "series_0", "series_1", "series_0"],
        }
    )
    forecast = panel_model.predict(panel, at=at)
    assert forecast[["unique_id", "ds"]].to_numpy().tolist() == [
        ["series_0", ends["series_0"] + 2 * HOUR],
        ["series_0", ends["series_0"] + HOUR],
        ["series_1", ends["series_1"] + HOUR],
        ["series_2", ends["series_2"] + HOUR],
    ]
    both = forecast.merge(panel_model.predict(panel), on=["unique_id", "ds"])
    assert len(both) == 4
    np.testing.assert_allclose(both["y_x"], both["y_y"], rtol=1e-12)


def test_instants_leave_no_room_for_steps(model, frame):
    for options in ({"step": "1h"}, {"horizon": 3}):
        with pytest.raises(ParameterError, match="without step and horizon"):
            model.predict(frame, at=[frame.index[-1] + HOUR], **options)


def test_the_horizon_ends_where_it_was_trained_to_end(new_model, frame):
    model = new_model("690min").fit(frame)  # 11.5 reference steps
    end = frame.index[-1]
    assert len(model.predict(frame)) == 11
    assert len(model.predict(frame, step="30min")) == 23
    assert len(model.predict(frame, at=[end + pd.Timedelta("690min")])) == 1
    for options in ({"horizon": 12}, {"horizon": "691min"}, {"at": [end + pd.Timedelta("12h")]}):
        with pytest.raises(HorizonError, match="Ask for"):
            model.predict(frame, **options)


def test_instants_before_the_origin(model, frame):
    with pytest.raises(InstantError, match=r"2020-01-17 15:00.*not after the origin.*Ask for later"):
        model.predict(frame, at=[frame.index[-1] + HOUR, frame.index[-1]])


def test_without_X_the_forecast_continues_the_training_data(model, frame, panel_model, panel):
    pd.testing.assert_frame_equal(model.predict(), model.predict(frame), rtol=1e-12)
    pd.testing.assert_frame_equal(
        model.predict(step="10min", horizon=3), model.predict(frame, step="10min", horizon=3), rtol=1e-12
    )
    pd.testing.assert_frame_equal(panel_model.predict(), panel_model.predict(panel), rtol=1e-12)


@pytest.mark.parametrize("change", ["2024-03-31", "2024-10-27"])
def test_steps_run_through_clock_changes(new_model, frame, change):
    end = pd.Timestamp(change, tz="Europe/Berlin")  # midnight, two or three hours before the change
    local = frame.set_axis(pd.date_range(end=end, periods=len(frame), freq="h", name="ds"))
    model = new_model().fit(local)
    forecast = model.predict(local)
    utc = model.predict(local.tz_convert("UTC"))
    assert str(forecast.index.tz) == "Europe/Berlin"
    assert str(utc.index.tz) == "UTC"
    assert (np.diff(forecast.index) == HOUR).all()
    assert forecast.index[-1].hour == (13 if change == "2024-03-31" else 11)
    np.testing.assert_array_equal(forecast.index.asi8, utc.index.asi8)
    np.testing.assert_allclose(forecast.to_numpy(), utc.to_numpy(), rtol=1e-12)
