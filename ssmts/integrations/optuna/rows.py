"""Data of a forecaster whose rows can be taken by position and still know their times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["timed"]


def timed(X: Any, id_col: Any, time_col: Any) -> tuple[Any, Any, Any]:
    """An array as a frame whose rows know their times, so that one part of it continues another.

    Frames come back as they are, lazy ones collected, with the columns that hold their ids and times.
    """
    if hasattr(type(X), "columns") or isinstance(X, pd.Series):
        return X.collect() if hasattr(X, "collect") else X, id_col, time_col
    values = np.asarray(X)
    if values.ndim < 3:
        return pd.DataFrame(values.reshape(len(values), -1)), id_col, time_col
    n, length, width = values.shape
    index = pd.MultiIndex.from_product([range(n), range(length)], names=["series", "time"])
    return pd.DataFrame(values.reshape(n * length, width), index=index), "series", "time"
