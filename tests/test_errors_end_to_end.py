"""Malformed input through the estimators: the named error, what is wrong, where, and what to do.

The faults of frames themselves are in tests/data/test_bad_frames.py; here they pass through fit and predict.
"""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ssmts import LinearSSMClassifier, LinearSSMForecaster, S4DForecaster, S4Forecaster, errors
from ssmts.wording import Described, kinds_of, listed

T = pd.date_range("2024-01-01", periods=60, freq="h", name="ds")
Y = np.sin(np.arange(60) / 5)
WIDE = pd.DataFrame({"a": Y, "b": Y[::-1]}, T)
COLUMNS = WIDE.reset_index()
LONG = pd.DataFrame({"unique_id": np.repeat(["p", "q"], 60), "ds": [*T, *T], "y": [*Y, *Y]})
HOUR = pd.Timedelta("1h")
END = T[-1]


def edited(frame, row, column, value):
    frame = frame.astype({column: object}) if isinstance(value, str) else frame.copy()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


def zones_mixed():
    stamps = [T[0].tz_localize("UTC"), *(t.tz_localize("Europe/Berlin") for t in T[1:])]
    return WIDE.set_axis(pd.Index(stamps, dtype=object, name="ds"))


# name: X, parameters, error, parts of the message
FIT = {
    "a dict": ({"a": Y}, {}, errors.InputTypeError, ["dict", "frame"]),
    "text": ("data.csv", {}, errors.InputTypeError, ["str"]),
    "None": (None, {}, errors.InputTypeError, ["NoneType"]),
    "four dimensions": (np.ones((2, 2, 2, 2)), {}, errors.ShapeError, ["4"]),
    "no rows": (WIDE.head(0), {}, errors.EmptyDataError, ["0 sample(s)", "Check the filter"]),
    "no channels": (WIDE[[]], {}, errors.EmptyDataError, ["0 feature(s)", "Add a numeric column"]),
    "one row": (WIDE.head(1), {}, errors.TooShortError, ["1 sample", "more history"]),
    "every series one row": (
        LONG.groupby("unique_id").head(1),
        {},
        errors.TooShortError,
        ["two observations", "1 sample", "more history"],
    ),
    "all missing": (WIDE * np.nan, {}, errors.AllMissingError, ["'a'", "Leave it out"]),
    "a channel missing": (
        WIDE.assign(b=np.nan),
        {},
        errors.AllMissingError,
        ["'b'", "every value is missing"],
    ),
    "a series missing": (
        LONG.assign(y=np.where(LONG["unique_id"] == "q", np.nan, LONG["y"])),
        {},
        errors.AllMissingError,
        ["'q'", "Leave it out"],
    ),
    "infinity": (edited(WIDE, 3, "b", np.inf), {}, errors.InfiniteValueError, ["'b'", "row 3", "NaN"]),
    "text among numbers": (edited(WIDE, 3, "b", "x"), {}, errors.NotNumericError, ["'b'", "row 3", "'x'"]),
    "booleans": (WIDE > 0, {}, errors.NotNumericError, ["'a'", "astype(float)"]),
    "complex": (WIDE * 1j, {}, errors.ComplexDataError, ["'a'"]),
    "stamps twice": (
        pd.concat([WIDE, WIDE.iloc[[7]]]),
        {},
        errors.DuplicateTimeError,
        ["row 7", "row 60", "drop_duplicates"],
    ),
    "columns twice": (
        WIDE.set_axis(["a", "a"], axis=1),
        {},
        errors.DuplicateColumnError,
        ["'a'", "Rename one"],
    ),
    "stamp missing": (
        edited(COLUMNS, 4, "ds", pd.NaT),
        {"time_col": "ds"},
        errors.NonFiniteTimeError,
        ["'ds'", "row 4", "leave the row out"],
    ),
    "stamps as text": (
        COLUMNS.astype({"ds": str}),
        {"time_col": "ds"},
        errors.TimeColumnError,
        ["'ds'", "pd.to_datetime"],
    ),
    "zones mixed": (zones_mixed(), {}, errors.MixedTimeZoneError, ["row 0", "row 1", "utc=True"]),
    "times not named": (COLUMNS, {}, errors.TimeColumnError, ["'ds'", "time_col='ds'"]),
    "unknown time_col": (COLUMNS, {"time_col": "t"}, errors.MissingColumnError, ["time_col='t'", "Correct"]),
    "unknown target": (WIDE, {"target_cols": ["c"]}, errors.MissingColumnError, ["'c'", "target_cols"]),
    "covariate ends early": (
        WIDE.assign(b=WIDE["b"].where(np.arange(60) < 40)),
        {"target_cols": "a", "future_covariates": "b"},
        errors.CovariateError,
        ["'b'", "2024-01-03 11:00:00", "2024-01-02 15:00:00", "shorter horizon"],
    ),
    "id missing": (edited(LONG, 2, "unique_id", None), {}, errors.MissingIdError, ["unique_id", "row 2"]),
    "polars, infinity": (
        pl.DataFrame({"ds": T, "a": [*Y[:-1], np.inf]}),
        {"time_col": "ds"},
        errors.InfiniteValueError,
        ["'a'", "row 59"],
    ),
    "names for an array": (Y, {"time_col": "ds"}, errors.ColumnError, ["time_col='ds'", "Give a frame"]),
    "horizon 0": (WIDE, {"horizon": 0}, errors.HorizonError, ["horizon=0", "at least 1"]),
    "horizon negative": (WIDE, {"horizon": -3}, errors.HorizonError, ["horizon=-3", "at least 1"]),
    "horizon a bool": (WIDE, {"horizon": True}, errors.HorizonError, ["horizon=True", "whole number"]),
    "horizon None": (WIDE, {"horizon": None}, errors.HorizonError, ["horizon=None", "duration"]),
    "horizon a float": (WIDE, {"horizon": 2.5}, errors.HorizonError, ["horizon=2.5", "whole number"]),
    "horizon a fruit": (WIDE, {"horizon": "banana"}, errors.DurationError, ["'banana'", "Write"]),
    "horizon of months": (WIDE, {"horizon": "3M"}, errors.DurationError, ["'3M'", "no fixed length"]),
    "horizon backwards": (WIDE, {"horizon": "-4h"}, errors.DurationError, ["'-4h'", "longer"]),
    "horizon a time, times numbers": (Y, {"horizon": "4h"}, errors.DurationError, ["'4h'", "number"]),
    "horizon a list": (WIDE, {"horizon": [24]}, errors.DurationError, ["[24]", "Write"]),
    "context 1": (WIDE, {"context_length": 1}, errors.ParameterError, ["context_length=1", "at least 2"]),
    "context a bool": (WIDE, {"context_length": True}, errors.ParameterError, ["context_length=True"]),
    "context too short": (WIDE, {"context_length": "90min"}, errors.ParameterError, ["at least 2"]),
    "context a fruit": (WIDE, {"context_length": "plum"}, errors.DurationError, ["'plum'", "Write"]),
    "n_modes 0": (WIDE, {"n_modes": 0}, errors.ParameterError, ["n_modes=0", "integer >= 1"]),
    "n_modes a float": (WIDE, {"n_modes": 12.0}, errors.ParameterError, ["n_modes=12.0"]),
}


