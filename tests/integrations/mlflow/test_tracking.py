"""A real tracking server: runs, registry, evaluation."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

import ssmts.integrations.mlflow as flavor
from ssmts import LinearSSMForecaster, S4DForecaster
from ssmts.integrations.optuna import tune

pytestmark = pytest.mark.slow

SMALL = {"n_modes": 8, "d_model": 8, "d_state": 4, "n_layers": 1, "max_epochs": 2, "batch_size": 64}


@pytest.fixture
def logging(tracking):
    """Automatic logging, off again afterwards."""
    flavor.autolog(registered_model_name="waves", extra_tags={"team": "tests"})
    yield
    flavor.autolog(disable=True)


def last_run():
    return mlflow.MlflowClient().get_run(mlflow.last_active_run().info.run_id)


def test_a_fit_is_logged_whole(logging, chaos, tmp_path):
    model = S4DForecaster(2, 8, learning_rate=1e-2, random_state=0, **SMALL).fit(chaos)
    assert mlflow.active_run() is None
    run = last_run()
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.01"
    assert set(model.get_params()) == set(run.data.params)
    assert run.data.tags["estimator_name"] == "S4DForecaster"
    assert run.data.tags["team"] == "tests"
    assert run.data.tags["deep_path"] == "accepted" or "gain" in run.data.tags["deep_path"]
    assert run.data.metrics["cross_validated_mse"] == pytest.approx(model.history_["cross_validated_mse"])
    client = mlflow.MlflowClient()
    logged = client.get_metric_history(run.info.run_id, "network_2/validation_loss")
    epochs = [epoch for epoch in model.history_["deep"]["epochs"] if epoch["member"] == 1]
    assert [metric.step for metric in logged] == [epoch["epoch"] for epoch in epochs]
    assert [metric.value for metric in logged] == pytest.approx(
        [epoch["validation_loss"] for epoch in epochs]
    )
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.tags[0].value) == ("train", "train")
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"forecast.png", "history.json"}
    history = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/history.json")
    assert history == json.loads(json.dumps(model.history_))
    picture = client.download_artifacts(run.info.run_id, "forecast.png", str(tmp_path))
    assert Path(picture).read_bytes().startswith(b"\x89PNG")


def test_a_model_is_found_by_its_alias(logging, frame):
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(frame)
    client = mlflow.MlflowClient()
    version = client.search_model_versions("name='waves'")[0].version
    client.set_registered_model_alias("waves", "champion", version)
    copy = flavor.load_model("models:/waves@champion")
    pd.testing.assert_frame_equal(copy.predict(frame), model.predict(frame), check_exact=True)
    served = mlflow.pyfunc.load_model("models:/waves@champion")
    np.testing.assert_array_equal(served.predict(served.input_example).iloc[:, 1:], model.predict())


def test_a_search_is_one_run(logging, frame):
    with mlflow.start_run() as run:
        model = tune(LinearSSMForecaster(12, 24), frame, space={"n_modes": [8, 16]})
    found = mlflow.MlflowClient().get_run(run.info.run_id)
    assert found.data.params["n_modes"] == str(model.n_modes)
    assert len(mlflow.search_runs(filter_string=f"attributes.run_id = '{run.info.run_id}'")) == 1


def test_nothing_is_logged_when_it_is_off(tracking, frame):
    before = len(mlflow.search_runs())
    flavor.autolog(log_models=False, log_datasets=False, log_plots=False)
    LinearSSMForecaster(12, 24, n_modes=8).fit(frame)
    run = last_run()
    assert not run.inputs.dataset_inputs
    assert not run.outputs.model_outputs
    flavor.autolog(disable=True)
    LinearSSMForecaster(12, 24, n_modes=8).fit(frame)
    assert len(mlflow.search_runs()) == before + 1


def test_a_fit_that_fails_fails_as_ever_and_its_run_says_so(logging, frame):
    with pytest.raises(ValueError, match="n_modes=0"):
        LinearSSMForecaster(12, n_modes=0).fit(frame)
    assert last_run().info.status == "FAILED"


def test_mlflow_evaluates_a_forecaster(tracking, panel):
    train = panel.groupby("unique_id").head(288)
    later = panel.drop(train.index)
    model = LinearSSMForecaster(12, 48, n_modes=8).fit(train)
    with mlflow.start_run():
        info = flavor.log_model(model, "model")
        result = mlflow.models.evaluate(
            info.model_uri,
            later.reset_index(drop=True),
            targets="y",
            model_type="regressor",
            evaluator_config={"log_explainer": False, "log_model_explainability": False},
        )
    expected = model.predict().merge(later, on=["unique_id", "ds"])
    errors = expected["y_x"] - expected["y_y"]
    assert result.metrics["mean_squared_error"] == pytest.approx(np.mean(errors**2), rel=1e-9)
    assert result.metrics["example_count"] == 36
