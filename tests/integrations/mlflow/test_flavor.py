import re
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlflow.exceptions import MlflowException
from sklearn.exceptions import NotFittedError

import ssmts
import ssmts.integrations.mlflow as flavor
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ModelFileError
from ssmts.integrations.mlflow.pyfunc import ForecasterPyfunc


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("flavor") / "model"
    flavor.save_model(model, path)
    return str(path)


@pytest.fixture
def through(tmp_path):
    """A fitted model, saved and read as pyfunc."""

    def save(model):
        flavor.save_model(model, tmp_path / "model")
        return mlflow.pyfunc.load_model(str(tmp_path / "model"))

    return save


@pytest.mark.slow
def test_the_estimator_comes_back(saved, model, frame):
    copy = flavor.load_model(saved)
    assert copy.get_params() == model.get_params()
    pd.testing.assert_frame_equal(copy.predict(frame), model.predict(frame), check_exact=True)


@pytest.mark.slow
def test_a_deep_model_comes_back(chaos, tmp_path):
    small = {"d_model": 8, "d_state": 4, "n_layers": 1, "max_epochs": 3, "batch_size": 64, "dropout": 0.0}
    model = S4Forecaster(2, 8, n_modes=8, learning_rate=1e-2, random_state=0, **small).fit(chaos)
    assert model.module_ is not None
    flavor.save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(flavor.load_model(str(tmp_path / "model")).predict(), model.predict())


def test_the_environment_is_pinned(saved):
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in flavor.get_default_pip_requirements())
    written = mlflow.pyfunc.get_model_dependencies(saved)
    requirements = Path(written).read_text(encoding="utf-8").splitlines()
    assert {f"ssmts=={ssmts.__version__}", f"mlflow=={mlflow.__version__}"} <= set(requirements)
    assert any(line.startswith("torch==") for line in requirements)
    assert (
        flavor.get_default_conda_env()["dependencies"][-1]["pip"][1:] == flavor.get_default_pip_requirements()
    )


def test_requirements_of_one_s_own(model, tmp_path):
    flavor.save_model(model, tmp_path / "model", extra_pip_requirements=["holidays==0.50"])
    assert "holidays==0.50" in (tmp_path / "model" / "requirements.txt").read_text().splitlines()
    with pytest.raises(ValueError, match="Only one"):
        flavor.save_model(model, tmp_path / "two", pip_requirements=["a"], conda_env={"dependencies": []})


def test_signature_and_example_are_there(saved, model):
    info = mlflow.models.get_model_info(saved)
    assert info.signature.inputs.input_names() == ["ds", "y0", "y1"]
    assert [param.name for param in info.signature.params] == ["step", "horizon", "at", "level"]
    assert info.flavors["ssmts"]["model_class"] == "LinearSSMForecaster"
    loaded = mlflow.pyfunc.load_model(saved)
    found = loaded.predict(loaded.input_example)
    pd.testing.assert_frame_equal(
        found.set_index("ds"), model.predict(), check_freq=False, check_index_type=False
    )


def test_neither_where_they_are_not_wanted(model, frame, tmp_path):
    flavor.save_model(model, tmp_path / "bare", signature=False, input_example=False)
    info = mlflow.models.get_model_info(str(tmp_path / "bare"))
    assert info.signature is None
    assert info.saved_input_example_info is None
    private = LinearSSMForecaster(12, 48, n_modes=8, store_tail=False).fit(frame)
    flavor.save_model(private, tmp_path / "private")
    assert not list((tmp_path / "private").glob("*example*"))


def test_frames_of_every_kind_are_forecast(through, model, frame):
    loaded = through(model)
    expected = model.predict(frame).reset_index()
    for X in (frame, frame.reset_index(), frame.reset_index()[["y1", "ds", "y0"]]):
        pd.testing.assert_frame_equal(loaded.predict(X), expected, check_dtype=False)
    texts = frame.reset_index().assign(ds=[str(stamp) for stamp in frame.index])
    pd.testing.assert_frame_equal(ForecasterPyfunc(model).predict(texts), expected, check_dtype=False)