@pytest.fixture(scope="module")
def models():
    """A forecaster fitted on each form of data."""
    return {
        "wide": LinearSSMForecaster(6, 24, n_modes=8).fit(WIDE),
        "long": LinearSSMForecaster(6, 24, n_modes=8).fit(LONG),
        "array": LinearSSMForecaster(6, 24, n_modes=8).fit(Y),
    }


def check(call, error, parts):
    with pytest.raises(errors.SSMTSError) as caught:
        call()
    assert type(caught.value) is error
    assert isinstance(caught.value, ValueError | TypeError)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(("X", "parameters", "error", "parts"), FIT.values(), ids=FIT.keys())
def test_fit(X, parameters, error, parts):
    model = LinearSSMForecaster(**{"horizon": 6, "context_length": 24, "n_modes": 8} | parameters)
    check(lambda: model.fit(X), error, parts)
    assert not hasattr(model, "history_")


DEEP = {
    "d_model negative": ({"d_model": -1}, ["d_model=-1", "integer >= 1"]),
    "d_model a float": ({"d_model": 16.0}, ["d_model=16.0"]),
    "d_state odd": ({"d_state": 5}, ["d_state=5", "pairs"]),
    "n_layers 0": ({"n_layers": 0}, ["n_layers=0"]),
    "dropout above 1": ({"dropout": 1.5}, ["dropout=1.5", "[0, 1)"]),
    "dropout nan": ({"dropout": np.nan}, ["dropout=nan"]),
    "dropout text": ({"dropout": "much"}, ["dropout='much'"]),
    "loss unknown": ({"loss": "foo"}, ["loss='foo'", "'smooth_l1'"]),
    "loss a list": ({"loss": ["mse"]}, ["loss=['mse']"]),
    "learning_rate 0": ({"learning_rate": 0.0}, ["learning_rate=0.0", "> 0"]),
    "max_epochs 0": ({"max_epochs": 0}, ["max_epochs=0"]),
    "batch_size 0": ({"batch_size": 0}, ["batch_size=0"]),
    "patience 0": ({"patience": 0}, ["patience=0"]),
    "max_time a fruit": ({"max_time": "banana"}, ["max_time='banana'", "'10min'"]),
    "precision unknown": ({"precision": "8"}, ["precision='8'", "32-true"]),
    "random_state negative": ({"random_state": -1}, ["random_state=-1"]),
}


