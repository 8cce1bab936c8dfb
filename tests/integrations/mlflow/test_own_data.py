"""A logged model takes its own training data, answers for one known series, and is the best of a search."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

import ssmts.integrations.mlflow as flavor
from ssmts import LinearSSMClassifier, LinearSSMForecaster
from ssmts.model_selection import TimeSplit

pytestmark = pytest.mark.slow

HOURS = pd.date_range("2025-01-01", periods=120, freq="h")
WAVE = 50 + 20 * np.sin(np.arange(120) / 4)


@pytest.mark.parametrize("dtype", ["int64", "int32", "float32", "Int64", "float64"])
@pytest.mark.parametrize("names", [["a", "b"], [1, 2]])
def test_training_data_of_every_dtype_are_taken(dtype, names, tmp_path):
    values = pd.DataFrame({names[0]: WAVE, names[1]: WAVE[::-1]}, HOURS.rename("time")).round().astype(dtype)
    model = LinearSSMForecaster(horizon=6).fit(values)
    flavor.save_model(model, tmp_path / "model")
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    found = served.predict(values.reset_index())
    expected = model.predict(values).to_numpy(dtype=float)
    np.testing.assert_allclose(found[names].to_numpy(dtype=float), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_cases_of_a_table_are_taken(dtype, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 9, (40, 12)), columns=[f"t{k}" for k in range(12)]).astype(dtype)
    y = (X["t3"] > X["t8"]).to_numpy()
    model = LinearSSMClassifier(random_state=0).fit(X, y)
    flavor.save_model(model, tmp_path / "model")
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(X)
    np.testing.assert_array_equal(found, model.predict(X))


def test_the_example_of_many_series_is_small_and_one_series_is_answered_alone(tmp_path):
    n = 300
    panel = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{k}" for k in range(n)], len(HOURS)),
            "ds": np.tile(HOURS, n),
            "y": np.concatenate([WAVE + k for k in range(n)]),
        }
    )
    model = LinearSSMForecaster(horizon=6).fit(panel)
    flavor.save_model(model, tmp_path / "model")
    example = tmp_path / "model" / "input_example.json"
    assert example.stat().st_size < 100_000
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    asked = pd.DataFrame({"unique_id": "s7", "ds": pd.date_range(HOURS[-1], periods=4, freq="h")[1:]})
    found = served.predict(asked)
    expected = model.predict().query("unique_id == 's7'")["y"].to_numpy()[:3]
    np.testing.assert_allclose(found["y"], expected, rtol=1e-9)
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"'nobody'.*history"):
        served.predict(asked.assign(unique_id="nobody"))


def test_a_grid_search_logs_its_candidates_as_children_and_registers_the_best(tracking, frame):
    flavor.autolog(registered_model_name="searched")
    try:
        grid = {"n_modes": [2, 32]}
        search = GridSearchCV(LinearSSMForecaster(12, 48), grid, cv=TimeSplit(2)).fit(frame)
    finally:
        flavor.autolog(disable=True)
    client = mlflow.MlflowClient()
    runs = [run for run in mlflow.search_runs(output_format="list") if "mlflow.parentRunId" in run.data.tags]
    parents = {run.data.tags["mlflow.parentRunId"] for run in runs}
    assert len(runs) == 2
    assert len(parents) == 1
    assert {run.data.params["n_modes"] for run in runs} == {"2", "32"}
    assert all("mean_test_score" in run.data.metrics for run in runs)
    parent = client.get_run(parents.pop())
    assert parent.data.params["n_modes"] == str(search.best_params_["n_modes"])
    assert parent.data.metrics["best_score"] == pytest.approx(search.best_score_)
    versions = client.search_model_versions("name='searched'")
    assert len(versions) == 1
    loaded = flavor.load_model("models:/searched/1")
    assert loaded.n_modes == search.best_params_["n_modes"]
    pd.testing.assert_frame_equal(loaded.predict(frame), search.best_estimator_.predict(frame))
