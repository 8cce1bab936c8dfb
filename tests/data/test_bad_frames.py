"""Malformed frames: each raises its own error, which names the column, the row and the remedy."""

from __future__ import annotations

import datetime as dt
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import errors
from ssmts.data import read_panel

T = [dt.datetime(2024, 1, 1, hour) for hour in range(4)]
Y = [1.0, 2.0, 3.0, 4.0]
WIDE = {"time_col": "ds"}
LONG = {"id_col": "id", "time_col": "ds"}

# name: columns, parameters, error, parts of the message
BOTH = {
    "no rows": ({"ds": [], "a": []}, WIDE, errors.EmptyDataError, ["0 sample(s)", "Check the filter"]),
    "no channel": ({"ds": T}, WIDE, errors.EmptyDataError, ["0 feature(s)", "Add a numeric column"]),
    "time_col not there": (
        {"t": T, "a": Y},
        WIDE,
        errors.MissingColumnError,
        ["time_col='ds'", "'t'", "Correct"],
    ),
    "id_col not there": ({"ds": T, "a": Y}, LONG, errors.MissingColumnError, ["id_col='id'", "Correct"]),
    "target not there": (
        {"ds": T, "a": Y},
        WIDE | {"target_cols": ["a", "b"]},
        errors.MissingColumnError,
        ["'b'", "Correct target_cols"],
    ),
    "time is a target": (
        {"ds": T, "a": Y},
        WIDE | {"target_cols": ["ds"]},
        errors.MissingColumnError,
        ["'ds'", "taken as id or time"],
    ),
    "target twice": (
        {"ds": T, "a": Y},
        WIDE | {"target_cols": ["a", "a"]},
        errors.ParameterError,
        ["target_cols", "no name appears twice"],
    ),
    "targets no names": (
        {"ds": T, "a": Y},
        WIDE | {"target_cols": 2.5},
        errors.ParameterError,
        ["target_cols=2.5"],
    ),
    "id is time": (
        {"ds": T, "a": Y},
        {"id_col": "ds", "time_col": "ds"},
        errors.ColumnError,
        ["'ds'", "both", "Name two"],
    ),
    "times not named": ({"ds": T, "a": Y}, {}, errors.TimeColumnError, ["column 'ds'", "Set time_col='ds'"]),
    "ids without times": (
        {"id": [1, 1, 2, 2], "a": Y},
        {"id_col": "id"},
        errors.TimeColumnError,
        ["'id'", "Set time_col"],
    ),
    "times are text": (
        {"ds": ["2024-01-01", "2024-01-02", "x", "y"], "a": Y},
        WIDE,
        errors.TimeColumnError,
        ["Column 'ds'", "row 0", "'2024-01-01'", "pd.to_datetime"],
    ),
    "times are booleans": (
        {"ds": [True, False] * 2, "a": Y},
        WIDE,
        errors.TimeColumnError,
        ["'ds'", "row 0", "Convert"],
    ),
    "times are durations": (
        {"ds": [dt.timedelta(hours=k) for k in range(4)], "a": Y},
        WIDE,
        errors.TimeColumnError,
        ["'ds'", "total_seconds"],
    ),
    "time missing": (
        {"ds": [T[0], None, T[2], T[3]], "a": Y},
        WIDE,
        errors.NonFiniteTimeError,
        ["'ds'", "row 1", "leave the row out"],
    ),
    "time nan": (
        {"ds": [0.0, 1.0, float("inf"), 3.0], "a": Y},
        WIDE,
        errors.NonFiniteTimeError,
        ["'ds'", "row 2", "Correct it"],
    ),
    "time too large": (
        {"ds": [2**60 + k for k in range(4)], "a": Y},
        WIDE,
        errors.TimeRangeError,
        ["'ds'", "row 0", "pd.to_datetime"],
    ),
    "time twice": (
        {"ds": [T[0], T[2], T[1], T[2]], "a": Y},
        WIDE,
        errors.DuplicateTimeError,
        ["2024-01-01 02:00:00", "'ds'", "row 1", "row 3", "drop_duplicates"],
    ),
    "id and time twice": (
        {"id": ["p", "q", "q", "p"], "ds": [T[0], T[0], T[1], T[0]], "a": Y},
        LONG,
        errors.DuplicateTimeError,
        ["id 'p'", "'ds'", "row 0", "row 3", "set id_col"],
    ),
    "id missing": (
        {"id": ["p", None, "p", "p"], "ds": T, "a": Y},
        LONG,
        errors.MissingIdError,
        ["'id'", "row 1", "Fill it in"],
    ),
    "infinite": (
        {"ds": T, "a": Y, "b": [1.0, 2.0, float("inf"), 4.0]},
        WIDE,
        errors.InfiniteValueError,
        ["contains infinity", "'b'", "row 2", "NaN"],
    ),
    "minus infinite in a long frame": (
        {"id": [1, 1, 2, 2], "ds": T, "a": [1.0, 2.0, 3.0, -float("inf")]},
        LONG,
        errors.InfiniteValueError,
        ["'a'", "row 3", "-inf"],
    ),
    "text channel": (
        {"ds": T, "a": Y, "b": ["1", "2", "3", "4"]},
        WIDE,
        errors.NotNumericError,
        ["'b'", "row 0", "'1'", "target_cols"],
    ),
    "text after a null": (
        {"ds": T, "b": [None, None, "z", None]},
        WIDE,
        errors.NotNumericError,
        ["'b'", "row 2", "'z'"],
    ),
    "boolean channel": (
        {"ds": T, "b": [True, False] * 2},
        WIDE,
        errors.NotNumericError,
        ["'b'", "row 0", "astype(float)"],
    ),
    "datetime channel": (
        {"ds": T, "a": Y, "seen": T},
        WIDE,
        errors.NotNumericError,
        ["'seen'", "row 0", "leave it out"],
    ),
    "duration channel": (
        {"ds": T, "d": [dt.timedelta(1)] * 4},
        WIDE,
        errors.NotNumericError,
        ["'d'", "row 0"],
    ),
    "ids not named": (
        {"site": ["p", "p", "q", "q"], "ds": T, "a": Y},
        WIDE,
        errors.NotNumericError,
        ["'site'", "row 0", "id_col"],
    ),
    "list channel": ({"ds": T, "a": [[1.0]] * 4}, WIDE, errors.NotNumericError, ["'a'", "row 0", "[1.0]"]),
    "channel all missing": (
        {"ds": T, "a": Y, "b": [float("nan")] * 4},
        WIDE,
        errors.AllMissingError,
        ["'b'", "every value is missing", "Leave it out"],
    ),
    "channel all null": (
        {"ds": T, "a": Y, "b": [None] * 4},
        WIDE,
        errors.AllMissingError,
        ["'b'", "Leave it out"],
    ),
    "series all missing": (
        {"id": ["p", "p", "q", "q"], "ds": T, "a": [1.0, 2.0, float("nan"), float("nan")]},
        LONG,
        errors.AllMissingError,
        ["id 'q'", "Leave it out"],
    ),
}


