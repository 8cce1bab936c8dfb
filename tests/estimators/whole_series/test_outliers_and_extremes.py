"""Constant readouts, outliers and huge values on default estimators: right answers, or clear errors."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor, S4DClassifier
from ssmts.errors import InfiniteValueError, OutlierWarning
from ssmts.models.whole_series.loo_ridge import Block


def sines(seed, n=100, length=100, noise=0.1):
    """Noisy sines and their angular frequencies."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(0.1, 0.5, n)
    X = np.sin(speed[:, None] * np.arange(length) + rng.uniform(0.0, 6.28, (n, 1)))
    return X + noise * rng.normal(size=X.shape), speed


def two_speeds(n=240):
    """Noisy sines of two speeds, half of each to train on, half to test on."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    X = np.sin(np.where(y == 0, 0.2, 0.26)[:, None] * np.arange(80) + rng.uniform(0.0, 6.28, (n, 1)))
    X += rng.normal(size=X.shape)
    return X[: n // 2], y[: n // 2], X[n // 2 :], y[n // 2 :]


# Without the guard, a readout that training held constant but for rounding made the answer of seed 5 46 off.
@pytest.mark.parametrize("seed", [4, 5])
def test_no_case_is_answered_from_rounding(seed):
    X, y = sines(seed)
    model = LinearSSMRegressor(random_state=seed).fit(X[:80], y[:80])
    errors = np.abs(model.predict(X[80:]) - y[80:])
    assert errors.max() < 5 * model.history_["linear"]["left_out_rmse"]
    assert model.score(X[80:], y[80:]) > 0.99


def test_a_feature_that_is_constant_but_for_rounding_is_left_out():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 3))
    features[:, 1] = 0.5 + 1e-7 * features[:, 1]
    block = Block.of(features, np.ones(30))
    assert block.scale[1] == 0.0
    assert (block.scale[[0, 2]] > 0.0).all()
    far = block.standardised(np.full((1, 3), 1e9))
    np.testing.assert_allclose(far[0, [0, 2]] * np.sqrt(2), 8.0, rtol=0.2)  # deviations of the features


def test_an_outlier_does_not_scale_the_features_of_the_others():
    rng = np.random.default_rng(0)
    features, usual = rng.normal(size=(60, 4)), np.arange(60) != 7
    features[7] = 1e6
    block = Block.of(features, np.ones(60), usual)
    assert (block.upper < 12.0).all()
    assert (block.standardised(features)[usual].std(axis=0) > 0.3).all()  # of 4 features of variance 1/4


@pytest.mark.parametrize("value", [-9999.0, 1e9])
@pytest.mark.slow
def test_one_wrong_value_is_named_and_costs_nothing(value):
    X, y, X_test, y_test = two_speeds()
    clean = LinearSSMClassifier(random_state=0).fit(X, y).score(X_test, y_test)
    X = X.copy()
    X[17, 40] = value
    with pytest.warns(OutlierWarning, match="Case 17 .*Make such values NaN"):
        model = LinearSSMClassifier(random_state=0).fit(X, y)
    assert clean > 0.97
    assert model.score(X_test, y_test) > clean - 0.02
    wrong = X_test[:1].copy()
    wrong[0, 3] = value
    assert model.predict_proba(wrong).min() > 1e-6


def test_the_case_of_a_long_frame_is_named_by_its_id():
    X, y = sines(0, n=40)
    X[3, 5] = -9999.0
    frame = pd.DataFrame(
        {"id": np.repeat([f"s{k}" for k in range(40)], 100), "t": np.tile(np.arange(100), 40)}
    )
    frame["x"] = X.ravel()
    with pytest.warns(OutlierWarning, match="Case 's3'"):
        LinearSSMRegressor(id_col="id", time_col="t", random_state=0).fit(frame, y)


def test_cases_of_many_sizes_are_no_outliers():
    X, y, *_ = two_speeds()
    sizes = 10.0 ** np.linspace(-2, 2, len(X))
    LinearSSMClassifier(random_state=0).fit(X * sizes[:, None], y)  # warnings are errors


@pytest.mark.slow
def test_networks_survive_an_outlier():
    X, y, X_test, y_test = two_speeds()
    X = X.copy()
    X[17, 40] = -9999.0
    with pytest.warns(OutlierWarning):
        model = S4DClassifier(n_readouts=16, max_epochs=4, deep="always", random_state=0).fit(X, y)
    assert np.isfinite(model.predict_proba(X_test)).all()
    assert model.score(X_test, y_test) > 0.9


@pytest.mark.parametrize("size", [1e-200, 1e38, 1e300])
@pytest.mark.slow
def test_data_of_any_size(size):
    X, y, X_test, y_test = two_speeds(160)
    model = LinearSSMClassifier(random_state=0).fit(X * size, y)
    assert model.score(X_test * size, y_test) > 0.95
    assert np.isfinite(model.predict_proba(X_test * size)).all()


def test_a_value_that_cannot_be_computed_with_is_named():
    X, y, X_test, _ = two_speeds(120)
    model = LinearSSMClassifier(random_state=0).fit(X, y)
    X_test = X_test.copy()
    X_test[2, 3] = 3e38
    with pytest.raises(InfiniteValueError, match=r"Case 2 holds 3e\+38 in channel 0"):
        model.predict_proba(X_test)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_targets_of_any_size(size):
    X, y = sines(0)
    model = LinearSSMRegressor(random_state=0).fit(X[:80], y[:80] * size)
    np.testing.assert_allclose(model.predict(X[80:]) / size, y[80:], atol=0.05)


def test_bounds_are_saved(tmp_path):
    X, y = sines(1, n=40)
    model = LinearSSMRegressor(random_state=0).fit(X, y)
    model.save(tmp_path / "model")
    far = X[:5] + 100.0
    again = ssmts.load(tmp_path / "model").predict(far)
    np.testing.assert_array_equal(again, model.predict(far))
    assert np.abs(again - y.mean()).max() < 20 * y.std()
