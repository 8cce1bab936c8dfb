"""Every named backbone classifies and regresses, is saved and loaded, and is asked at another rate."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import ssmts
from ssmts import S4Classifier, S4DClassifier, S4DRegressor
from ssmts.errors import ParameterError
from ssmts.training import Callback

BACKBONES = ["LSSL", "S4", "S4D", "S5", "Mamba", "Mamba2", "Mamba3"]
TINY = {
    "n_readouts": 8,
    "d_model": 8,
    "d_state": 4,
    "n_layers": 1,
    "n_modes": 8,
    "max_epochs": 1,
    "max_steps": 3,
    "random_state": 0,
}


@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.slow
def test_every_backbone_trains_saves_loads_streams_and_changes_rate(name, task, waves, tmp_path):
    X, y = waves(30)
    target = y if task == "Classifier" else np.where(y == "slow", 1.0, 5.0)
    cls = getattr(ssmts, name + task)
    model = cls(deep="always", **TINY).fit(X, target)
    record = model.history_["deep"]
    assert {epoch["member"] for epoch in record["epochs"]} == {0, 1, 2}
    assert all(np.isfinite(epoch["train_loss"]) for epoch in record["epochs"])
    assert type(model.module_[0].backbone.blocks[0].ssm).__name__ == name
    assert model.score(X, target) > 0.9
    model.save(tmp_path / "model")
    loaded = ssmts.load(tmp_path / "model")
    assert type(loaded) is cls
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    stream = loaded.stream()
    for k, value in enumerate(X[3, :20]):
        stream.update(value) if k % 2 else stream.update(float(k), value)
    assert stream.predict() == loaded.predict([X[3, :20]])[0]
    for value in X[3, 20:]:
        stream.update(value)
    np.testing.assert_array_equal(stream.predict(), loaded.predict(X[3:4])[0])
    coarse = loaded.predict(X[:, ::2], rate=2.0)
    assert (coarse == target).mean() > 0.9 if task == "Classifier" else np.abs(coarse - target).mean() < 1.0
    ask = loaded.predict_proba if task == "Classifier" else loaded.predict
    answers = ask(X[:4, ::2], rate=2.0)
    alone = np.concatenate([ask(X[k : k + 1, ::2], rate=2.0) for k in range(4)])
    np.testing.assert_allclose(alone, answers, atol=1e-7)


@pytest.mark.slow
@parametrize_with_checks([S4DClassifier(**TINY), S4DRegressor(**TINY)])
def test_scikit_learn(estimator, check):
    check(estimator)


def bursts(n, seed):
    """A slow and a fast burst, in one order or the other: the same values at other times."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    t = np.arange(100.0)
    X = 0.3 * rng.normal(size=(n, 100))
    for row, label in enumerate(y):
        begin = rng.integers(0, 15, 2) + np.array([0, 50])
        for place, speed in zip(begin, (0.4, 1.2) if label else (1.2, 0.4)):
            X[row, place : place + 35] += np.sin(speed * t[:35] + rng.uniform(0, 6))
    return X, y


@pytest.mark.slow
def test_the_deep_path_learns_what_it_is_kept_for():
    X, y = bursts(240, 0)
    model = S4DClassifier(
        n_readouts=8,
        d_model=16,
        d_state=8,
        n_layers=1,
        n_modes=16,
        token_stride=4.0,
        max_epochs=12,
        random_state=0,
    ).fit(X, y)
    record = model.history_["deep"]
    assert record["unseen_accuracy"] > 0.9
    assert record["accepted"] == (record["gain"] > record["standard_error"])
    Z, z = bursts(200, 1)
    assert model.score(Z, z) > 0.9
    assert np.mean(model.fitted_.deep(model.read_cases(Z, None, None)).argmax(axis=1) == z) > 0.85


def test_few_cases_are_left_to_the_closed_form(waves):
    X, y = waves(20)
    model = S4Classifier(**TINY).fit(X, y)
    assert model.module_ is None
    assert model.history_["deep"] == {"accepted": False, "reason": "fewer than 100 distinct cases"}


def test_callbacks_watch_every_network(waves):
    class Count(Callback):
        epochs = 0

        def on_epoch_end(self, state):
            Count.epochs += 1

    X, y = waves(30)
    S4DClassifier(deep="always", **TINY).fit(X, y, callbacks=[Count()])
    assert Count.epochs == 3
    with pytest.raises(ParameterError, match="callbacks"):
        ssmts.LinearSSMClassifier(n_readouts=8).fit(X, y, callbacks=[Count()])


@pytest.mark.parametrize("parameter", [{"deep": "never"}, {"d_state": 3}, {"dropout": 1.0}, {"n_modes": 0}])
def test_a_parameter_that_is_not_allowed_is_named(waves, parameter):
    X, y = waves(10)
    with pytest.raises(ParameterError, match=next(iter(parameter))):
        S4Classifier(**(TINY | parameter)).fit(X, y)