def test_long_frames(through, panel):
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(panel)
    loaded = through(model)
    pd.testing.assert_frame_equal(loaded.predict(panel), model.predict(panel), check_dtype=False)
    one = panel[panel["unique_id"] == panel["unique_id"].iloc[0]]
    pd.testing.assert_frame_equal(
        loaded.predict(one, params={"step": "3h"}), model.predict(one, step="3h"), check_dtype=False
    )


def test_a_model_of_polars_is_asked_with_pandas(through, panel):
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(pl.from_pandas(panel))
    found = through(model).predict(panel)
    np.testing.assert_allclose(found["y"], model.predict()["y"].to_numpy(), rtol=1e-12)


def test_time_zones(through, frame):
    zoned = frame.tz_localize("Europe/Berlin", ambiguous=True, nonexistent="shift_forward")
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(zoned)
    loaded = through(model)
    expected = model.predict(zoned)
    texts = zoned.reset_index().assign(ds=[stamp.isoformat() for stamp in zoned.index])
    for X in (zoned, zoned.reset_index(), texts):
        found = loaded.predict(X).set_index("ds")
        assert (found.index == expected.index).all()
        np.testing.assert_array_equal(found, expected)
    assert (loaded.predict(loaded.input_example)["ds"].array == expected.index.array).all()


def test_numbers_as_times(through, frame):
    X = frame.set_axis(pd.Index(np.arange(400) * 0.5, name="t"))
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(X)
    loaded = through(model)
    found = loaded.predict(X, params={"at": ["200.25", "203"]})
    np.testing.assert_array_equal(found.set_index("t"), model.predict(X, at=[200.25, 203.0]))
    np.testing.assert_array_equal(
        loaded.predict(X, params={"step": "0.25", "horizon": "3"}).set_index("t"),
        model.predict(X, step=0.25, horizon=3),
    )


@pytest.mark.parametrize("shape", [(400,), (400, 2), (2, 200, 1)])
def test_arrays(through, frame, shape):
    X = frame.to_numpy()[: shape[0]] if len(shape) == 2 else frame["y0"].to_numpy().reshape(shape)
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(X)
    loaded = through(model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.predict(loaded.input_example), model.predict())


def test_levels_ask_for_intervals(through, model, frame):
    found = through(model).predict(frame, params={"level": [80, 90.0], "horizon": "6"})
    expected = model.predict_interval(frame, level=[80, 90], horizon=6)
    assert list(found.columns) == ["ds", *expected.columns]
    np.testing.assert_array_equal(found[list(expected.columns)], expected)


def test_a_frame_without_targets_asks_for_instants(through, frame, panel):
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(panel)
    loaded = through(model)
    asked = model.predict()[["unique_id", "ds"]].sample(frac=1.0, random_state=0)
    found = loaded.predict(asked)
    expected = asked.merge(model.predict(), on=["unique_id", "ds"])
    np.testing.assert_array_equal(found["y"], expected["y"])
    with pytest.raises(MlflowException, match=r"ParameterError: params.*without targets"):
        loaded.predict(asked, params={"step": "1h"})


def test_errors_are_the_library_s_and_the_client_s_fault(through, model, frame):
    loaded = through(model)
    with pytest.raises(MlflowException, match=r"InfiniteValueError: .*'y0'") as raised:
        loaded.predict(frame.replace(frame.iloc[5, 0], np.inf))
    assert raised.value.get_http_status_code() == 400


def test_what_cannot_be_saved(frame, saved, model, tmp_path):
    with pytest.raises(NotFittedError):
        flavor.save_model(LinearSSMForecaster(12), tmp_path / "model")
    assert not list(tmp_path.iterdir())
    with pytest.raises(MlflowException, match="already exists and is not empty"):
        flavor.save_model(model, saved)


def test_a_damaged_file_is_refused(model, tmp_path):
    flavor.save_model(model, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="changed after it was written"):
        flavor.load_model(str(tmp_path / "model"))
