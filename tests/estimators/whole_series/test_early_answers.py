"""Classifiers and regressors asked early: as sure as unseen beginnings allow, unchanged at the end."""

import numpy as np
import pytest
from aeon.datasets import load_gunpoint, load_italy_power_demand, load_japanese_vowels

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor

FRACTIONS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75)
SETS = {"italy": load_italy_power_demand, "gun": load_gunpoint, "vowels": load_japanese_vowels}


def begun(cases, fraction):
    return [case[:, : max(1, round(fraction * case.shape[1]))] for case in map(np.asarray, cases)]


def log_loss(probabilities, codes):
    return -np.log(np.maximum(probabilities[np.arange(len(codes)), codes], 1e-12)).mean()


@pytest.fixture(scope="module", params=SETS)
def fitted(request):
    X, y = SETS[request.param](split="train")
    return LinearSSMClassifier(random_state=0).fit(list(X), y), y, *SETS[request.param](split="test")


@pytest.mark.slow
def test_no_beginning_is_judged_worse_than_by_the_class_frequencies(fitted, tmp_path):
    model, y, X, labels = fitted
    X, labels = list(X)[:150], labels[:150]
    codes = np.searchsorted(model.classes_, labels)
    frequencies = np.array([np.mean(y == label) for label in model.classes_])
    without_a_case = log_loss(np.tile(frequencies, (len(codes), 1)), codes)
    for fraction in FRACTIONS:
        P = model.predict_proba(begun(X, fraction))
        assert log_loss(P, codes) < without_a_case + 0.05
        right = (P.argmax(axis=1) == codes).mean()
        assert P.max(axis=1).mean() < right + 0.15
    assert log_loss(model.predict_proba(X), codes) < 0.2 * without_a_case
    stream = model.stream()
    stream.update(X[0][:, 0])
    np.testing.assert_array_equal(stream.predict_proba(), model.predict_proba(begun(X[:1], 0.0))[0])
    model.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(begun(X, 0.1)), model.predict_proba(begun(X, 0.1)))


def test_early_numbers_are_near_the_mean(waves):
    X, y = waves(40)
    rng = np.random.default_rng(0)
    target = np.where(y == "slow", 1.0, 3.0) + 0.01 * rng.normal(size=len(y))
    model = LinearSSMRegressor(random_state=0).fit(X, target)
    first, whole = model.predict(list(X[:, :1])), model.predict(X)
    assert np.abs(whole - target).mean() < 0.1
    # what an observation says at most: less than the spread of the targets
    assert np.sqrt(((first - target) ** 2).mean()) < 1.2 * target.std()


def test_whole_cases_are_judged_as_without_early_answers(waves):
    X, y = waves(30)
    model = LinearSSMClassifier(random_state=0).fit(X, y)
    fitted = model._fitted
    values = fitted.linear_factor * fitted.model(model.read_cases(X, None, None))
    np.testing.assert_allclose(model.decision_function(X), values[:, 1] - values[:, 0], rtol=1e-12)
