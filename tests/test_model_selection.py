"""Splitters respect ids and times, whatever the order of the rows, and feed scikit-learn's searches."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)

from ssmts import LinearSSMForecaster
from ssmts.errors import DurationError, ParameterError, ShapeError, TimeColumnError, TooShortError
from ssmts.model_selection import SeriesKFold, TimeSplit
from ssmts_datasets import make_sines


@pytest.fixture(scope="module")
def wide():
    return make_sines(400, periods=[24.0], n_channels=2, noise=0.1, random_state=0).frame


@pytest.fixture(scope="module")
def long():
    """Three series of unequal ends, rows in no order."""
    frame = make_sines(300, n_series=3, periods=[24.0], noise=0.1, layout="long", random_state=0).frame
    ends = frame.groupby("unique_id")["ds"].transform("max")
    names = frame["unique_id"].unique()
    kept = (frame["unique_id"] != names[0]) | (frame["ds"] <= ends - pd.Timedelta("1D"))
    return frame[kept].sample(frac=1.0, random_state=0)


@pytest.fixture(scope="module")
def model():
    return LinearSSMForecaster(12, 48, n_modes=24)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_nothing_is_trained_on_that_lies_after_a_test(kind, long):
    X = long if kind == "pandas" else pl.from_pandas(long)
    times = long["ds"].to_numpy()
    splits = list(TimeSplit(3, "2D").split(X))
    assert len(splits) == TimeSplit(3).get_n_splits() == 3
    end = times.max()
    for k, (train, test) in enumerate(splits):
        cutoff = end - (3 - k) * np.timedelta64(2, "D")
        np.testing.assert_array_equal(train, np.flatnonzero(times <= cutoff))
        np.testing.assert_array_equal(
            test, np.flatnonzero((times > cutoff) & (times <= cutoff + np.timedelta64(2, "D")))
        )
        assert set(long["unique_id"].iloc[train]) == set(long["unique_id"])


def test_a_training_span_that_slides(wide):
    for train, test in TimeSplit(2, 24, train_size="3D").split(wide):
        assert len(train) == 72
        assert len(test) == 24
        assert test[0] == train[-1] + 1


def test_the_default_is_that_of_scikit_learn(wide):
    for own, other in zip(TimeSplit(4).split(wide), TimeSeriesSplit(4).split(wide), strict=True):
        assert len(own[1]) == pytest.approx(len(other[1]), abs=1)
    values = wide.to_numpy()
    for own, other in zip(TimeSplit(4).split(values), TimeSplit(4).split(wide), strict=True):
        np.testing.assert_array_equal(own[0], other[0])
        np.testing.assert_array_equal(own[1], other[1])


@pytest.mark.parametrize("kind", ["series", "array", "time column", "unsorted", "irregular"])
def test_kinds_of_data(kind, wide):
    X = {
        "series": wide["y0"],
        "array": wide["y0"].to_numpy(),
        "time column": wide.reset_index(),
        "unsorted": wide.sample(frac=1.0, random_state=0),
        "irregular": wide.iloc[np.sort(np.random.default_rng(0).choice(400, 200, replace=False))],
    }[kind]
    splitter = TimeSplit(3, 24, time_col="ds" if kind == "time column" else None)
    for train, test in splitter.split(X):
        assert not set(train) & set(test)
        if kind != "array" and kind != "time column":
            assert X.index[train].max() < X.index[test].min()


def test_series_are_held_out_whole(long):
    held = []
    for train, test in SeriesKFold(3).split(long):
        inside = set(long["unique_id"].iloc[test])
        assert not inside & set(long["unique_id"].iloc[train])
        assert len(train) + len(test) == len(long)
        held += inside
    assert sorted(held) == sorted(long["unique_id"].unique())
    cube = np.zeros((5, 10, 1))
    assert [test.tolist() for _, test in SeriesKFold(2).split(cube)] == [[0, 1, 2], [3, 4]]
    shuffled = [test.tolist() for _, test in SeriesKFold(2, shuffle=True, random_state=1).split(cube)]
    assert shuffled != [[0, 1, 2], [3, 4]]
    assert sorted(number for part in shuffled for number in part) == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_searches_choose_what_forecasts_better(wide):
    model = LinearSSMForecaster(12, n_modes=24)
    search = GridSearchCV(model, {"context_length": [3, 48]}, cv=TimeSplit(3, "2D"), error_score="raise")
    search.fit(wide)
    assert search.best_params_ == {"context_length": 48}
    assert search.predict(wide).shape == (12, 2)
    assert search.score(wide) > -0.1
    random = RandomizedSearchCV(
        model, {"context_length": [24, 48]}, n_iter=2, cv=TimeSplit(2, "2D"), random_state=0
    )
    assert random.fit(wide).cv_results_["mean_test_score"].shape == (2,)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("cv", [TimeSplit(2, "3D"), SeriesKFold(3)])
@pytest.mark.slow
def test_scores_of_many_series(kind, cv, model, long):
    X = long if kind == "pandas" else pl.from_pandas(long)
    found = cross_validate(model, X, cv=cv, error_score="raise", return_estimator=True)
    assert len(found["test_score"]) == cv.n_splits
    assert (found["test_score"] > -1.5).all()
    for (train, test), fitted, score in zip(
        cv.split(long), found["estimator"], found["test_score"], strict=True
    ):
        again = LinearSSMForecaster(**model.get_params()).fit(long.iloc[train])
        assert again.score(long.iloc[test]) == pytest.approx(score)
        assert fitted.reference_step_ == again.reference_step_


def test_scikit_learn_s_own_splitter_works_on_one_series(model, wide):
    assert (cross_val_score(model, wide, cv=TimeSeriesSplit(3), error_score="raise") > -0.1).all()


@pytest.mark.parametrize(
    ("splitter", "error"),
    [
        (TimeSplit(0), ParameterError),
        (TimeSplit(2.0), ParameterError),
        (TimeSplit(2, "two days"), DurationError),
        (TimeSplit(2, 0), ParameterError),
        (TimeSplit(20, "2D"), TooShortError),
        (SeriesKFold(1), ParameterError),
        (SeriesKFold(2), TooShortError),
    ],
)
def test_refusals(splitter, error, wide):
    with pytest.raises(error):
        list(splitter.split(wide))


def test_frames_that_do_not_say_enough(long):
    with pytest.raises(TimeColumnError):
        list(TimeSplit(2).split(long.rename(columns={"ds": "when"})))
    with pytest.raises(ShapeError, match="SeriesKFold"):
        list(TimeSplit(2).split(np.zeros((3, 40, 1))))


@pytest.mark.slow
def test_rows_that_are_single_observations_are_split():
    rng, stamps = np.random.default_rng(0), pd.date_range("2024", periods=300, freq="h")
    parts = [
        pd.DataFrame({"ts": stamps[rng.random(300) < 0.7], "sensor": sensor, "site": site})
        for sensor in "ab"
        for site in "xyz"
    ]
    frame = pd.concat(parts).assign(value=1.0).sample(frac=1.0, random_state=0)
    names = {"id_col": "site", "time_col": "ts", "channel_col": "sensor"}
    folds = list(TimeSplit(2, "2D", **names).split(frame))
    for train, test in folds:
        assert frame["ts"].iloc[train].max() < frame["ts"].iloc[test].min()
        assert set(frame["sensor"].iloc[test]) == {"a", "b"}
    assert len(folds[-1][0]) + len(folds[-1][1]) == len(frame)
    tested = [frame.iloc[test] for _, test in SeriesKFold(3, **names).split(frame)]
    assert sorted(len(part) for part in tested) == sorted(frame.groupby("site").size())
    assert all(part["site"].nunique() == 1 for part in tested)
    search = GridSearchCV(
        LinearSSMForecaster(6, 24, target_cols=["value"], **names),
        {"n_modes": [8, 16]},
        cv=TimeSplit(1, "3D", **names),
        error_score="raise",
    )
    frame["value"] = rng.normal(size=len(frame))
    assert search.fit(frame).best_score_ < 0.0
