"""A layer that a user wrote and registered, as the backbone of a forecaster and of a classifier."""

import numpy as np
import pytest
import torch

import ssmts
from ssmts.errors import ModelFileError, ParameterError
from ssmts.estimators.registry import FORECASTERS, WHOLE_SERIES
from ssmts.nn import LAYERS, SSMLayer, SSMState, register_layer


class Follower(SSMLayer):
    """Every feature follows its input; the rate is learned."""

    HOLDS = ("zoh",)
    SYSTEM = frozenset({"log_rate"})

    def __init__(self, d_model, d_state):
        super().__init__(d_model, "zoh")
        self.log_rate = torch.nn.Parameter(torch.linspace(-3, 0, d_model))

    def initial_state(self, batch):
        zero = self.log_rate.new_zeros(batch, self.d_model)
        return SSMState(zero, zero)

    def step(self, u, interval, state):
        keep = torch.exp(-self.log_rate.exp() * interval[:, None])
        x = keep * state.x + (1 - keep) * u
        return x, SSMState(x, u)


class FollowerForecaster(ssmts.S4Forecaster):
    """S4Forecaster with another layer."""

    layer = "follower"


class FollowerClassifier(ssmts.S4Classifier):
    """S4Classifier with another layer."""

    layer = "follower"


@pytest.fixture
def registered():
    register_layer("follower", Follower)
    yield
    del LAYERS["follower"]


def as_if_in_another_process(monkeypatch, registry, name):
    monkeypatch.delitem(registry._classes, name)


def test_a_forecaster_is_saved_and_loaded(registered, small_deep, chaos, tmp_path, monkeypatch):
    """The logistic map, which the linear branch cannot learn: the deep branch is kept, and comes back."""
    model = FollowerForecaster(**small_deep).fit(chaos)
    assert isinstance(model.module_[0].backbone.blocks[0].ssm, Follower)
    expected = model.predict(chaos[:80])
    model.save(tmp_path / "model")
    loaded = ssmts.load(tmp_path / "model")
    assert type(loaded) is FollowerForecaster
    np.testing.assert_array_equal(loaded.predict(chaos[:80]), expected)
    as_if_in_another_process(monkeypatch, FORECASTERS, "FollowerForecaster")
    with pytest.raises(ModelFileError, match=r"holds a 'FollowerForecaster', .* your own, import its module"):
        ssmts.load(tmp_path / "model")


def test_a_classifier_is_saved_and_loaded(registered, waves, tmp_path, monkeypatch):
    X, target = waves(30)
    tiny = {"n_readouts": 8, "d_model": 8, "d_state": 4, "n_layers": 1, "n_modes": 8, "max_steps": 3}
    model = FollowerClassifier(deep="always", **tiny, random_state=0).fit(X, target)
    assert isinstance(model.module_[0].backbone.blocks[0].ssm, Follower)
    assert model.score(X, target) > 0.9
    model.save(tmp_path / "model")
    loaded = ssmts.load(tmp_path / "model")
    assert type(loaded) is FollowerClassifier
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    as_if_in_another_process(monkeypatch, WHOLE_SERIES, "FollowerClassifier")
    with pytest.raises(ModelFileError, match=r"holds a 'FollowerClassifier', .* your own, import its module"):
        ssmts.load(tmp_path / "model")


@pytest.mark.parametrize("cls", [FollowerForecaster, FollowerClassifier])
def test_a_layer_that_is_not_registered_is_named(cls):
    X = np.random.default_rng(0).normal(size=(30, 60))
    arguments = (X, np.arange(30) % 2) if cls is FollowerClassifier else (X[0],)
    model = cls(deep="always") if cls is FollowerClassifier else cls(horizon=2)
    with pytest.raises(ParameterError, match=r"'follower'.*register_layer"):
        model.fit(*arguments)


def test_a_saved_model_names_the_layer_that_is_missing(tmp_path):
    register_layer("follower", Follower)
    X = np.random.default_rng(0).normal(size=(30, 60))
    tiny = {"n_readouts": 8, "d_model": 8, "d_state": 4, "n_layers": 1, "n_modes": 8, "max_steps": 3}
    FollowerClassifier(deep="always", **tiny, random_state=0).fit(X, np.arange(30) % 2).save(
        tmp_path / "model"
    )
    del LAYERS["follower"]
    with pytest.raises(ModelFileError, match=r"'follower'.*register_layer"):
        ssmts.load(tmp_path / "model")
