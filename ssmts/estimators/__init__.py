"""Estimators with scikit-learn's manners."""

import os

from ssmts.errors import ModelFileError
from ssmts.estimators._saving import read_forecaster
from ssmts.estimators.backbones import (
    LSSLForecaster,
    Mamba2Forecaster,
    Mamba3Forecaster,
    MambaForecaster,
    S5Forecaster,
)
from ssmts.estimators.deep import S4DForecaster, S4Forecaster
from ssmts.estimators.forecaster import SSMForecaster
from ssmts.estimators.linear import LinearSSMForecaster
from ssmts.estimators.streaming import ForecastStream

__all__ = [
    "ForecastStream",
    "LSSLForecaster",
    "LinearSSMForecaster",
    "Mamba2Forecaster",
    "Mamba3Forecaster",
    "MambaForecaster",
    "S4DForecaster",
    "S4Forecaster",
    "S5Forecaster",
    "SSMForecaster",
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


def load(path: str | os.PathLike[str]) -> SSMForecaster:
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
    return read_estimator(path, kind="model")


def read_estimator(path: str | os.PathLike[str], *, kind: str) -> SSMForecaster:
    """The estimator in a file of a kind: "model", or "stream" with windows for the tail."""
    name, params, fitted = read_forecaster(path, kind=kind)
    if name not in _CLASSES:
        raise ModelFileError(f"{path} holds a {name!r}, which this version does not know. Update ssmts.")
    model = _CLASSES[name](**params)
    model._adopt(fitted)
    return model
