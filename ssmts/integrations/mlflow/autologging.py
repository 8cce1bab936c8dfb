"""Automatic logging of every fit."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow.data import from_numpy, from_pandas, from_polars
from mlflow.utils.autologging_utils import autologging_integration, get_autologging_config, safe_patch
from sklearn.model_selection._search import BaseSearchCV

from ssmts.estimators import SSMClassifier, SSMForecaster, SSMRegressor
from ssmts.integrations._estimators import trains_by_gradient
from ssmts.integrations.mlflow.flavor import FLAVOR_NAME, log_model
from ssmts.integrations.mlflow.search_logging import candidates, in_search, is_ours, log_candidates
from ssmts.training import Callback, TrainingState

__all__ = ["autolog"]

_MOST_AXES = 12


class _EpochLogger(Callback):
    """Losses of every epoch, of one network after another."""

    def __init__(self) -> None:
        self.network = 0

    def on_fit_start(self, state: TrainingState) -> None:
        self.network += 1

    def on_epoch_end(self, state: TrainingState) -> None:
        record = state.history[-1]
        losses = {name: record[name] for name in ("train_loss", "validation_loss")}
        found = {f"network_{self.network}/{n}": v for n, v in losses.items() if v is not None}
        mlflow.log_metrics(found, step=state.epoch)


@autologging_integration(FLAVOR_NAME)  # type: ignore[untyped-decorator]
def autolog(
    log_models: bool = True,
    log_input_examples: bool = True,
    log_model_signatures: bool = True,
    log_datasets: bool = True,
    log_plots: bool = True,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    registered_model_name: str | None = None,
    extra_tags: dict[str, str] | None = None,
) -> None:
    """Log every later `fit` to the active run, or to one of its own.

    Parameters of the estimator, losses of every epoch, what fit chose and measured (`history_` as metrics
    and as ``history.json``), tags, the data set's schema and digest, a picture of the forecast, and the
    model with its signature and an input example. Fits inside `ssmts.integrations.optuna.tune` are not
    logged, except the last one. A search of scikit-learn (`GridSearchCV` and the like) is one run: candidates
    are its children, and the refitted best is the model that is logged and registered.

    Parameters
    ----------
    log_models : bool, default=True
        Log the fitted estimator.
    log_input_examples, log_model_signatures : bool, default=True
        Log the end of the training data and the signature with it.
    log_datasets : bool, default=True
        Log schema, size and digest of X and of `validation`; never the data.
    log_plots : bool, default=True
        Log a picture of a forecaster's forecast of its first series.
    disable : bool, default=False
        Stop logging.
    exclusive : bool, default=False
        Do not log to runs that the user started.
    silent : bool, default=False
        Hide MLflow's warnings and messages.
    registered_model_name : str, optional
        Make a version under this name in the registry for every model.
    extra_tags : dict, optional
        For the runs that are started here.
    """

    def fit(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        if in_search():  # of a candidate
            return original(self, *args, **kwargs)
        _log_before(self, args, kwargs)
        if trains_by_gradient(self):
            kwargs["callbacks"] = [*(kwargs.get("callbacks") or ()), _EpochLogger()]
        result = original(self, *args, **kwargs)
        _log_after(self, registered_model_name)
        return result

    def search(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_ours(self):
            return original(self, *args, **kwargs)
        with nullcontext() if mlflow.active_run() else mlflow.start_run(tags=extra_tags):
            with candidates():
                result = original(self, *args, **kwargs)
            log_candidates(self)
            if hasattr(self, "best_estimator_"):
                mlflow.log_metric("best_score", float(self.best_score_))
                _log_before(self.best_estimator_, args, kwargs)
                _log_after(self.best_estimator_, registered_model_name)
        return result

    safe_patch(FLAVOR_NAME, BaseSearchCV, "fit", search)
    for cls in (SSMForecaster, SSMClassifier, SSMRegressor):
        safe_patch(FLAVOR_NAME, cls, "fit", fit, manage_run=True, extra_tags=extra_tags)


def _wanted(what: str) -> bool:
    return bool(get_autologging_config(FLAVOR_NAME, what, True))


def _log_before(model: Any, args: Any, kwargs: Any) -> None:
    mlflow.log_params(model.get_params())
    cls = type(model)
    mlflow.set_tags({"estimator_name": cls.__name__, "estimator_class": f"{cls.__module__}.{cls.__name__}"})
    if _wanted("log_datasets"):
        X = args[0] if args else kwargs.get("X")
        for context, data in (("train", X), ("validation", kwargs.get("validation"))):
            if data is not None:
                mlflow.log_input(_dataset(data, context), context=context)


def _dataset(X: Any, name: str) -> Any:
    """MLflow's description of a frame or array."""
    if isinstance(X, pd.Series | pd.DataFrame):
        return from_pandas(X.reset_index().rename(columns=str), name=name)
    if hasattr(X, "lazy"):  # polars
        return from_polars(X.lazy().collect(), name=name)
    return from_numpy(np.asarray(X), name=name)


def _log_after(model: Any, registered_model_name: str | None) -> None:
    history = model.history_
    mlflow.log_dict(history, "history.json")
    if "deep" in history:
        deep = history["deep"]
        mlflow.set_tag("deep_path", "accepted" if deep["accepted"] else deep.get("reason", "refused"))
    drawn = isinstance(model, SSMForecaster) and model.n_features_in_ <= _MOST_AXES
    if drawn and _wanted("log_plots"):
        figure = Figure(figsize=(9, 1.2 + 1.8 * model.n_features_in_), layout="constrained")
        model.plot(axes=figure.subplots(model.n_features_in_, 1, sharex=True, squeeze=False).ravel())
        mlflow.log_figure(figure, "forecast.png")
    model_id = None
    if _wanted("log_models"):
        parts = {"log_input_examples": "input_example", "log_model_signatures": "signature"}
        left_out = {part: False for name, part in parts.items() if not _wanted(name)}
        info = log_model(model, "model", registered_model_name=registered_model_name, **left_out)
        model_id = info.model_id
    mlflow.log_metrics(_metrics(history), model_id=model_id)


def _metrics(history: dict[str, Any]) -> dict[str, float]:
    """Numbers of a history, those of its parts as ``<part>_<name>``; errors of candidates are no metrics."""
    found: dict[str, float] = {}
    for name, value in history.items():
        if isinstance(value, dict) and not name.startswith("errors"):
            found |= {f"{name}_{inner}": number for inner, number in _metrics(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found
