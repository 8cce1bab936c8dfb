from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts.data import output_times, parse_instants, parse_step, read_panel
from ssmts.errors import (
    ClockMismatchError,
    HorizonError,
    InstantError,
    MissingColumnError,
    NonFiniteTimeError,
    TimeColumnError,
)

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def ns(*stamps):
    return [pd.Timestamp(stamp).as_unit("ns").value for stamp in stamps]


def layout(tz=None):
    return panel(tz).layout


def panel(tz=None):
    index = pd.DatetimeIndex(["2024-03-29", "2024-03-30"], tz=tz, name="ds")
    return read_panel(pd.DataFrame({"a": [1.0, 2.0]}, index=index))


def long_panel():
    return read_panel(
        pd.DataFrame(
            {
                "unique_id": ["p", "p", "q", "q"],
                "ds": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01", "2024-01-05"]),
                "y": np.ones(4),
            }
        )
    )


def number_panel():
    return read_panel(np.ones(4))


class TestOutputTimes:
    def test_fixed_steps_start_one_step_after_the_origin(self):
        times = output_times(1000, horizon=60, step=20, layout=layout())
        assert times.dtype == np.int64
        assert times.tolist() == [1020, 1040, 1060]

    def test_a_last_partial_step_is_left_out(self):
        assert output_times(0, horizon=59, step=20, layout=layout()).tolist() == [20, 40]

    def test_rounding_does_not_cost_a_row(self):
        times = output_times(0.5, horizon=0.3, step=0.1, layout=number_panel().layout)
        np.testing.assert_allclose(times, [0.6, 0.7, 0.8])

    def test_fixed_steps_run_in_utc(self):
        (origin,) = ns("2024-03-30 00:00+01:00")
        times = output_times(origin, horizon=3 * DAY, step=DAY, layout=layout("Europe/Berlin"))
        assert np.diff(times).tolist() == [DAY, DAY]

    @pytest.mark.parametrize(
        ("step", "horizon", "expected"),
        [
            ("MS", 70 * DAY, ["2024-02-01", "2024-03-01"]),
            ("2MS", 100 * DAY, ["2024-02-01", "2024-04-01"]),
            ("B", 5 * DAY, ["2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18"]),
            ("W-SUN", 8 * DAY, ["2024-01-14", "2024-01-21"]),
            ("YE", 366 * DAY, ["2024-12-31"]),
        ],
    )
    def test_calendar_offsets(self, step, horizon, expected):
        (origin,) = ns("2024-01-13")
        clock = layout().clock
        times = output_times(origin, horizon=horizon, step=parse_step(step, clock), layout=layout())
        assert times.tolist() == ns(*expected)

    def test_an_origin_on_the_offset_is_not_repeated_and_the_end_is_included(self):
        first, last = ns("2024-01-01", "2024-03-01")
        times = output_times(first, horizon=last - first, step=pd.offsets.MonthBegin(), layout=layout())
        assert times.tolist() == ns("2024-02-01", "2024-03-01")

    def test_calendar_offsets_follow_the_wall_clock(self):
        (origin,) = ns("2024-03-15 00:00+01:00")
        times = output_times(
            origin, horizon=50 * DAY, step=pd.offsets.MonthBegin(), layout=layout("Europe/Berlin")
        )
        assert times.tolist() == ns("2024-04-01 00:00+02:00", "2024-05-01 00:00+02:00")

    def test_stamps_that_a_clock_change_skips_or_repeats(self):
        spring, autumn = ns("2024-03-29 02:30+01:00", "2024-10-25 02:30+02:00")
        berlin, business = (
            layout("Europe/Berlin"),
            pd.offsets.Day() if pd.__version__ >= "3" else pd.offsets.CustomBusinessDay(weekmask="1111111"),
        )
        assert output_times(spring, horizon=2 * DAY, step=business, layout=berlin).tolist() == ns(
            "2024-03-30 02:30+01:00", "2024-03-31 03:00+02:00"
        )
        assert output_times(autumn, horizon=2 * DAY, step=business, layout=berlin).tolist() == ns(
            "2024-10-26 02:30+02:00", "2024-10-27 02:30+02:00"
        )

    @pytest.mark.parametrize(
        ("origin", "horizon", "step", "message"),
        [
            (0, 10, 20, "shorter than one step"),
            (0, DAY, pd.offsets.MonthBegin(), "shorter than one step"),
            (2**63 - 100, 1000, 10, "2262"),
            (2**63 - DAY, 4 * DAY, pd.offsets.MonthBegin(), "2262"),
        ],
    )
    def test_bad_horizons(self, origin, horizon, step, message):
        with pytest.raises(HorizonError, match=message):
            output_times(origin, horizon=horizon, step=step, layout=layout())


LATER = ["2024-04-02 12:00", "2024-03-31 06:00"]


