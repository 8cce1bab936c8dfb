"""scikit-learn's manners, and what a fit leaves alone."""

import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import ssmts
from ssmts import LinearSSMForecaster, S4DForecaster, S4Forecaster
from ssmts.errors import TargetGivenError, TooShortError

CLASSES = [LinearSSMForecaster, S4Forecaster, S4DForecaster]


@pytest.mark.parametrize("cls", CLASSES)
def test_parameters_are_only_stored(cls):
    given = {name: object() for name in cls().get_params()}
    model = cls(**given)
    assert all(model.get_params()[name] is value for name, value in given.items())
    assert vars(model) == given


@pytest.mark.parametrize("cls", CLASSES)
def test_horizon_and_context_alone_are_positional(cls):
    assert cls("4D", 48).get_params() == cls(horizon="4D", context_length=48).get_params()
    with pytest.raises(TypeError, match="positional"):
        cls(12, 48, "unique_id")


@pytest.mark.parametrize("cls", CLASSES)
def test_set_params_and_clone(cls, frame):
    model = cls(12, 48).set_params(horizon="6h", n_modes=16)
    assert (model.horizon, model.n_modes) == ("6h", 16)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    with pytest.raises(ValueError, match="horizn"):
        model.set_params(horizn=3)


def test_a_clone_is_unfitted(model):
    with pytest.raises(NotFittedError):
        clone(model).predict()


@pytest.mark.parametrize("cls", CLASSES)
def test_repr_shows_what_differs_and_rebuilds(cls):
    model = cls(12, pd.Timedelta("2D"), target_cols=["a"])
    text = repr(model)
    assert "n_modes" not in text
    namespace = {
        name: getattr(ssmts, name) for name in ("LinearSSMForecaster", "S4Forecaster", "S4DForecaster")
    }
    assert eval(text, namespace | {"Timedelta": pd.Timedelta}).get_params() == model.get_params()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("call", ["predict", "score", "plot", "save", "model_"])
def test_unfitted(cls, call, frame, tmp_path):
    model = cls()
    calls = {
        "predict": lambda: model.predict(frame),
        "score": lambda: model.score(frame),
        "plot": lambda: model.plot(frame),
        "save": lambda: model.save(tmp_path / "model"),
        "model_": lambda: model.model_,
    }
    with pytest.raises(NotFittedError, match=f"{cls.__name__} instance is not fitted yet. Call 'fit'"):
        calls[call]()
    assert not list(tmp_path.iterdir())


def test_y_is_refused(model, frame):
    with pytest.raises(TargetGivenError, match="target_cols"):
        model.fit(frame, frame["y0"])
    with pytest.raises(TargetGivenError, match="y must be None"):
        model.score(frame, frame["y0"])


def test_fitted_attributes(model):
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["y0", "y1"]
    assert model.reference_step_ == pd.Timedelta("1h")
    assert (model.horizon_, model.context_length_) == (12, 48)
    assert model.history_["cross_validated_mse"] < 0.05
    assert model.history_["n_windows"] == 2 * (400 - 48 - 12 + 1)


@pytest.mark.parametrize("call", ["fit", "predict", "score"])
def test_inputs_are_not_written_to(call, new_model, frame):
    X = frame.sample(frac=1.0, random_state=0)
    X.iloc[5, 0] = np.nan
    before = X.copy(deep=True)
    fitted = new_model().fit(X)
    if call != "fit":
        getattr(fitted, call)(X)
    pd.testing.assert_frame_equal(X, before)


def test_arrays_may_be_read_only(new_model, frame):
    values = frame.to_numpy().copy()
    values.flags.writeable = False
    fitted = new_model().fit(values)
    assert fitted.predict(values).shape == (12, 2)


def test_later_writes_to_the_data_do_not_reach_the_model(new_model, frame):
    values = frame.to_numpy().copy()
    fitted = new_model().fit(values)
    before = fitted.predict()
    values[:] = 0.0
    np.testing.assert_array_equal(fitted.predict(), before)


def through_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def through_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


@pytest.mark.parametrize("through", [through_pickle, through_joblib])
@pytest.mark.parametrize("name", ["model", "deep"])
def test_pickled_models_forecast_the_same(through, name, request, tmp_path):
    model = request.getfixturevalue(name)
    copy = through(model, tmp_path)
    np.testing.assert_array_equal(copy.predict(), model.predict())
    assert copy.history_ == model.history_


def test_a_failed_fit_leaves_the_earlier_one(new_model, frame):
    model = new_model().fit(frame)
    before, history = model.predict(), model.history_
    model.set_params(horizon=24)
    with pytest.raises(TooShortError):
        model.fit(frame.head(1))
    pd.testing.assert_frame_equal(model.predict(), before, check_exact=True)
    assert model.history_ is history
    assert model.horizon_ == 12


def test_fit_returns_self_and_starts_anew(new_model, frame):
    model = new_model()
    assert model.fit(frame) is model
    assert model.set_params(horizon=6).fit(frame[["y1"]]) is model
    assert (model.horizon_, model.n_features_in_) == (6, 1)
    pd.testing.assert_frame_equal(
        model.predict(), clone(model).fit(frame[["y1"]]).predict(), check_exact=True
    )


@pytest.mark.parametrize("random_state", [0, None])
def test_global_generators_are_left_alone(random_state, chaos):
    model = S4DForecaster(
        2, 8, n_modes=8, d_model=8, d_state=4, n_layers=1, max_epochs=1, random_state=random_state
    )
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    model.fit(chaos[:300])
    model.predict()
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert all(np.array_equal(a, b) for a, b in zip(before[1], after[1], strict=True))
    assert before[2] == after[2]


def test_predict_from_many_threads(model, frame):
    histories = [frame.iloc[: 400 - 7 * k] if k % 2 else frame.iloc[: 400 - k : 2] for k in range(24)]
    alone = [model.predict(X) for X in histories]
    copy = pickle.loads(pickle.dumps(model))  # with nothing cached
    with ThreadPoolExecutor(8) as pool:
        for expected, found in zip(alone, pool.map(copy.predict, histories), strict=True):
            pd.testing.assert_frame_equal(found, expected, check_exact=True)
