"""What adapters ask of an estimator, and of each other."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

__all__ = ["trains_by_gradient", "without_autologging"]


def trains_by_gradient(estimator: Any) -> bool:
    """Whether fit has epochs that callbacks can watch."""
    return "max_epochs" in estimator.get_params()


def without_autologging() -> AbstractContextManager[Any]:
    """No fit inside is logged by MLflow, if MLflow is loaded at all."""
    loaded = sys.modules.get("mlflow.utils.autologging_utils")
    context: AbstractContextManager[Any] = nullcontext() if loaded is None else loaded.disable_autologging()
    return context