@pytest.mark.parametrize(("columns", "parameters", "error", "parts"), BOTH.values(), ids=BOTH.keys())
def test_malformed(make, columns, parameters, error, parts):
    frame = make(columns)
    before = frame.copy() if isinstance(frame, pd.DataFrame) else frame.clone()
    with pytest.raises(errors.SSMTSError) as caught:
        read_panel(frame, **parameters)
    assert type(caught.value) is error
    for part in parts:
        assert part in str(caught.value)
    assert frame.equals(before)


def stamped(values, **options):
    return pd.DataFrame(values, index=pd.DatetimeIndex(T, name="ds"), **options)


def reindexed(index):
    return pd.DataFrame({"a": Y}, index=index)


BERLIN, UTC = dt.timezone(dt.timedelta(hours=1)), dt.UTC
MIXED = [T[0].replace(tzinfo=UTC), T[1].replace(tzinfo=BERLIN), *[t.replace(tzinfo=UTC) for t in T[2:]]]

PANDAS = {
    "columns twice": (
        stamped(np.ones((4, 2)), columns=["a", "a"]),
        {},
        errors.DuplicateColumnError,
        ["'a'", "Rename one"],
    ),
    "columns of stamps": (stamped({T[0]: Y}), {}, errors.ColumnError, ["2024", "Rename it"]),
    "columns of tuples": (stamped({("a", "x"): Y}), {}, errors.ColumnError, ["('a', 'x')", "Rename it"]),
    "index twice": (
        reindexed(pd.DatetimeIndex([T[0], T[0], T[1], T[2]])),
        {},
        errors.DuplicateTimeError,
        ["the index", "row 0 (index label 2024-01-01 00:00:00)", "row 1"],
    ),
    "row numbers twice": (
        reindexed([0, 1, 1, 2]),
        {},
        errors.DuplicateTimeError,
        ["the index", "row 1 (index label 1)", "row 2"],
    ),
    "NaT in the index": (
        reindexed(pd.DatetimeIndex([T[0], pd.NaT, *T[2:]])),
        {},
        errors.NonFiniteTimeError,
        ["The index", "row 1 (index label NaT)"],
    ),
    "NaT first": (reindexed(pd.DatetimeIndex([pd.NaT, *T[1:]])), {}, errors.NonFiniteTimeError, ["row 0"]),
    "text index": (
        reindexed(["w", "x", "y", "z"]),
        {},
        errors.TimeColumnError,
        ["The index", "'w'", "pd.to_datetime"],
    ),
    "date objects": (
        reindexed(pd.Index([t.date() for t in T], dtype=object)),
        {},
        errors.TimeColumnError,
        ["The index", "pd.to_datetime"],
    ),
    "zones mixed": (
        reindexed(pd.Index(MIXED, dtype=object)),
        {},
        errors.MixedTimeZoneError,
        ["row 0", "row 1", "UTC+01:00", "utc=True"],
    ),
    "aware and naive mixed": (
        reindexed(pd.Index([T[0], *MIXED[1:]], dtype=object)),
        {},
        errors.MixedTimeZoneError,
        ["None", "utc=True"],
    ),
    "year 3000": (
        reindexed(pd.DatetimeIndex(np.array(["2024", "2025", "2026", "3000"], "M8[s]"))),
        {},
        errors.TimeRangeError,
        ["row 3", "2262"],
    ),
    "two nameless levels": (
        reindexed(pd.MultiIndex.from_arrays([[1, 1, 2, 2], T])),
        {},
        errors.TimeColumnError,
        ["several levels", "id_col"],
    ),
    "complex": (
        stamped({"a": np.array(Y) + 1j}),
        {},
        errors.ComplexDataError,
        ["Complex data not supported", "'a'"],
    ),
    "sparse booleans": (
        stamped({"a": pd.arrays.SparseArray([True, False] * 2)}),
        {},
        errors.NotNumericError,
        ["'a'", "bool", "row 0"],
    ),
    "categorical": (
        stamped({"a": pd.Categorical(list("wxyz"))}),
        {},
        errors.NotNumericError,
        ["'a'", "category"],
    ),
    "numbers and text": (
        stamped({"a": [1.0, "x", 2.0, 3.0]}),
        {},
        errors.NotNumericError,
        ["'a'", "row 1 (index label 2024-01-01 01:00:00)", "'x'"],
    ),
    "numbers as objects": (
        stamped({"a": pd.Series(Y, dtype=object).to_numpy()}),
        {},
        errors.NotNumericError,
        ["'a'", "object"],
    ),
    "infinite": (
        stamped({"a": [1, np.inf, 2, 3]}),
        {},
        errors.InfiniteValueError,
        ["'a'", "row 1 (index label 2024-01-01 01:00:00)"],
    ),
    "all missing": (stamped({"a": Y, "b": [np.nan] * 4}), {}, errors.AllMissingError, ["'b'"]),
    "array with names": (
        np.ones((4, 2)),
        WIDE,
        errors.ColumnError,
        ["time_col='ds'", "ndarray", "Give a frame"],
    ),
}