@pytest.mark.parametrize("cls", [S4Forecaster, S4DForecaster])
@pytest.mark.parametrize(("parameters", "parts"), DEEP.values(), ids=DEEP.keys())
def test_parameters_of_the_deep_path(cls, parameters, parts):
    model = cls(6, 24, n_modes=8, **parameters)
    check(lambda: model.fit(WIDE), errors.ParameterError, parts)


@pytest.mark.parametrize("token_stride", ["0h", "-3h", "banana", 4])
def test_token_strides_that_are_no_durations(token_stride):
    X = pd.concat([WIDE] * 6).set_axis(pd.date_range("2024", periods=360, freq="h"))
    model = S4Forecaster(6, 24, n_modes=8, token_stride=token_stride)
    check(lambda: model.fit(X), errors.DurationError, [repr(token_stride)])


# name: fitted on, X, options, error, parts of the message
PREDICT = {
    "unknown column": (
        "wide",
        WIDE.assign(c=1.0),
        {},
        errors.UnknownColumnError,
        ["'c'", "fit"],
    ),
    "missing column": ("wide", WIDE[["b"]], {}, errors.MissingColumnError, ["'a'", "fit"]),
    "another kind of data": ("wide", "data.csv", {}, errors.InputTypeError, ["str"]),
    "numbers for dates": (
        "wide",
        WIDE.set_axis(np.arange(60)),
        {},
        errors.ClockMismatchError,
        ["number", "datetime"],
    ),
    "dates for numbers": (
        "array",
        pd.Series(Y, T, name=0),
        {},
        errors.ClockMismatchError,
        ["number", "datetime"],
    ),
    "zoned for naive": (
        "wide",
        WIDE.tz_localize("UTC"),
        {},
        errors.ClockMismatchError,
        ["in UTC", "naive", "tz_localize"],
    ),
    "more channels": ("array", np.ones((60, 2)), {}, errors.ShapeError, ["2", "1"]),
    "one row": ("wide", WIDE.tail(1), {}, errors.TooShortError, ["1 observation", "more recent history"]),
    "one row of a series": (
        "long",
        pd.concat([LONG.head(60), LONG.tail(1)]),
        {},
        errors.TooShortError,
        ["Series 'q'", "1 observation"],
    ),
    "all missing": ("wide", WIDE * np.nan, {}, errors.AllMissingError, ["missing"]),
    "infinity": ("wide", edited(WIDE, 59, "a", -np.inf), {}, errors.InfiniteValueError, ["'a'", "row 59"]),
    "stamps twice": ("wide", pd.concat([WIDE, WIDE.tail(1)]), {}, errors.DuplicateTimeError, ["row 60"]),
    "horizon too long": (
        "wide",
        WIDE,
        {"horizon": 7},
        errors.HorizonError,
        ["horizon=7", "6:00", "Ask for less"],
    ),
    "horizon 0": ("wide", WIDE, {"horizon": 0}, errors.HorizonError, ["horizon=0"]),
    "horizon a bool": ("wide", WIDE, {"horizon": True}, errors.HorizonError, ["horizon=True"]),
    "horizon a fruit": ("wide", WIDE, {"horizon": "banana"}, errors.DurationError, ["'banana'"]),
    "step longer than the horizon": (
        "wide",
        WIDE,
        {"step": "7h"},
        errors.HorizonError,
        ["shorter than one step", "finer step"],
    ),
    "step longer than a calendar": ("wide", WIDE, {"step": "MS"}, errors.HorizonError, ["MS", "2024-01-03"]),
    "step 0": ("wide", WIDE, {"step": "0h"}, errors.DurationError, ["'0h'", "positive"]),
    "step a fruit": ("wide", WIDE, {"step": "banana"}, errors.DurationError, ["'banana'", "offset"]),
    "step a number": ("wide", WIDE, {"step": 2}, errors.DurationError, ["2", "datetimes"]),
    "step a time, times numbers": ("array", Y, {"step": "1h"}, errors.DurationError, ["'1h'", "number"]),
    "at the origin": ("wide", WIDE, {"at": [END]}, errors.InstantError, ["not after the origin", "later"]),
    "at before the origin": (
        "wide",
        WIDE,
        {"at": [END + HOUR, T[3]]},
        errors.InstantError,
        ["2024-01-01 03:00:00", "cut X"],
    ),
    "at beyond the horizon": (
        "wide",
        WIDE,
        {"at": [END + 8 * HOUR]},
        errors.HorizonError,
        ["2024-01-03 19:00:00", "2024-01-03 17:00:00", "longer horizon"],
    ),
    "at twice": ("wide", WIDE, {"at": [END + HOUR] * 2}, errors.InstantError, ["twice", "once"]),
    "at nothing": ("wide", WIDE, {"at": []}, errors.InstantError, ["empty", "at least one"]),
    "at a fruit": ("wide", WIDE, {"at": ["banana"]}, errors.InstantError, ["banana", "stamps"]),
    "at a NaT": ("wide", WIDE, {"at": [END + HOUR, pd.NaT]}, errors.NonFiniteTimeError, ["at[1]"]),
    "at a number": ("wide", WIDE, {"at": [61]}, errors.ClockMismatchError, ["number", "datetime"]),
    "at zoned": (
        "wide",
        WIDE,
        {"at": [(END + HOUR).tz_localize("UTC")]},
        errors.ClockMismatchError,
        ["time zone", "tz_localize"],
    ),
    "at with a step": (
        "wide",
        WIDE,
        {"at": [END + HOUR], "step": "1h"},
        errors.ParameterError,
        ["at", "without step"],
    ),
    "at for one series of two": (
        "long",
        LONG,
        {"at": pd.DataFrame({"unique_id": ["p"], "ds": [END + HOUR]})},
        errors.InstantError,
        ["'q'", "leave it out"],
    ),
    "at for another series": (
        "long",
        LONG,
        {"at": pd.DataFrame({"unique_id": ["p", "q", "r"], "ds": [END + HOUR] * 3})},
        errors.InstantError,
        ["'r'", "Leave them out"],
    ),
    "extreme values": ("wide", WIDE * 1e200, {}, errors.InfiniteValueError, ["'a'", "too far"]),
}


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("fitted", "X", "options", "error", "parts"), PREDICT.values(), ids=PREDICT.keys())
def test_predict(models, fitted, X, options, error, parts):
    check(lambda: models[fitted].predict(X, **options), error, parts)
    assert np.isfinite(np.asarray(models[fitted].predict(horizon=1))[..., -1].astype(float)).all()


