from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ssmts.data import Clock, parse_duration, parse_step, read_panel, reference_step
from ssmts.errors import DurationError, TooShortError

DATES, NUMBERS = Clock("datetime"), Clock("number")
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("4D", 345_600),
        ("15min", 900),
        ("1h30min", 5_400),
        ("1.5 hours", 5_400),
        ("2 weeks", 1_209_600),
        ("h", 3_600),
        ("250ms", 0.25),
        (pd.Timedelta("15min"), 900),
        (pd.Timedelta(days=1).as_unit("s"), 86_400),
        (dt.timedelta(minutes=15), 900),
        (np.timedelta64(15, "m"), 900),
        (np.timedelta64(2, "W"), 1_209_600),
        (pd.offsets.Minute(15), 900),
    ],
)
def test_durations(value, seconds):
    nanoseconds = parse_duration(value, DATES)
    assert type(nanoseconds) is int
    assert nanoseconds == seconds * SECOND


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0D", "not positive"),
        ("-4D", "not positive"),
        ("", "no duration"),
        ("4", "no duration"),
        ("4M", "Months and years have no fixed length"),
        ("2MS", "no duration"),
        ("D4", "no duration"),
        ("4Dh", "no duration"),
        ("0.5ns", "whole number of nanoseconds"),
        ("400000D", "292 years"),
        (4, "datetimes.*Write"),
        (2.5, "datetimes.*Write"),
        (True, "no duration"),
        (None, "of type NoneType"),
        (pd.NaT, "no duration"),
        (np.timedelta64("NaT"), "no fixed length"),
        (np.timedelta64(3, "M"), "no fixed length"),
        (np.timedelta64(3), "no fixed length"),
        (dt.timedelta(days=400_000), "cannot count"),
        (pd.offsets.MonthBegin(), "no fixed length"),
    ],
)
def test_bad_durations(value, message):
    with pytest.raises(DurationError, match=message):
        parse_duration(value, DATES)


def test_numbers_on_a_number_clock():
    assert parse_duration(3, NUMBERS) == 3.0
    assert parse_duration(np.float32(0.5), NUMBERS) == 0.5


@pytest.mark.parametrize(
    "value", ["4D", pd.Timedelta("1h"), True, np.timedelta64(1, "h"), 0, -1.0, np.nan, np.inf]
)
def test_bad_durations_on_a_number_clock(value):
    with pytest.raises(DurationError):
        parse_duration(value, NUMBERS)


@pytest.mark.parametrize(
    "value", ["MS", "2MS", "B", "W-SUN", "QS", "YE", pd.offsets.MonthEnd(), pd.offsets.BusinessDay(2)]
)
def test_calendar_steps(value):
    assert isinstance(parse_step(value, DATES), pd.tseries.offsets.BaseOffset)


@pytest.mark.parametrize("value", ["1D", "15min", "1W", pd.offsets.Hour(), pd.Timedelta("1D")])
def test_fixed_steps(value):
    assert type(parse_step(value, DATES)) is int


@pytest.mark.parametrize(
    ("value", "clock", "message"),
    [
        ("bogus", DATES, "neither a duration nor a calendar offset"),
        ("0MS", DATES, "neither a duration"),
        (pd.offsets.BusinessDay(-1), DATES, "does not run forward"),
        (3, DATES, "datetimes"),
        ("MS", NUMBERS, "plain numbers"),
        (pd.offsets.MonthBegin(), NUMBERS, "plain numbers"),
    ],
)
def test_bad_steps(value, clock, message):
    with pytest.raises(DurationError, match=message):
        parse_step(value, clock)


def times_frame(times, values=None):
    return pd.DataFrame({"t": times, "a": np.ones(len(times)) if values is None else values})


def test_reference_step_is_an_interval_that_occurs():
    assert reference_step(read_panel(times_frame([0, 1, 3, 6, 10]), time_col="t")) == 2
    stamps = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05"])
    step = reference_step(read_panel(times_frame(stamps), time_col="t"))
    assert (type(step), step) == (int, 86_400 * SECOND)


def test_reference_step_is_the_median_of_the_medians():
    frame = pd.DataFrame(
        {"unique_id": [0, 0, 1, 1, 1, 2, 2, 3], "ds": [0, 9, 0, 1, 2, 0, 3, 7], "y": np.ones(8)}
    )
    assert reference_step(read_panel(frame)) == 3


def test_rows_without_any_observation_do_not_count():
    panel = read_panel(times_frame(range(9), [1, np.nan] * 4 + [1]), time_col="t")
    assert reference_step(panel) == 2


def test_one_row_has_no_interval():
    with pytest.raises(TooShortError, match=r"1 sample .*Give more history"):
        reference_step(read_panel(np.ones((1, 2))))
