"""Classifiers and regressors of whole series through MLflow."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

import ssmts.integrations.mlflow as flavor
from ssmts import LinearSSMClassifier, S4Classifier
from ssmts.estimators import LinearSSMRegressor


@pytest.fixture(scope="module")
def cases():
    """Slow and fast waves of any phase, 40 of each, with a label and the period as targets."""
    generator = np.random.default_rng(0)
    periods = np.repeat([12.0, 5.0], 40)
    phases = generator.uniform(0, 2 * np.pi, (80, 1))
    X = np.sin(2 * np.pi * np.arange(48) / periods[:, None] + phases) + 0.3 * generator.standard_normal(
        (80, 48)
    )
    order = generator.permutation(80)
    return X[order], np.where(periods > 10, "slow", "fast")[order], periods[order]


@pytest.fixture(scope="module")
def classifier(cases):
    return LinearSSMClassifier(n_readouts=16, random_state=0).fit(cases[0][:60], cases[1][:60])


@pytest.fixture(scope="module")
def loaded(classifier, cases, tmp_path_factory):
    path = tmp_path_factory.mktemp("cases") / "model"
    flavor.save_model(classifier, path, input_example=cases[0][:2])
    return mlflow.pyfunc.load_model(str(path))


def test_labels_and_probabilities(loaded, classifier, cases):
    X = cases[0][60:]
    assert (loaded.predict(X) == classifier.predict(X)).all()
    assert (loaded.predict(loaded.input_example) == classifier.predict(cases[0][:2])).all()
    found = loaded.predict(X, params={"probabilities": True})
    assert list(found.columns) == ["fast", "slow"]
    np.testing.assert_array_equal(found, classifier.predict_proba(X))


def test_another_rate(loaded, classifier, cases):
    X = cases[0][60:, ::2]
    assert (loaded.predict(X, params={"rate": 2.0}) == classifier.predict(X, rate=2.0)).all()
    with pytest.raises(MlflowException, match="24 features") as raised:
        loaded.predict(X)
    assert raised.value.get_http_status_code() == 400


def test_the_same_from_flavor_and_file(classifier, cases, tmp_path):
    flavor.save_model(classifier, tmp_path / "model")
    copy = flavor.load_model(str(tmp_path / "model"))
    assert copy.get_params() == classifier.get_params()
    np.testing.assert_array_equal(copy.predict_proba(cases[0]), classifier.predict_proba(cases[0]))


@pytest.fixture(scope="module")
def ragged(cases):
    """The same cases, the later the shorter, one with a value missing."""
    parts = [case[None, : 48 - k % 9] for k, case in enumerate(cases[0])]
    parts[3] = np.where(np.arange(parts[3].shape[1]) == 7, np.nan, parts[3])
    return parts


@pytest.fixture(scope="module")
def of_ragged(ragged, cases, tmp_path_factory):
    model = LinearSSMClassifier(n_readouts=8, random_state=0).fit(ragged, cases[1])
    path = tmp_path_factory.mktemp("ragged") / "model"
    flavor.save_model(model, path)
    return model, path


def test_cases_of_unequal_length(of_ragged, ragged):
    model, path = of_ragged
    loaded, expected = mlflow.pyfunc.load_model(str(path)), model.predict_proba(ragged)
    padded = np.full((len(ragged), 1, 48), np.nan)
    for row, case in zip(padded, ragged):
        row[:, : case.shape[1]] = case
    column = pd.DataFrame({"case": [case[0] for case in ragged]})
    for given in (ragged, [case.tolist() for case in ragged], padded, column):
        found = loaded.predict(given, params={"probabilities": True})
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(MlflowException, match="Case 0 is ragged: its channels differ in length"):
        loaded.predict(pd.DataFrame({"case": [[[1.0, 2.0], [3.0]]]}))


@pytest.mark.slow
def test_cases_of_unequal_length_over_http(of_ragged, ragged, serve):
    model, path = of_ragged
    data = [[[None if np.isnan(value) else value for value in case[0]]] for case in ragged]
    ask = serve(path)
    body = {"dataframe_split": {"columns": ["case"], "data": data}, "params": {"probabilities": True}}
    status, text = ask(body)
    assert status == 200, text
    found = pd.DataFrame(json.loads(text)["predictions"])
    np.testing.assert_allclose(found, model.predict_proba(ragged), rtol=0, atol=1e-9)
    two = {"dataframe_split": {"columns": ["case"], "data": [[[[1, 2, 4], [3, 4, 5]]]]}}
    status, text = ask(two)
    assert status == 400
    assert "X has 2 channels" in json.loads(text)["message"]


@pytest.mark.slow
def test_frames_channels_and_numbers(cases, tmp_path):
    X, labels, periods = cases
    named = pd.DataFrame(X).rename(columns=lambda k: f"t{k}")
    stacked = np.stack([X, X[:, ::-1]], axis=1)
    models = {
        "frame": (LinearSSMClassifier(n_readouts=8, random_state=0).fit(named, labels), named),
        "channels": (LinearSSMClassifier(n_readouts=8, random_state=0).fit(stacked, labels), stacked),
        "numbers": (LinearSSMRegressor(n_readouts=8, random_state=0).fit(X, periods), X),
    }
    for name, (model, given) in models.items():
        flavor.save_model(model, tmp_path / name)
        found = mlflow.pyfunc.load_model(str(tmp_path / name)).predict(given)
        assert (np.asarray(found) == model.predict(given)).all()


@pytest.mark.slow
def test_a_fit_is_logged_whole(tracking, cases):
    small = {"n_readouts": 4, "n_modes": 8, "d_model": 8, "d_state": 4, "n_layers": 1, "max_epochs": 2}
    flavor.autolog()
    try:
        model = S4Classifier(deep="always", random_state=0, **small).fit(cases[0], cases[1])
    finally:
        flavor.autolog(disable=True)
    client = mlflow.MlflowClient()
    run = client.get_run(mlflow.last_active_run().info.run_id)
    assert (run.info.status, run.data.tags["estimator_name"]) == ("FINISHED", "S4Classifier")
    assert set(run.data.params) == set(model.get_params())
    assert run.data.metrics["linear_left_out_accuracy"] == model.history_["linear"]["left_out_accuracy"]
    logged = client.get_metric_history(run.info.run_id, "network_3/train_loss")
    assert [metric.step for metric in logged] == [1, 2]
    [data] = run.inputs.dataset_inputs
    assert data.dataset.name == "train"
    [output] = run.outputs.model_outputs
    copy = flavor.load_model(f"models:/{output.model_id}")
    np.testing.assert_array_equal(copy.predict_proba(cases[0]), model.predict_proba(cases[0]))


@pytest.mark.slow
def test_mlflow_evaluates_a_classifier(tracking, classifier, cases):
    X, labels, _ = cases
    frame = pd.DataFrame(X).rename(columns=lambda k: f"t{k}")
    flavor.autolog()
    try:
        model = LinearSSMClassifier(n_readouts=16, random_state=0).fit(frame.iloc[:60], labels[:60])
    finally:
        flavor.autolog(disable=True)
    run = mlflow.MlflowClient().get_run(mlflow.last_active_run().info.run_id)
    accuracy = model.history_["linear"]["left_out_accuracy"]
    assert run.data.metrics["linear_left_out_accuracy"] == pytest.approx(accuracy)
    (output,) = run.outputs.model_outputs
    with mlflow.start_run():
        result = mlflow.models.evaluate(
            f"models:/{output.model_id}",
            frame.iloc[60:].assign(label=labels[60:]),
            targets="label",
            model_type="classifier",
            evaluator_config={"log_explainer": False, "log_model_explainability": False, "pos_label": "slow"},
        )
    assert result.metrics["accuracy_score"] == np.mean(classifier.predict(X[60:]) == labels[60:]) > 0.9
