"""Logging of searches of scikit-learn: candidates as child runs of one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import mlflow
import numpy as np

from ssmts.estimators import SSMClassifier, SSMForecaster, SSMRegressor

__all__ = ["candidates", "in_search", "is_ours", "log_candidates"]

_searching: ContextVar[bool] = ContextVar("searching", default=False)


@contextmanager
def candidates() -> Iterator[None]:
    """Fits inside are those of candidates, which are not logged one by one."""
    token = _searching.set(True)
    try:
        yield
    finally:
        _searching.reset(token)


def in_search() -> bool:
    """Whether a search fits a candidate right now."""
    return _searching.get()


def is_ours(search: Any) -> bool:
    """Whether a search is over the parameters of an estimator of this library."""
    return isinstance(search.estimator, SSMForecaster | SSMClassifier | SSMRegressor)


def log_candidates(search: Any) -> None:
    """Log parameters and scores of every candidate of a fitted search as a child of the active run."""
    results = search.cv_results_
    measured = [name for name in results if name.startswith(("mean_", "std_", "rank_"))]
    for number, params in enumerate(results["params"]):
        with mlflow.start_run(run_name=f"candidate {number}", nested=True):
            mlflow.log_params(params)
            found = {name: float(results[name][number]) for name in measured}
            mlflow.log_metrics({name: value for name, value in found.items() if np.isfinite(value)})
