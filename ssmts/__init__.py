"""State-space models for time series, behind scikit-learn's ``fit`` and ``predict``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:  # what __getattr__ gives
    import ssmts_datasets as datasets
    import ssmts_kernels as kernels
    from ssmts import errors, estimators, metrics, model_selection, nn
    from ssmts.comparison import Comparison, compare
    from ssmts.estimators import (
        CaseStream,
        DriftForecaster,
        ForecastStream,
        LinearSSMClassifier,
        LinearSSMForecaster,
        LinearSSMRegressor,
        LSSLClassifier,
        LSSLForecaster,
        LSSLRegressor,
        Mamba2Classifier,
        Mamba2Forecaster,
        Mamba2Regressor,
        Mamba3Classifier,
        Mamba3Forecaster,
        Mamba3Regressor,
        MambaClassifier,
        MambaForecaster,
        MambaRegressor,
        NaiveForecaster,
        S4Classifier,
        S4DClassifier,
        S4DForecaster,
        S4DRegressor,
        S4Forecaster,
        S4Regressor,
        S5Classifier,
        S5Forecaster,
        S5Regressor,
        SeasonalNaiveForecaster,
        StatsForecaster,
        WindowMeanForecaster,
        load,
    )
    from ssmts.hierarchies import HierarchicalForecaster
    from ssmts.monitoring import Monitoring, monitor

__all__ = [
    "__version__",
    "CaseStream",
    "Comparison",
    "DriftForecaster",
    "ForecastStream",
    "HierarchicalForecaster",
    "LinearSSMClassifier",
    "LinearSSMForecaster",
    "LinearSSMRegressor",
    "LSSLClassifier",
    "LSSLForecaster",
    "LSSLRegressor",
    "Mamba2Classifier",
    "Mamba2Forecaster",
    "Mamba2Regressor",
    "Mamba3Classifier",
    "Mamba3Forecaster",
    "Mamba3Regressor",
    "MambaClassifier",
    "MambaForecaster",
    "MambaRegressor",
    "Monitoring",
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
    "SeasonalNaiveForecaster",
    "StatsForecaster",
    "WindowMeanForecaster",
    "compare",
    "load",
    "monitor",
    "datasets",
    "errors",
    "estimators",
    "kernels",
    "metrics",
    "model_selection",
    "nn",
]

_MODULES = {
    "datasets": "ssmts_datasets",
    "kernels": "ssmts_kernels",
    **{name: f"ssmts.{name}" for name in ("errors", "estimators", "metrics", "model_selection", "nn")},
}


if not TYPE_CHECKING:  # a type checker would take every name for known, and its type for Any

    def __getattr__(name: str) -> Any:
        """Nothing heavy is imported before it is asked for (PEP 562); other names are estimators."""
        if name in _MODULES:
            return import_module(_MODULES[name])
        if name in ("Comparison", "compare"):
            return getattr(import_module("ssmts.comparison"), name)
        if name in ("Monitoring", "monitor"):
            return getattr(import_module("ssmts.monitoring"), name)
        if name == "HierarchicalForecaster":
            return import_module("ssmts.hierarchies").HierarchicalForecaster
        if name in __all__:
            return getattr(import_module("ssmts.estimators"), name)
        raise AttributeError(f"module 'ssmts' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
