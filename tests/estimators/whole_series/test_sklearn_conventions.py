"""Classifiers and regressors keep scikit-learn's conventions and work inside its tools."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor

SMALL = {"n_readouts": 8, "random_state": 0}


@parametrize_with_checks([LinearSSMClassifier(), LinearSSMRegressor()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_class_weights_act_where_ridge_regression_interpolates(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(["ill", "well"], [20, 100])
    X = rng.normal(size=(120, 40)) + np.where(y == "ill", 0.25, 0.0)[:, None]
    plain = LinearSSMClassifier(random_state=0).fit(X[::2], y[::2])
    weighted = LinearSSMClassifier(class_weight={"ill": 5.0, "well": 1.0}, random_state=0).fit(X[::2], y[::2])
    odds = plain.predict_proba(X)[:, 0] / plain.predict_proba(X)[:, 1]
    changed = weighted.predict_proba(X)[:, 0] / weighted.predict_proba(X)[:, 1]
    np.testing.assert_allclose(changed, 5.0 * odds, rtol=1e-9)
    found = [np.mean(model.predict(X[1::2])[y[1::2] == "ill"] == "ill") for model in (plain, weighted)]
    assert found[1] > found[0]
    weighted.save(tmp_path / "model")
    np.testing.assert_array_equal(ssmts.load(tmp_path / "model").predict_proba(X), weighted.predict_proba(X))


def test_a_fit_that_fails_changes_nothing(waves):
    X, y = waves(20)
    model = LinearSSMClassifier(**SMALL).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X[:, :50], [np.nan] * 20)
    assert model.n_features_in_ == 80
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_searches_and_cross_validation(waves):
    X, y = waves(40)
    model = LinearSSMClassifier(**SMALL)
    assert cross_val_score(model, X, y, cv=2).min() > 0.9
    assert cross_val_predict(model, X, y, cv=2, method="predict_proba").shape == (40, 2)
    for search in (
        GridSearchCV(model, {"n_readouts": [8, 16]}, cv=2),
        RandomizedSearchCV(model, {"n_readouts": [8, 16]}, n_iter=1, cv=2, random_state=0),
    ):
        assert search.fit(X, y).best_score_ > 0.9
    piped = make_pipeline(StandardScaler(), model).fit(X, y)
    assert piped.score(X, y) > 0.9
    calibrated = CalibratedClassifierCV(model, cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (40, 2)


def test_a_transformed_target_is_regressed(waves):
    X, y = waves(40)
    model = TransformedTargetRegressor(LinearSSMRegressor(**SMALL), func=np.log1p, inverse_func=np.expm1)
    number = np.where(y == "slow", 1.0, 3.0)
    assert model.fit(X, number).score(X, number) > 0.9


@pytest.mark.slow
def test_a_clone_of_a_fitted_model_fits_in_a_spawned_process(waves):
    X, y = waves(20)
    model = LinearSSMClassifier(**SMALL).fit(X, y)
    results = Parallel(n_jobs=2, backend="loky")(delayed(_score)(clone(model), X, y) for _ in range(2))
    assert results == [model.score(X, y)] * 2


def _score(model, X, y):
    return model.fit(X, y).score(X, y)


def test_the_order_of_the_cases_has_no_effect(waves):
    X, y = waves(30)
    order = np.random.default_rng(0).permutation(30)
    one, other = LinearSSMClassifier(**SMALL).fit(X, y), LinearSSMClassifier(**SMALL).fit(X[order], y[order])
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize("parameter", [{"n_readouts": 0}, {"random_state": -1}, {"class_weight": "even"}])
def test_a_parameter_that_is_not_allowed_is_named(waves, parameter):
    X, y = waves(10)
    with pytest.raises(ValueError, match=next(iter(parameter))):
        LinearSSMClassifier(**parameter).fit(X, y)
