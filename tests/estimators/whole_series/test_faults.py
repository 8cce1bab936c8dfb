"""What people hand to classifiers and regressors by mistake or by habit: read rightly, or refused."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor
from ssmts.errors import (
    ColumnError,
    DuplicateColumnError,
    InfiniteValueError,
    InputTypeError,
    NotNumericError,
    ParameterError,
    ShapeError,
    SSMTSError,
    TargetError,
)

SMALL = {"n_readouts": 4, "random_state": 0}


@pytest.fixture(scope="module")
def cases(waves):
    return waves(20)


@pytest.fixture(scope="module")
def trained(cases):
    return LinearSSMClassifier(**SMALL).fit(*cases)


@pytest.mark.parametrize(
    ("dtype", "classes"),
    [
        ("Int64", np.array([0, 1], dtype=np.int64)),
        ("boolean", np.array([False, True])),
        ("bool[pyarrow]", np.array([False, True])),
        ("int8[pyarrow]", np.array([0, 1], dtype=np.int64)),
        ("float64[pyarrow]", np.array([0.0, 1.0])),
    ],
)
def test_labels_of_nullable_and_arrow_types_keep_their_kind(cases, dtype, classes):
    X, y = cases
    labels = pd.Series(y == "slow").astype(dtype)
    model = LinearSSMClassifier(**SMALL).fit(X, labels)
    assert model.classes_.dtype == classes.dtype
    np.testing.assert_array_equal(model.classes_, classes)
    assert model.score(X, labels.to_numpy(dtype=classes.dtype)) == 1.0


@pytest.mark.parametrize("kind", ["categorical", "string", "polars", "polars booleans"])
def test_labels_of_other_libraries(cases, kind):
    X, y = cases
    labels = {
        "categorical": lambda: pd.Series(pd.Categorical(y, categories=["slow", "fast"])),
        "string": lambda: pd.Series(y, dtype="string"),
        "polars": lambda: pl.Series(y),
        "polars booleans": lambda: pl.Series(y == "slow"),
    }[kind]()
    model = LinearSSMClassifier(**SMALL).fit(X, labels)
    assert model.predict(X).tolist() == list(labels)


def test_an_array_of_arrays_is_a_list(cases, trained):
    X, _ = cases
    ragged = [case[: 40 + k] for k, case in enumerate(X)]
    boxed = np.empty(len(ragged), dtype=object)
    boxed[:] = ragged
    np.testing.assert_array_equal(trained.predict_proba(boxed), trained.predict_proba(ragged))


def test_a_lazy_frame_of_cases(cases, trained):
    X, y = cases
    lazy = pl.DataFrame(X).lazy()
    assert LinearSSMClassifier(**SMALL).fit(lazy, y).score(lazy, y) == trained.score(X, y)


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2026-03-29", periods=80, freq="s", tz="Europe/Berlin"),
        pd.Series(pd.date_range("2026-03-29", periods=80, freq="s", tz="UTC")),
        list(pd.date_range("2026-03-29", periods=80, freq="s").to_pydatetime()),
    ],
    ids=["zone", "series with a zone", "list of datetimes"],
)
def test_times_of_any_kind(cases, trained, times):
    X, y = cases
    model = LinearSSMClassifier(**SMALL).fit(X, y, times=times)
    assert model.reference_step_ == pd.Timedelta("1s")
    np.testing.assert_allclose(
        model.predict_proba(X, times=times), trained.predict_proba(X), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([1, "a"] * 10, dtype=object), "y holds integers, text"),
        (np.array([None, "a"] * 10, dtype=object), "case 0 is missing"),
        ([1.0, np.nan] * 10, "case 1 is missing"),
        (np.linspace(0.0, 1.0, 20), "for a regressor"),
        (np.ones((20, 2)), "1d array, got .* one model a column"),
        ([1, "a"] * 10, "y holds integers, text"),
        (pd.Series([True, "a"] * 10, dtype=object), "y holds booleans, text"),
        ([b"a", "a"] * 10, "y holds bytes"),
        (np.array([b"a", b"b"] * 10), "y holds bytes. Decode them"),
        ([datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)] * 10, "y holds date"),
        ([2**70, 1] * 10, "y holds integers"),
        (["a", "b"], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_are_none(cases, labels, match):
    with pytest.raises(TargetError, match=match):
        LinearSSMClassifier(**SMALL).fit(cases[0], labels)


@pytest.mark.parametrize("kind", ["M8[ns]", "M8[D]", "m8[s]"])
def test_labels_that_are_instants_are_kept_and_saved(cases, kind, tmp_path):
    X, y = cases
    labels = np.where(y == "slow", 20, 30).astype(kind)
    model = LinearSSMClassifier(**SMALL).fit(X, labels)
    assert model.classes_.dtype == np.dtype(kind)
    model.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    for own in (model, again):
        answers = own.predict(X)
        assert answers.dtype == np.dtype(kind)
        np.testing.assert_array_equal(answers, labels)


def test_instants_are_no_numbers(cases):
    with pytest.raises(NotNumericError, match="y holds dates"):
        LinearSSMRegressor(**SMALL).fit(cases[0], np.arange(20).astype("M8[D]"))


def test_numbers_that_are_none(cases):
    X, y = cases
    for given in (np.where(y == "slow", np.nan, 1.0), np.where(y == "slow", np.inf, 1.0)):
        with pytest.raises(TargetError, match="Input y contains"):
            LinearSSMRegressor(**SMALL).fit(X, given)


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        (np.zeros(20), "not all 0|positive for at least one"),
        (np.ones(3), "20 cases"),
        (-np.ones(20), "not negative"),
    ],
)
def test_weights_that_are_none(cases, weights, match):
    with pytest.raises(ParameterError, match=match):
        LinearSSMClassifier(**SMALL).fit(*cases, sample_weight=weights)


def test_a_weight_for_a_label_that_is_none(cases):
    X, y = cases
    with pytest.raises(ParameterError, match="'slwo' is none"):
        LinearSSMClassifier(class_weight={"slwo": 3.0}, **SMALL).fit(X, y)
    LinearSSMClassifier(class_weight={"slow": 1, "fast": 2, "none of this fold": 3}, **SMALL).fit(X, y)


def test_labels_indexed_by_something_else_than_the_ids(cases):
    X, y = cases
    frame = pd.DataFrame({"unique_id": np.repeat(np.arange(20), 80), "ds": np.tile(np.arange(80), 20)})
    frame["y"] = X.ravel()
    by_id = pd.Series(y, index=np.arange(20)).sample(frac=1.0, random_state=0)
    model = LinearSSMClassifier(**SMALL).fit(frame, by_id)
    assert model.score(frame, y) == 1.0
    with pytest.raises(TargetError, match="indexed by 20, which is no id"):
        LinearSSMClassifier(**SMALL).fit(frame, by_id.set_axis(by_id.index + 1))


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (lambda X: X[0], ShapeError, "Expected 2D array"),
        (lambda X: X[:, :50], ShapeError, "Say rate= or times="),
        (lambda X: np.where(X > 0.9, np.inf, X), InfiniteValueError, "case 0, instant"),
        (lambda X: [pd.DataFrame({"a": case, "b": case}) for case in X], InputTypeError, "Case 0 is a frame"),
        (lambda X: pd.DataFrame(X, columns=["a"] * 80), DuplicateColumnError, "'a' appears more than once"),
    ],
    ids=["one case", "another width", "infinite", "frames in a list", "one name twice"],
)
def test_cases_that_are_none(cases, trained, given, error, match):
    assert issubclass(error, SSMTSError)
    with pytest.raises(error, match=match):
        trained.predict(given(cases[0]))


def test_columns_in_another_order(cases):
    X, y = cases
    frame = pd.DataFrame(X, columns=[f"t{k}" for k in range(80)])
    model = LinearSSMClassifier(**SMALL).fit(frame, y)
    with pytest.raises(ColumnError, match="same order"):
        model.predict(frame[frame.columns[::-1]])


def test_seeds_and_targets_out_of_range(cases):
    X, y = cases
    with pytest.raises(ParameterError, match="an integer from 0 to 4294967295"):
        LinearSSMClassifier(random_state=2**63).fit(X, y)
    with pytest.raises(ParameterError, match="hold=<Series of shape"):
        LinearSSMClassifier(hold=pd.Series(["a"])).fit(X, y)
    model = LinearSSMRegressor(**SMALL).fit(X, np.arange(float(len(X))))
    with pytest.raises(TargetError, match=r"y holds 1e\+300, too large to be squared"):
        model.score(X, np.full(len(X), 1e300))
