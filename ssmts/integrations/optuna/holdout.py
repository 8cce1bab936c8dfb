"""The default split of a forecaster's trials: the last quarter of every series is held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.errors import TooShortError
from ssmts.estimators import SSMForecaster
from ssmts.integrations._estimators import panel_of

__all__ = ["hold_out", "timed"]

_SHARE = 0.25


def timed(X: Any, id_col: Any, time_col: Any) -> tuple[Any, Any, Any]:
    """An array as a frame whose rows know their times, so that one part of it continues another.

    Frames come back as they are, with the id and time columns that name their rows.
    """
    if hasattr(type(X), "columns") or isinstance(X, pd.Series):
        if hasattr(X, "collect"):  # polars.LazyFrame
            X = X.collect()
        if id_col is None and hasattr(X, "columns") and {*X.columns} == {"unique_id", "ds", "y"}:
            id_col, time_col = "unique_id", "ds"
        return X, id_col, time_col
    values = np.asarray(X)
    if values.ndim < 3:
        return pd.DataFrame(values.reshape(len(values), -1)), id_col, time_col
    n, length, width = values.shape
    index = pd.MultiIndex.from_product([range(n), range(length)], names=["series", "time"])
    return pd.DataFrame(values.reshape(n * length, width), index=index), "series", "time"


def hold_out(estimator: SSMForecaster, X: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the rows before and in the last quarter of each series' rows.

    Parameters
    ----------
    estimator : forecaster
        Knows which columns are what.
    X : frame
        As `timed` returns it.

    Returns
    -------
    train, test : ndarray of int64
        In the order of X.

    Raises
    ------
    TooShortError
        If no series has four rows.
    """
    layout = panel_of(estimator, X).layout
    times = _keys(X, layout.time_col, layout.time_in_index)
    ids = _keys(X, layout.id_col, layout.id_in_index) if layout.form == "long" else np.zeros(len(X))
    ids = pd.factorize(ids)[0]
    order = np.lexsort((times, ids))
    rank = np.empty(len(X), dtype=np.int64)
    begins = np.r_[0, np.flatnonzero(np.diff(ids[order])) + 1]
    lengths = np.diff(np.r_[begins, len(X)])
    rank[order] = np.arange(len(X)) - np.repeat(begins, lengths)
    length = np.empty(len(X), dtype=np.int64)
    length[order] = np.repeat(lengths, lengths)
    test = rank >= np.ceil((1 - _SHARE) * length)
    if not test.any():
        raise TooShortError(f"X has {len(X)} rows: too few to hold out a quarter of a series. Give more.")
    return np.flatnonzero(~test), np.flatnonzero(test)


def _keys(X: Any, name: Any, in_index: bool) -> Any:
    """Values of a column or of a level of the index; the count of rows where neither is named."""
    if not in_index:
        return np.arange(len(X)) if name is None else np.asarray(X[name])
    return np.asarray(X.index.get_level_values(name) if isinstance(X.index, pd.MultiIndex) else X.index)