def test_validation_must_follow_the_training_data():
    model = LinearSSMForecaster(6, 24, n_modes=8)
    check(
        lambda: model.fit(WIDE, validation=WIDE.tail(5)),
        errors.InstantError,
        ["validation", "2024-01-03 07:00:00", "2024-01-03 11:00:00", "later rows"],
    )
    later = WIDE.set_axis(T + 60 * HOUR)
    check(lambda: model.fit(WIDE, validation=later[["a"]]), errors.MissingColumnError, ["'b'"])


def test_every_fault_is_tried():
    tried = {case[-2] for case in [*FIT.values(), *PREDICT.values()]}
    tried |= {errors.ParameterError, errors.ModelFileError, errors.TargetGivenError}  # by tests/estimators
    tried |= {errors.TimeRangeError, errors.FileWriteError}  # by tests/data and tests/training
    tried |= {errors.NonFiniteForecastError}  # by tests/estimators
    tried |= {
        errors.NotTrainedError,
        errors.TargetError,
        errors.TuningError,
    }  # by tests/estimators, integrations
    bases = {errors.SSMTSError, errors.ColumnError}
    every = {getattr(errors, name) for name in errors.__all__ if name.endswith("Error")}
    assert every - bases <= tried
    assert len(FIT) + len(PREDICT) >= 60


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(0.9), "level=0.9 is"),
        ([np.int64(80), np.float32(0.5)], "level=[80, 0.5] is"),
        (np.array([80, 90]), "level=array([80, 90]) is"),
        (np.zeros((3, 50)), "level=<array of shape (3, 50)> is"),
        (np.longdouble(3), "level=3.0 is"),
        ("x" * 500, " ... is"),
        ([10**5000], "level=[<int>] is"),
        (list(range(1000)), "8, 9, ...] is"),
        (object(), "level=<object> is"),
        (pd.Timestamp("2024-01-01"), "level=Timestamp('2024-01-01 00:00:00') is"),
        (pd.DataFrame({"a": range(1000)}), "level=<DataFrame of shape (1000, 1)> is"),
        (pl.LazyFrame({"a": range(1000)}), "level=<LazyFrame> is"),
        (Described("given twice"), "level (given twice) is"),
    ],
)
def test_messages_show_values_as_a_user_writes_them(value, shown):
    text = str(errors.ParameterError("level", value, "between 1 and 100"))
    assert shown in text
    assert len(text) < 300
    assert "np." not in text
    assert " at 0x" not in text


