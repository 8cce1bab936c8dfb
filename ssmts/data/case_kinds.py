"""Layout of cases: table, list or long frame."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import narwhals as nw
import numpy as np

from ssmts.data._table import collected, is_hashable, require_unique
from ssmts.errors import InputTypeError

__all__ = ["collected_cases", "is_long", "is_table"]


def collected_cases(X: Any) -> Any:
    """X with lazy frames collected, and an array of arrays as a list.

    Raises
    ------
    DuplicateColumnError
        If two columns of a frame share a name.
    InputTypeError
        If a case of a list is a frame: its rows may be instants or channels; if a lazy query cannot be run.
    """
    X = collected(X)
    if nw.dependencies.is_pandas_dataframe(X):
        require_unique(X, "Rename one, or give X.to_numpy().")
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1 and all(np.ndim(case) for case in X):
        X = list(X)
    if isinstance(X, list | tuple):
        for number, case in enumerate(X):
            if hasattr(case, "columns"):
                raise InputTypeError(
                    f"Case {number} is a frame. Give arrays (n_channels, length), e.g. frame.to_numpy().T, "
                    "or all cases as one long frame with id_col and time_col."
                )
    return X


def is_long(X: Any, id_col: Hashable | None) -> bool:
    """Whether X is a long frame: it has `id_col`, or it is exactly ``unique_id, ds, y``."""
    if not hasattr(type(X), "columns"):
        return False
    if not all(map(is_hashable, X.columns)):  # a table of Arrow lists its values there
        return False
    return id_col is not None or {*X.columns} == {"unique_id", "ds", "y"}


def is_table(X: Any) -> bool:
    """Whether X is a table: a row for each case, a column for each instant."""
    if isinstance(X, list | tuple):
        return bool(len(X)) and all(_is_scalar(row) or _is_flat(row) for row in X)
    return not hasattr(X, "ndim") or X.ndim != 3


def _is_flat(row: Any) -> bool:
    return isinstance(row, list | tuple) and all(map(_is_scalar, row))


def _is_scalar(item: Any) -> bool:
    # numpy refuses to say how many dimensions a ragged list has
    return not isinstance(item, list | tuple) and np.ndim(item) == 0