@pytest.mark.parametrize(("X", "parameters", "error", "parts"), PANDAS.values(), ids=PANDAS.keys())
def test_malformed_pandas(X, parameters, error, parts):
    with pytest.raises(errors.SSMTSError) as caught:
        read_panel(X, **parameters)
    assert type(caught.value) is error
    for part in parts:
        assert part in str(caught.value)


def test_dateutil_zones_are_refused_since_they_have_no_name():
    index = pd.DatetimeIndex(T, tz="dateutil/Europe/Berlin")
    with pytest.raises(errors.TimeColumnError, match=r"has no name.*tz_convert"):
        read_panel(pd.DataFrame({"a": Y}, index=index))


def test_polars_null_dtype_is_all_missing():
    with pytest.raises(errors.AllMissingError, match="'a'"):
        read_panel(pl.DataFrame({"a": [None, None]}))


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_are_builtin_errors_and_survive_pickling(name):
    cls = getattr(errors, name)
    given = {
        errors.ParameterError: ("alpha", 3, "positive"),
        errors.FileWriteError: ("a.csv", OSError(28, "full")),
    }
    error = cls(*given.get(cls, ("what, where, remedy",)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert name == "SSMTSError" or isinstance(error, ValueError | TypeError | OSError | UserWarning)


def test_parameter_error_reads_well():
    error = errors.ParameterError("dropout", 2, "between 0 and 1")
    assert re.fullmatch(r"dropout=2 is not allowed: dropout must be between 0 and 1\.", str(error))
