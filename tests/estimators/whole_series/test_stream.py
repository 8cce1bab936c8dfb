"""A case that grows, observation by observation, is judged as the whole of it would be."""

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMClassifier, LinearSSMRegressor
from ssmts.errors import (
    ClockMismatchError,
    DuplicateTimeError,
    InfiniteValueError,
    InstantError,
    NotNumericError,
    ParameterError,
    ShapeError,
    TooShortError,
)


@pytest.fixture(scope="module")
def model(waves):
    return LinearSSMClassifier(n_readouts=8, random_state=0).fit(*waves(30))


def test_late_and_missing_observations_at_another_rate(model, waves):
    X, _ = waves(4, seed=1)
    case = X[1, :40].copy()
    case[7] = np.nan
    stream = model.stream(rate=2.0)
    for value in case:
        stream.update(value)
    assert len(stream) == 39
    np.testing.assert_array_equal(stream.predict_proba(), model.predict_proba([case], rate=2.0)[0])
    late = model.stream()
    for k in np.random.default_rng(0).permutation(np.flatnonzero(~np.isnan(case))):
        late.update(2.0 * k, case[k])
    np.testing.assert_array_equal(late.predict_proba(), stream.predict_proba())


def test_stamps_and_channels(waves):
    X, y = waves(20)
    both = np.stack([X, X[:, ::-1]], axis=1)
    stamps = pd.date_range("2024-01-01", periods=80, freq="15min").to_numpy()
    model = LinearSSMRegressor(n_readouts=8, random_state=0).fit(both, y == "slow", times=stamps)
    stream = model.stream()
    stream.update(stamps[0], both[0, :, 0])
    for pair in both[0, :, 1:50].T:
        stream.update(pair)  # a quarter of an hour later
    assert stream.predict() == model.predict(both[:1, :, :50], times=stamps[:50])[0]
    with pytest.raises(InstantError):
        stream.update(3.0, both[0, :, 50])
    with pytest.raises(ClockMismatchError):
        stream.update(pd.Timestamp("2024-02-01", tz="UTC"), both[0, :, 50])
    with pytest.raises(AttributeError, match="predict_proba"):
        stream.predict_proba()


def test_an_update_that_raises_changes_nothing(model):
    stream = model.stream()
    with pytest.raises(TooShortError):
        stream.predict()
    stream.update(0.0, 0.5)
    stream.update(1.0, 0.7)
    before = stream.predict_proba()
    for error, update in (
        (DuplicateTimeError, (1.0, 0.9)),
        (ShapeError, (2.0, [1.0, 2.0])),
        (NotNumericError, (2.0, "high")),
        (InfiniteValueError, (2.0, np.inf)),
        (InstantError, (np.nan, 1.0)),
    ):
        with pytest.raises(error):
            stream.update(*update)
    assert len(stream) == 2
    np.testing.assert_array_equal(stream.predict_proba(), before)
    with pytest.raises(ParameterError, match="rate"):
        model.stream(rate=0.0)
