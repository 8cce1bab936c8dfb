import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from ssmts import (
    LinearSSMClassifier,
    LinearSSMForecaster,
    Mamba2Forecaster,
    MambaClassifier,
    S4Forecaster,
    S4Regressor,
)
from ssmts.errors import ParameterError
from ssmts.integrations.optuna import default_space, tune


def test_the_linear_path_is_a_small_grid(frame):
    space = default_space(LinearSSMForecaster(12), frame)
    assert set(space) == {"context_length", "n_modes"}
    assert space["context_length"].choices == (None, 12, 24, 48, 96)  # with 12 more at most half of 399
    assert np.prod([len(part.choices) for part in space.values()]) <= 21


def test_a_deep_path_adds_its_own_and_a_selective_layer_its_memory(frame):
    deep = default_space(S4Forecaster(12), frame)
    assert {"d_model", "n_layers", "dropout", "learning_rate"} < set(deep)
    assert set(default_space(Mamba2Forecaster(12), frame)) - set(deep) == {"d_state"}


def test_the_space_contains_the_estimator(frame):
    space = default_space(LinearSSMForecaster("12h", "3D", n_modes=40), frame)
    assert "3D" in space["context_length"].choices
    assert 12 in space["context_length"].choices  # reference steps
    assert 40 in space["n_modes"].choices


def test_classifiers_and_regressors_have_spaces():
    X = np.zeros((4, 10))
    assert set(default_space(LinearSSMClassifier(), X)) == {"n_readouts"}
    deep = {"n_modes", "d_model", "n_layers", "dropout", "learning_rate"}
    assert set(default_space(S4Regressor(), X)) == deep
    assert set(default_space(MambaClassifier(), X)) == deep | {"d_state"}


def test_every_default_space_can_be_drawn_from(frame):
    for cls in (LinearSSMForecaster, S4Forecaster, Mamba2Forecaster):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        params = study.ask(default_space(cls(12), frame)).params
        assert cls(12).set_params(**params).get_params().items() >= params.items()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "a dict of distributions and lists"),
        ([1], "a dict of distributions and lists"),
        ({"n_mode": [3]}, r"n_mode.*parameters of LinearSSMForecaster"),
        ({"n_modes": []}, "a list of choices"),
        ({"n_modes": "8"}, "a list of choices"),
        ({"n_modes": 8}, "a list of choices"),
    ],
)
def test_what_is_no_space_is_refused(frame, space, message):
    with pytest.raises(ParameterError, match=message):
        tune(LinearSSMForecaster(12), frame, space=space)


def test_another_estimator_needs_a_space(frame):
    from sklearn.linear_model import Ridge

    with pytest.raises(ParameterError, match=r"space=None.*Ridge"):
        tune(Ridge(), frame[["y0"]], frame["y1"])


@pytest.mark.slow
def test_distributions_and_lists_mix(frame):
    space = {"n_modes": [8, 16], "context_length": CategoricalDistribution([24, 48])}
    model = tune(LinearSSMForecaster(12), frame, space=space)
    assert len(model.study_.trials) == 4
    with pytest.raises(ParameterError, match="horizon"):
        tune(LinearSSMForecaster(12), frame, space={"horizons": FloatDistribution(0.0, 1.0)})
