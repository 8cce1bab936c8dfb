"""Stem, linear path and deep path: a forecasting model in continuous time, built from a frozen config."""

from ssmts.models.bank import ModeBank, make_bank
from ssmts.models.config import DeepConfig, LinearConfig, ModelConfig
from ssmts.models.deep import DeepPath
from ssmts.models.ensemble import DeepEnsemble
from ssmts.models.forecast import ForecastModel
from ssmts.models.linear import LinearFit, LinearPath, fit_linear

__all__ = [
    "DeepConfig",
    "DeepEnsemble",
    "DeepPath",
    "ForecastModel",
    "LinearConfig",
    "LinearFit",
    "LinearPath",
    "ModeBank",
    "ModelConfig",
    "fit_linear",
    "make_bank",
]
