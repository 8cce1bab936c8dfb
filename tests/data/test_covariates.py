"""Covariate columns and the calendar."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts.data import (
    Calendar,
    CovariateColumns,
    merge_covariates,
    read_covariates,
    read_panel,
    without_columns,
)
from ssmts.errors import AllMissingError, ColumnError, CovariateError, ParameterError

LONG = pd.DataFrame(
    {
        "shop": ["b", "b", "a", "a"],
        "day": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-02"]),
        "sales": [1.0, 2.0, 3.0, np.nan],
        "price": [5.0, 6.0, np.nan, 8.0],
        "promo": ["yes", None, "no", "yes"],
        "size": [10, 10, 20, 20],
        "open": [True, False, True, True],
    }
)
COLUMNS = CovariateColumns.of("price", ["promo", "open"], "size")
ROLES = {"id_col": "shop", "time_col": "day", "target_cols": "sales"}


@pytest.fixture(params=[pd.DataFrame, pl.from_pandas, lambda f: pl.from_pandas(f).lazy()])
def long(request):
    return request.param(LONG)


def test_columns_are_read_by_series_and_in_order_of_time(long):
    panel = read_panel(without_columns(long, COLUMNS.all), **ROLES)
    assert panel.channels == ("sales",)
    columns, covariates = read_covariates(long, panel.layout, COLUMNS, fitting=True)
    assert columns.dynamic == ("promo", "open", "price")
    assert columns.categories == {"promo": ("no", "yes"), "open": (False, True)}
    b = covariates["b"]
    np.testing.assert_array_equal(b.times, panel.series[0].times)
    np.testing.assert_array_equal(b.values, [[np.nan, 0.0, 6.0], [1.0, 1.0, 5.0]])
    np.testing.assert_array_equal(b.static, [10.0])
    np.testing.assert_array_equal(covariates["a"].static, [20.0])


def test_columns_survive_json():
    columns, _ = read_covariates(LONG, read_panel(LONG, **ROLES).layout, COLUMNS, fitting=True)
    assert CovariateColumns.from_dict(json.loads(json.dumps(columns.to_dict()))) == columns


def test_some_columns_alone_leave_the_others_missing():
    layout = read_panel(LONG, **ROLES).layout
    columns, _ = read_covariates(LONG, layout, COLUMNS, fitting=True)
    _, some = read_covariates(LONG[["shop", "day", "open"]], layout, columns, names=["open"])
    assert np.isnan(some["a"].values[:, [0, 2]]).all()
    assert np.isnan(some["a"].static).all()


def test_two_sources_are_joined_on_their_times():
    layout = read_panel(LONG, **ROLES).layout
    columns, known = read_covariates(LONG, layout, COLUMNS, fitting=True)
    later = LONG.assign(day=LONG["day"] + pd.Timedelta("1D"), promo="no")
    _, more = read_covariates(later, layout, columns)
    both = merge_covariates(known["b"], more["b"])
    assert len(both.times) == 3
    np.testing.assert_array_equal(both.values[:, 0], [np.nan, 0.0, 0.0])


FAULTS = {
    "two parts": (lambda: CovariateColumns.of("a", "a", None), ColumnError, "both past_cov.* and future_cov"),
    "no names": (lambda: CovariateColumns.of(None, 3.5, None), ParameterError, "future_covariates"),
    "several static values": (
        lambda: read(CovariateColumns.of(None, None, "price")),
        CovariateError,
        "'price' takes several values in series 'b'",
    ),
    "nothing there": (
        lambda: read(CovariateColumns.of("empty", None, None), LONG.assign(empty=np.nan)),
        AllMissingError,
        "'empty' holds no value",
    ),
    "odd category": (
        lambda: read(CovariateColumns.of("odd", None, None), LONG.assign(odd=[(1,), (2,), (1,), (2,)])),
        ColumnError,
        "'odd' holds",
    ),
}


def read(columns, frame=LONG):
    return read_covariates(frame, read_panel(LONG, **ROLES).layout, columns, fitting=True)


@pytest.mark.parametrize(("call", "error", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_column(call, error, message):
    with pytest.raises(error, match=message):
        call()


# The calendar


def nanoseconds(*stamps):
    return pd.DatetimeIndex(stamps).as_unit("ns").asi8


def test_harmonics_are_those_of_hour_weekday_and_day_of_the_year():
    layout = read_panel(LONG, **ROLES).layout
    times = nanoseconds("2023-12-31 18:00", "2024-01-01 06:00", "2024-07-02 00:00")
    out = Calendar(day=1, week=1, year=1).features(times, layout)
    hour = np.array([18.0, 6.0, 0.0]) / 24.0
    weekday = (np.array([6.0, 0.0, 1.0]) + hour) / 7.0  # Sunday, Monday, Tuesday
    year = np.array([364.75 / 365.0, 0.25 / 366.0, 183.0 / 366.0])
    want = [wave(2 * np.pi * phase) for phase in (hour, weekday, year) for wave in (np.sin, np.cos)]
    np.testing.assert_allclose(out, np.stack(want, axis=1), atol=1e-12)


def test_the_day_follows_the_wall_clock_over_a_clock_change():
    times = pd.date_range("2024-03-30", periods=3, freq="D", tz="Europe/Berlin")
    layout = read_panel(pd.DataFrame({"y": 1.0}, index=times)).layout
    out = Calendar(day=2, week=0, year=0).features(times.as_unit("ns").asi8, layout)
    np.testing.assert_allclose(out, out[:1].repeat(3, axis=0), atol=1e-12)


def test_harmonics_are_those_that_sampling_and_span_can_tell():
    hour, day, year = 3600e9, 86400e9, 365.2425 * 86400e9
    assert Calendar.suited(hour, 40 * day) == Calendar(day=6, week=3, year=0)
    assert Calendar.suited(day, 3.5 * year) == Calendar(day=0, week=3, year=3)
    assert Calendar.suited(30.4 * day, 9 * year) == Calendar(day=0, week=0, year=6)
    assert Calendar.suited(6 * hour, day).n_features == 0
