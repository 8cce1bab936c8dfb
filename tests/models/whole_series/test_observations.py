"""Sparse cases: statistics against loops, scores, logistic regression and trees against scikit-learn."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from ssmts.models.whole_series.logistic import fit_logistic
from ssmts.models.whole_series.normal_scores import fit_normal_scores
from ssmts.models.whole_series.observation_statistics import FRACTIONS, observation_statistics
from ssmts.models.whole_series.observed_case import ObservationTable, ObservedCase
from ssmts.models.whole_series.random_trees import fit_trees


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sparse_case(rng, length=12, n_channels=3):
    times = np.concatenate([[0.0], np.sort(rng.uniform(0.5, 20.0, length - 1))])
    values = rng.normal(size=(length, n_channels))
    values[rng.random(values.shape) < 0.5] = np.nan
    values[0, 0], values[1:, 0], values[-1, 1] = 1.5, np.nan, 0.3
    return ObservedCase(times, values)


def test_statistics_are_those_of_a_loop(rng):
    cases, duration = [sparse_case(rng) for _ in range(4)], 20.0
    cases[1].values[:, 2] = np.nan
    found = observation_statistics(ObservationTable.of(cases), duration)
    for number, case in enumerate(cases):
        for channel in range(3):
            seen = ~np.isnan(case.values[:, channel])
            t, x, own = case.times[seen], case.values[seen, channel], found[number, channel]
            assert own[0] == len(t)
            if not len(t):
                assert np.isnan(own[[*range(1, 13), *range(17, 29)]]).all()
                assert (own[13:17] == 0).all()
                continue
            end = case.times[-1]
            wanted = [end - t[-1], t[0], x.mean(), x[-1], x[0], x.min(), x.max()]
            np.testing.assert_allclose(own[1:8], wanted, atol=1e-12)
            if len(t) > 2:
                changes = [
                    x.std(),
                    np.ptp(x),
                    np.abs(np.diff(x)).mean(),
                    np.polyfit(t, x, 1)[0],
                    x[-1] - x[0],
                ]
                np.testing.assert_allclose(own[8:13], changes, atol=1e-9)
            for k, constant in enumerate(FRACTIONS * duration):
                late, early = np.exp((t - end) / constant), np.exp(-t / constant)
                np.testing.assert_allclose(own[13 + k], late.sum(), rtol=1e-12)
                np.testing.assert_allclose(own[17 + k], late @ x / late.sum(), atol=1e-9)
                np.testing.assert_allclose(own[21 + k], early @ x / early.sum(), atol=1e-9)
        assert found[number, 3, 0] == len(case.times)  # the added channel counts instants
        assert found[number, 3, 1] == case.elapsed


def test_scores_are_normal_whatever_the_distribution(rng):
    features = np.exp(3.0 * rng.normal(size=(800, 2)))
    features[:200, 1] = np.nan
    constant, copy = np.full((800, 1), 7.0), 2.0 * features[:, :1]
    scores = fit_normal_scores(np.hstack([features, constant, copy]), [1])
    assert sorted(scores.columns) == [1, 3]  # of two that say the same the later one speaks
    assert scores.present.tolist() == [1]
    found = scores(np.hstack([features, constant, copy]))
    assert np.abs(found.mean(axis=0)).max() < 1e-9
    np.testing.assert_allclose(found[:, :2].std(axis=0), 1.0, atol=0.1)
    beyond = scores(np.full((1, 4), 1e30))
    assert (np.abs(beyond) < 4.0).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_is_that_of_scikit_learn(rng, n_classes):
    X = rng.normal(size=(150, 4))
    codes = np.clip(np.round(X[:, 0] + rng.normal(size=150)), 0, n_classes - 1).astype(int)
    targets = 2.0 * np.eye(n_classes)[codes] - 1.0
    found = fit_logistic(X, targets, np.ones(150), [0.1] * n_classes)
    wanted = codes == n_classes - 1
    penalty = 0.1 * 150 * wanted.mean() * (1 - wanted.mean())
    peer = LogisticRegression(C=1.0 / penalty, tol=1e-10).fit(X, wanted)
    factor = 2.0 if n_classes == 2 else 1.0
    np.testing.assert_allclose(factor * found.weights[:, -1], peer.coef_[0], atol=1e-3)
    order = np.lexsort(targets.T)
    without = np.ones(150, dtype=bool)
    without[order[::5]] = False
    peer.set_params(C=1.0 / penalty).fit(X[without], wanted[without])
    answers = peer.decision_function(X[~without])
    np.testing.assert_allclose(factor * found.left_out[~without, -1], answers, atol=2e-2)


def test_trees_are_those_of_scikit_learn(rng):
    X = rng.normal(size=(120, 6))
    codes = (X[:, 0] * X[:, 1] > 0).astype(int)
    trees, left_out = fit_trees(X, 2.0 * np.eye(2)[codes] - 1.0, np.ones(120), 40, 0, classes=True)
    options = {"min_samples_leaf": 5, "max_features": 0.15, "bootstrap": True, "oob_score": True}
    peer = ExtraTreesClassifier(40, random_state=0, **options).fit(X.astype(np.float32), codes, np.ones(120))
    new = rng.normal(size=(30, 6))
    np.testing.assert_allclose(
        np.exp(trees(new)), peer.predict_proba(new.astype(np.float32)).clip(0.002), 1e-5
    )
    np.testing.assert_allclose(np.exp(left_out), peer.oob_decision_function_.clip(0.002), atol=1e-6)
