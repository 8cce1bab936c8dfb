"""State-space models for time series, behind scikit-learn's ``fit`` and ``predict``."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Attribute -> module that holds it. Nothing heavy is imported before it is asked for (PEP 562).
_LAZY = dict.fromkeys(
    (
        "LinearSSMClassifier",
        "LinearSSMForecaster",
        "LinearSSMRegressor",
        "LSSLForecaster",
        "S4Forecaster",
        "S4DForecaster",
        "S5Forecaster",
        "MambaForecaster",
        "Mamba2Forecaster",
        "Mamba3Forecaster",
        "ForecastStream",
        "CaseStream",
        *(
            backbone + task
            for backbone in ("LSSL", "S4", "S4D", "S5", "Mamba", "Mamba2", "Mamba3")
            for task in ("Classifier", "Regressor")
        ),
        "load",
    ),
    "ssmts.estimators",
)
_LAZY_MODULES = {
    "datasets": "ssmts_datasets",
    "kernels": "ssmts_kernels",
    "errors": "ssmts.errors",
    "metrics": "ssmts.metrics",
    "estimators": "ssmts.estimators",
    "model_selection": "ssmts.model_selection",
    "nn": "ssmts.nn",
}

__all__ = ["__version__", *_LAZY, *_LAZY_MODULES]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _LAZY_MODULES:
        return import_module(_LAZY_MODULES[name])
    raise AttributeError(f"module 'ssmts' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
