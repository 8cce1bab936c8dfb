"""Stem, linear branch and deep branch: a forecasting model in continuous time, built from a frozen config."""

from ssmts.models.config import DeepConfig, LinearConfig, ModelConfig
from ssmts.models.deep.ensemble import DeepEnsemble
from ssmts.models.deep.network import DeepPath
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.path import LinearFit, LinearPath, fit_linear
from ssmts.models.state_space.modes import ModeBank, make_bank

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
