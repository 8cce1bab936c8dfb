"""Estimators with scikit-learn's manners."""

import os
from typing import Any

from ssmts.errors import ModelFileError
from ssmts.estimators.forecasters.backbones import (
    LSSLForecaster,
    Mamba2Forecaster,
    Mamba3Forecaster,
    MambaForecaster,
    S5Forecaster,
)
from ssmts.estimators.forecasters.base import SSMForecaster
from ssmts.estimators.forecasters.deep import S4DForecaster, S4Forecaster
from ssmts.estimators.forecasters.linear import LinearSSMForecaster
from ssmts.estimators.forecasters.persistence import read_forecaster
from ssmts.estimators.forecasters.stream import ForecastStream
from ssmts.estimators.whole_series.backbones import (
    LSSLClassifier,
    LSSLRegressor,
    Mamba2Classifier,
    Mamba2Regressor,
    Mamba3Classifier,
    Mamba3Regressor,
    MambaClassifier,
    MambaRegressor,
    S4Classifier,
    S4DClassifier,
    S4DRegressor,
    S4Regressor,
    S5Classifier,
    S5Regressor,
)
from ssmts.estimators.whole_series.classifier import LinearSSMClassifier, SSMClassifier
from ssmts.estimators.whole_series.persistence import KIND as CASES
from ssmts.estimators.whole_series.persistence import read_fitted_cases
from ssmts.estimators.whole_series.regressor import LinearSSMRegressor, SSMRegressor
from ssmts.estimators.whole_series.stream import CaseStream
from ssmts.training import file_kind

__all__ = [
    "CaseStream",
    "ForecastStream",
    "LSSLClassifier",
    "LSSLForecaster",
    "LSSLRegressor",
    "LinearSSMClassifier",
    "LinearSSMForecaster",
    "LinearSSMRegressor",
    "Mamba2Classifier",
    "Mamba2Forecaster",
    "Mamba2Regressor",
    "Mamba3Classifier",
    "Mamba3Forecaster",
    "Mamba3Regressor",
    "MambaClassifier",
    "MambaForecaster",
    "MambaRegressor",
    "S4Classifier",
    "S4DClassifier",
    "S4DForecaster",
    "S4DRegressor",
    "S4Forecaster",
    "S4Regressor",
    "S5Classifier",
    "S5Forecaster",
    "S5Regressor",
    "SSMClassifier",
    "SSMForecaster",
    "SSMRegressor",
    "load",
]

_CLASSES = {
    cls.__name__: cls
    for cls in (
        LSSLForecaster,
        LinearSSMForecaster,
        Mamba2Forecaster,
        Mamba3Forecaster,
        MambaForecaster,
        S4DForecaster,
        S4Forecaster,
        S5Forecaster,
    )
}


_CASE_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        LinearSSMClassifier,
        LinearSSMRegressor,
        LSSLClassifier,
        LSSLRegressor,
        Mamba2Classifier,
        Mamba2Regressor,
        Mamba3Classifier,
        Mamba3Regressor,
        MambaClassifier,
        MambaRegressor,
        S4Classifier,
        S4DClassifier,
        S4DRegressor,
        S4Regressor,
        S5Classifier,
        S5Regressor,
    )
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a saved estimator of any class; no code in the file is run.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    The fitted estimator.

    Raises
    ------
    ModelFileError
        If the file is no model of this library.
    """
    if file_kind(path) != CASES:
        return read_estimator(path, kind="model")
    name, params, fitted, seen = read_fitted_cases(path)
    if name not in _CASE_CLASSES:
        raise ModelFileError(f"{path} holds a {name!r}, which this version does not know. Update ssmts.")
    return _CASE_CLASSES[name]._revive(params, fitted, seen)


def read_estimator(path: str | os.PathLike[str], *, kind: str) -> SSMForecaster:
    """The estimator in a file of a kind: "model", or "stream" with windows for the tail."""
    name, params, fitted = read_forecaster(path, kind=kind)
    if name not in _CLASSES:
        raise ModelFileError(f"{path} holds a {name!r}, which this version does not know. Update ssmts.")
    model = _CLASSES[name](**params)
    model._adopt(fitted)
    return model
