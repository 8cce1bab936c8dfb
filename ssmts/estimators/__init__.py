"""Estimators with scikit-learn's manners."""

from ssmts.estimators.baselines.base import BaselineForecaster
from ssmts.estimators.baselines.simple import (
    DriftForecaster,
    NaiveForecaster,
    SeasonalNaiveForecaster,
    WindowMeanForecaster,
)
from ssmts.estimators.baselines.statsforecast import StatsForecaster
from ssmts.estimators.forecasters.backbones import (
    LSSLForecaster,
    Mamba2Forecaster,
    Mamba3Forecaster,
    MambaForecaster,
    S4DForecaster,
    S4Forecaster,
    S5Forecaster,
)
from ssmts.estimators.forecasters.base import SSMForecaster
from ssmts.estimators.forecasters.linear import LinearSSMForecaster
from ssmts.estimators.forecasters.stream import ForecastStream
from ssmts.estimators.loading import load
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
from ssmts.estimators.whole_series.regressor import LinearSSMRegressor, SSMRegressor
from ssmts.estimators.whole_series.stream import CaseStream

__all__ = [
    "BaselineForecaster",
    "CaseStream",
    "DriftForecaster",
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
    "NaiveForecaster",
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
    "SeasonalNaiveForecaster",
    "StatsForecaster",
    "WindowMeanForecaster",
    "load",
]
