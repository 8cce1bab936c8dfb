"""Saved estimators of any class."""

from __future__ import annotations

import os
from typing import Any

from ssmts.estimators.forecasters.persistence import read_estimator
from ssmts.estimators.registry import WHOLE_SERIES
from ssmts.estimators.whole_series.persistence import KIND as CASES
from ssmts.estimators.whole_series.persistence import read_fitted_cases
from ssmts.training import file_kind

__all__ = ["load"]


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
    return WHOLE_SERIES.named(name, path)._revive(params, fitted, seen, path)
