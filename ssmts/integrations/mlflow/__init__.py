"""MLflow flavor: log, register, load and serve estimators as MLflow's own flavors do (docs/production.md)."""

from ssmts.integrations.mlflow.autologging import autolog
from ssmts.integrations.mlflow.flavor import (
    FLAVOR_NAME,
    _load_pyfunc,
    get_default_conda_env,
    get_default_pip_requirements,
    load_model,
    log_model,
    save_model,
)

__all__ = [
    "FLAVOR_NAME",
    "_load_pyfunc",
    "autolog",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]
