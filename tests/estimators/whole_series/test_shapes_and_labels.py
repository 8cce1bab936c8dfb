"""Cases in every shape, irregular, with holes, at other rates; labels of any kind; files."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor
from ssmts.errors import (
    AllMissingError,
    ClockMismatchError,
    DuplicateTimeError,
    InfiniteValueError,
    ModelFileError,
    ParameterError,
    ShapeError,
)

SMALL = {"n_readouts": 16, "random_state": 0}


@pytest.fixture(scope="module")
def trained(waves):
    X, y = waves(40)
    return LinearSSMClassifier(**SMALL).fit(X, y)


def _long(X, backend):
    n, length = X.shape
    frame = pd.DataFrame(
        {
            "machine": np.repeat([f"m{k}" for k in range(n)], length),
            "when": np.tile(pd.date_range("2024-01-01", periods=length, freq="h"), n),
            "load": X.ravel(),
        }
    )
    return pl.from_pandas(frame) if backend == "polars" else frame


SHAPES = {
    "array": lambda X: X,
    "nested lists": lambda X: X.tolist(),
    "pandas, rows are cases": pd.DataFrame,
    "polars, rows are cases": lambda X: pl.DataFrame(X, schema=[f"t{k}" for k in range(X.shape[1])]),
    "channels": lambda X: X[:, None],
    "list of arrays": list,
    "list of channels by time": lambda X: list(X[:, None]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_model(waves, shape):
    X, y = waves(20)
    expected = LinearSSMClassifier(**SMALL).fit(X, y).predict_proba(X)
    given = SHAPES[shape](X)
    np.testing.assert_array_equal(LinearSSMClassifier(**SMALL).fit(given, y).predict_proba(given), expected)


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_a_long_frame_gives_the_same_model(waves, backend):
    X, y = waves(20)
    expected = LinearSSMClassifier(**SMALL).fit(X, y).predict_proba(X)
    model = LinearSSMClassifier(id_col="machine", time_col="when", **SMALL)
    frame = _long(X, backend)
    np.testing.assert_allclose(model.fit(frame, y).predict_proba(frame), expected, atol=1e-9)
    assert model.reference_step_ == pd.Timedelta("1h")


def test_labels_of_a_long_frame_may_carry_the_ids(waves):
    X, y = waves(20)
    by_id = pd.Series(y, [f"m{k}" for k in range(20)]).sample(frac=1.0, random_state=0)
    model = LinearSSMClassifier(id_col="machine", time_col="when", **SMALL).fit(_long(X, "pandas"), by_id)
    assert (model.predict(_long(X, "pandas")) == y).mean() > 0.9


def test_a_case_has_one_probability_whatever_comes_with_it(trained, waves):
    X, _ = waves(30, seed=1)
    together = trained.predict_proba([*X, X[0, :17], X[1, :60]])
    alone = np.concatenate([trained.predict_proba([x]) for x in [*X, X[0, :17], X[1, :60]]])
    np.testing.assert_array_equal(together, alone)


def test_another_rate_is_said_by_rate_or_times(trained, waves):
    X, y = waves(100, seed=2)
    coarse = X[:, ::2]
    with pytest.raises(ValueError, match="features"):
        trained.predict(coarse)
    by_rate = trained.predict_proba(coarse, rate=2.0)
    np.testing.assert_allclose(trained.predict_proba(coarse, times=np.arange(0, 80, 2)), by_rate, atol=1e-9)
    assert (trained.classes_[by_rate.argmax(1)] == y).mean() > 0.95
    assert (trained.predict(X, rate=2.0) == y).mean() < 0.6  # a lie about the rate is not seen through
    fine = np.stack([np.interp(np.arange(0, 79, 0.5), np.arange(80), x) for x in X])
    np.testing.assert_allclose(trained.predict_proba(fine, rate=0.5), trained.predict_proba(X), atol=0.03)


@pytest.mark.slow
def test_irregular_and_missing_values_are_ordinary_input(trained, waves):
    X, y = waves(100, seed=3)
    rng = np.random.default_rng(0)
    holes = X.copy()
    holes[rng.random(X.shape) < 0.4] = np.nan
    by_hole = trained.predict_proba(holes)
    assert (trained.classes_[by_hole.argmax(1)] == y).mean() > 0.95
    kept = [~np.isnan(row) for row in holes]
    times = [np.flatnonzero(seen).astype(float) for seen in kept]
    thinned = [row[seen] for row, seen in zip(holes, kept)]
    np.testing.assert_allclose(trained.predict_proba(thinned, times=times), by_hole, atol=1e-9)
    dates = [pd.Timestamp("2024-03-01") + pd.to_timedelta(own, unit="h") for own in times]
    timed = LinearSSMClassifier(**SMALL).fit(thinned, y, times=dates)
    assert (timed.predict(thinned, times=dates) == y).all()
    with pytest.raises(ClockMismatchError):
        timed.predict(thinned, times=times)


@pytest.mark.parametrize("labels", [("a", "b"), (1, 7), (True, False), (1.0, 2.0), (np.int8(3), np.int8(4))])
def test_labels_of_any_kind_survive_a_file(waves, labels, tmp_path):
    X, y = waves(20)
    own = np.where(y == "slow", *labels)
    model = LinearSSMClassifier(class_weight={labels[0]: 2.0}, **SMALL).fit(X, own)
    model.save(tmp_path / "model")
    loaded = ssmts.load(tmp_path / "model")
    assert type(loaded) is LinearSSMClassifier
    assert loaded.classes_.dtype == model.classes_.dtype == own.dtype
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict(X), own)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_regressor_survives_a_file_and_another_class_refuses_it(waves, tmp_path):
    X, y = waves(30)
    number = np.where(y == "slow", 10.0, 1000.0)
    model = LinearSSMRegressor(**SMALL).fit(pd.DataFrame(X, columns=[f"t{k}" for k in range(80)]), number)
    assert model.score(pd.DataFrame(X, columns=model.feature_names_in_), number) > 0.9
    model.save(tmp_path / "model")
    loaded = LinearSSMRegressor.load(tmp_path / "model")
    assert list(loaded.feature_names_in_) == list(model.feature_names_in_)
    frame = pd.DataFrame(X, columns=model.feature_names_in_)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ModelFileError, match="LinearSSMRegressor"):
        LinearSSMClassifier.load(tmp_path / "model")


@pytest.mark.slow
def test_probabilities_are_calibrated_on_5000_unseen_cases():
    rng = np.random.default_rng(0)
    shapes = np.sin(np.array([0.5, 0.6, 0.7])[:, None] * np.arange(24))
    y = rng.integers(0, 3, 5300)
    X = shapes[y] + 1.5 * rng.normal(size=(5300, 24))
    model = LinearSSMClassifier(n_readouts=8, random_state=0).fit(X[:300], y[:300])
    probabilities = model.predict_proba(X[300:])
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y[300:]
    assert 0.5 < right.mean() < 0.95  # neither hopeless nor easy
    bins = np.minimum((sure * 15).astype(int), 14)
    gaps = [abs(np.sum(right[bins == b] - sure[bins == b])) for b in range(15)]
    assert np.sum(gaps) / 5000 < 0.05


def test_heavy_classes_are_preferred(waves):
    X, _ = waves(60)
    y = np.random.default_rng(0).permutation(np.repeat([0, 1], 30))  # nothing to be learned
    counts = [
        LinearSSMClassifier(class_weight={1: weight}, **SMALL).fit(X, y).predict(X).sum()
        for weight in (1e-3, 1e3)
    ]
    assert counts[0] < 10
    assert counts[1] > 50


EXTREMES = {
    "two cases": (np.arange(20.0).reshape(2, 10), [0, 1]),
    "constant series": (np.ones((6, 30)), [0, 1] * 3),
    "single points": (np.arange(6.0).reshape(6, 1), [0, 0, 0, 1, 1, 1]),
    "one class": (np.random.default_rng(0).normal(size=(6, 20)), [1] * 6),
    "very large values": (1e150 * np.random.default_rng(0).normal(size=(6, 20)), [0, 1] * 3),
    "1,000 channels": (np.random.default_rng(0).normal(size=(6, 1000, 15)), [0, 1] * 3),
    "10,000 short series": (np.random.default_rng(0).normal(size=(10_000, 8)), [0, 1] * 5000),
}


@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.slow
def test_extremes_fit_without_a_warning(extreme):
    X, y = EXTREMES[extreme]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = LinearSSMClassifier(n_readouts=8, random_state=0).fit(X, y)
        probabilities = classifier.predict_proba(X)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        assert np.isfinite(LinearSSMRegressor(n_readouts=8, random_state=0).fit(X, y).predict(X)).all()


def test_a_series_with_one_value_in_a_hundred_is_classified():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    X = rng.normal(size=(40, 300)) + y[:, None]
    X[rng.random(X.shape) < 0.99] = np.nan
    X[:, 150] = y + rng.normal(size=40)
    assert LinearSSMClassifier(**SMALL).fit(X, y).score(X, y) > 0.6


@pytest.mark.parametrize(
    ("X", "times", "error", "match"),
    [
        (np.full((2, 3), np.nan), None, AllMissingError, "Case 0"),
        (np.array([[[1.0, np.inf]], [[1.0, 2.0]]]), None, InfiniteValueError, "case 0, instant 1"),
        ([np.zeros(3), np.zeros((2, 3))], None, ShapeError, "Case 1 has 2 channels"),
        (np.zeros((2, 3)), np.zeros(3), DuplicateTimeError, "Case 0"),
        (np.zeros((2, 3)), np.arange(4.0), ShapeError, "4 instants"),
        (np.zeros((2, 1, 3, 1)), None, ShapeError, "4"),
    ],
)
def test_faults_are_named(X, times, error, match):
    with pytest.raises((error, ValueError), match=match):
        LinearSSMClassifier().fit(X, [0, 1], times=times)


def test_rate_and_times_exclude_each_other(trained, waves):
    X, _ = waves(2)
    for rate, times in ((2.0, np.arange(80)), (0.0, None), ("2", None)):
        with pytest.raises(ParameterError, match="rate"):
            trained.predict(X, rate=rate, times=times)