@pytest.mark.parametrize(
    "at",
    [
        LATER,
        tuple(LATER),
        [pd.Timestamp(stamp) for stamp in LATER],
        [dt.datetime.fromisoformat(stamp) for stamp in LATER],
        pd.DatetimeIndex(LATER),
        pd.DatetimeIndex(LATER).as_unit("s"),
        pd.Series(pd.DatetimeIndex(LATER)),
        np.array(LATER, dtype="M8[m]"),
        pl.Series(LATER).str.to_datetime(time_unit="ns"),
        pd.DataFrame({"ds": pd.DatetimeIndex(LATER)}),
        pd.DataFrame(index=pd.DatetimeIndex(LATER, name="ds")),
        pl.DataFrame({"ds": pl.Series(LATER).str.to_datetime()}),
    ],
    ids=lambda at: type(at).__module__.split(".")[0] + "-" + type(at).__name__,
)
def test_instants_of_every_kind_keep_their_order(at):
    (instants,) = parse_instants(at, panel())
    assert instants.tolist() == ns(*LATER)


def test_text_may_be_written_to_any_precision():
    at = ["2024-04-01", "2024-04-01 06:00", "2024-04-01T06:00:30", "2024-04-01 06:00:30.25"]
    assert parse_instants(at, panel())[0].tolist() == ns(*at)
    assert parse_instants(["1 April 2024", "2 April 2024"], panel())[0].tolist() == ns(
        "2024-04-01", "2024-04-02"
    )


def test_single_instants_and_dates():
    assert parse_instants(pd.Timestamp("2024-04-01"), panel())[0].tolist() == ns("2024-04-01")
    assert parse_instants("2024-04-01", panel())[0].tolist() == ns("2024-04-01")
    assert parse_instants([dt.date(2024, 4, 1)], panel())[0].tolist() == ns("2024-04-01")


def test_numbers():
    (instants,) = parse_instants([3.5, 7], number_panel())
    assert instants.tolist() == [3.5, 7.0]


def test_aware_instants_in_another_zone():
    at = pd.DatetimeIndex(["2024-04-01 00:00"], tz="Asia/Tokyo")
    assert parse_instants(at, panel("Europe/Berlin"))[0].tolist() == ns("2024-03-31 15:00")


def test_messages_speak_in_the_zone_of_the_data():
    with pytest.raises(InstantError, match=r"2024-03-30 00:00:00\+01:00, its last observation"):
        parse_instants(pd.DatetimeIndex(["2024-03-29"], tz="UTC"), panel("Europe/Berlin"))


def test_the_same_instants_for_every_series_or_a_frame_for_each():
    assert [it.tolist() for it in parse_instants(["2024-01-06"], long_panel())] == [ns("2024-01-06")] * 2
    frame = pd.DataFrame(
        {"unique_id": ["q", "p", "q"], "ds": pd.to_datetime(["2024-01-08", "2024-01-03", "2024-01-06"])}
    )
    for at in (frame, pl.DataFrame(frame), frame.set_index("ds")):
        assert [it.tolist() for it in parse_instants(at, long_panel())] == [
            ns("2024-01-03"),
            ns("2024-01-08", "2024-01-06"),
        ]


def per_series(ids, stamps):
    return pd.DataFrame({"unique_id": ids, "ds": pd.to_datetime(stamps)})


@pytest.mark.parametrize(
    ("at", "given", "error", "message"),
    [
        (["2024-03-30"], panel(), InstantError, r"2024-03-30 00:00:00 is not after the origin, 2024-03-30"),
        (["2024-01-03"], long_panel(), InstantError, r"not after the origin of series 'q', 2024-01-05"),
        (["2024-04-01", "2024-04-01"], panel(), InstantError, "appears twice"),
        ([], panel(), InstantError, "at is empty"),
        (["soon"], panel(), InstantError, "cannot be read as instants"),
        ([object()], panel(), InstantError, "cannot be read as instants"),
        ([pd.NaT, pd.Timestamp("2024-04-01")], panel(), NonFiniteTimeError, r"at\[0\]"),
        ([True], number_panel(), TimeColumnError, r"at\[0\] is True"),
        ([5, np.inf], number_panel(), NonFiniteTimeError, r"at\[1\]"),
        ([5], panel(), ClockMismatchError, "at holds numbers, the times of X are datetimes"),
        (["2024-04-01"], number_panel(), ClockMismatchError, "at holds datetimes"),
        (["2024-04-01"], panel("UTC"), ClockMismatchError, "without a time zone, X is in time zone UTC"),
        (["2024-04-01T00:00Z"], panel(), ClockMismatchError, "in time zone UTC, X is without"),
        (per_series(["p"], ["2024-02-01"]), long_panel(), InstantError, "no instant for unique_id 'q'"),
        (per_series(["p", "q", "r"], ["2024-02-01"] * 3), long_panel(), InstantError, r"unique_id \['r'\]"),
        (
            pd.DataFrame({"ds": pd.to_datetime(["2024-02-01"])}),
            long_panel(),
            MissingColumnError,
            "'unique_id'",
        ),
        (pd.DataFrame({"t": [1]}), number_panel(), InstantError, "Give a list"),
    ],
)
def test_bad_instants(at, given, error, message):
    with pytest.raises(error, match=message):
        parse_instants(at, given)
