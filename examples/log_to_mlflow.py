"""Log a fit with autolog, register the model under an alias, load it, and evaluate it with MLflow.

Data: carbon dioxide on Mauna Loa, weekly with gaps (inside statsmodels). Runs, models and registry go to a
SQLite file and a folder; ``mlflow.set_tracking_uri`` takes the address of a server instead.

    python examples/log_to_mlflow.py
    mlflow ui --backend-store-uri sqlite:///mlflow.db     # to look at it
"""

from __future__ import annotations

import mlflow
import numpy as np
from mlflow import MlflowClient
from statsmodels.datasets import co2

import ssmts.integrations.mlflow
from ssmts import S4Forecaster

NAME = "mauna-loa"


def main() -> None:
    """From a frame to a registered model and its evaluation."""
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    data = co2.load_pandas().data.rename_axis("week")
    train, later = data.loc[:"1999"], data.loc["2000":].dropna()

    ssmts.integrations.mlflow.autolog(registered_model_name=NAME)
    model = S4Forecaster(horizon=52, context_length=260, max_epochs=2, n_layers=1, random_state=0).fit(train)
    ssmts.integrations.mlflow.autolog(disable=True)

    run = mlflow.last_active_run()
    print(f"run {run.info.run_name}: {len(run.data.params)} parameters, {len(run.data.metrics)} metrics")
    print(f"cross-validated MSE {run.data.metrics['cross_validated_mse']:.4f}")
    print(f"deep branch: {run.data.tags['deep_path']}")

    client = MlflowClient()
    version = client.search_model_versions(f"name='{NAME}'")[0].version
    client.set_registered_model_alias(NAME, "champion", version)
    again = ssmts.integrations.mlflow.load_model(f"models:/{NAME}@champion")
    assert np.array_equal(again.predict(), model.predict())
    print(f"version {version} is the champion and gives the same forecast")

    served = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    asked = later.reset_index()[["week"]].head(26)  # a frame without targets asks for these weeks
    print(served.predict(asked).head(3).to_string(index=False))

    with mlflow.start_run(run_id=run.info.run_id):
        judged = mlflow.models.evaluate(
            f"models:/{NAME}@champion",
            later.reset_index().head(26),
            targets="co2",
            model_type="regressor",
            evaluator_config={"log_explainer": False, "log_model_explainability": False},
        )
    print(f"next half year: MAE {judged.metrics['mean_absolute_error']:.2f} ppm, now a metric of the run")


if __name__ == "__main__":
    main()