def test_many_names_are_counted():
    assert listed(["a", np.int64(3)]) == "['a', 3]"
    assert listed(range(60)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 60 in all]"
    assert kinds_of([np.str_("a"), 3, np.float64(2), "b", True]) == "booleans, floats, integers, text"
    wide = pd.DataFrame(np.ones((60, 500))).add_prefix("c")
    with pytest.raises(errors.MissingColumnError, match="500 in all") as caught:
        LinearSSMForecaster(6, time_col="ds").fit(wide)
    assert len(str(caught.value)) < 400


CASES = np.sin(np.arange(20.0) * np.arange(1, 13)[:, None])
# name: X, y, error, parts of the message
CASE_FAULTS = {
    "one case": (CASES[0], ["a"], errors.ShapeError, ["Expected 2D array", "Reshape"]),
    "a mapping": (dict(enumerate(CASES)), ["a", "b"] * 6, errors.ShapeError, ["dict", "2D array", "Give"]),
    "labels of two kinds": (CASES, ["a", 1] * 6, errors.TargetError, ["integers, text", "Make all of them"]),
    "no labels": (CASES, [], errors.TargetError, ["list of length 0", "each of 12 cases"]),
    "dates among values": (
        [[pd.Timestamp("2024")] * 3] * 4,
        ["a", "b"] * 2,
        errors.NotNumericError,
        ["X holds something that is no number", "A missing observation is NaN"],
    ),
}


@pytest.mark.parametrize("name", CASE_FAULTS)
def test_faults_of_cases_name_them_and_show_no_values(name):
    X, y, error, parts = CASE_FAULTS[name]
    with pytest.raises(error) as caught:
        LinearSSMClassifier().fit(X, y)
    text = str(caught.value)
    assert all(part in text for part in parts), text
    assert len(text) < 400
