"""Data of a forecaster whose rows can be taken by position and still know their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data import collected, is_long
from ssmts.errors import MissingColumnError
from ssmts.wording import listed, shown

__all__ = ["Cases", "timed"]


def timed(X: Any, id_col: Any, time_col: Any) -> tuple[Any, Any, Any]:
    """An array as a frame whose rows know their times, so that one part of it continues another.

    Frames come back as they are, lazy ones collected, with the columns that hold their ids and times.
    """
    if hasattr(type(X), "columns") or isinstance(X, pd.Series):
        return collected(X), id_col, time_col
    values = np.asarray(X)
    if values.ndim < 3:
        return pd.DataFrame(values.reshape(len(values), -1)), id_col, time_col
    n, length, width = values.shape
    index = pd.MultiIndex.from_product([range(n), range(length)], names=["series", "time"])
    return pd.DataFrame(values.reshape(n * length, width), index=index), "series", "time"


@dataclass(frozen=True)
class Cases:
    """Cases of a long frame, which are split whole.

    Parameters
    ----------
    frame : pandas or polars frame
    codes : ndarray of int64, shape (n_rows,)
        Number of the case that each row is of, in the order in which they first appear.
    ids : ndarray, shape (n_cases,)
    y : ndarray or None
        Target of every case.
    """

    frame: Any
    codes: NDArray[np.int64]
    ids: NDArray[Any]
    y: Any

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any) -> Self | None:
        """Cases of the data of a classifier or regressor; None where every case is one row.

        Raises
        ------
        MissingColumnError
            If the frame has no column of ids.
        """
        id_col = getattr(estimator, "id_col", None)
        if not is_long(X, id_col):
            return None
        frame = X.collect() if hasattr(X, "collect") else X
        name = "unique_id" if id_col is None else id_col
        if name in frame.columns:
            column = frame[name].to_numpy()
        elif name in getattr(getattr(frame, "index", None), "names", []):
            column = frame.index.get_level_values(name).to_numpy()
        else:
            raise MissingColumnError(
                f"id_col={shown(name)} is not a column of X (columns: {listed(frame.columns)}). Correct "
                "id_col."
            )
        codes, ids = pd.factorize(column)
        if isinstance(y, pd.Series) and not isinstance(y.index, pd.RangeIndex):
            y = y.reindex(ids).to_numpy()
        return cls(frame, codes, ids, y if y is None else np.asarray(y))

    def taken(self, cases: NDArray[np.int64]) -> tuple[Any, Any]:
        """Rows of some cases, and their targets in the order in which the cases appear in them."""
        chosen = np.sort(cases)
        rows = np.flatnonzero(np.isin(self.codes, chosen))
        part = self.frame.iloc[rows] if isinstance(self.frame, pd.DataFrame) else self.frame[rows]
        return part, None if self.y is None else self.y[chosen]
