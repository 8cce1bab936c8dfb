"""What scikit-learn checks of cases, labels and weights, with errors of this library."""

from __future__ import annotations

import re
from collections.abc import Sized
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from ssmts.data import Panel
from ssmts.data.arrays import Float
from ssmts.errors import ColumnError, InputTypeError, ParameterError, ShapeError, TargetError
from ssmts.wording import Described, kinds_of, shown

__all__ = ["aligned_targets", "checked_table", "checked_targets", "checked_weights", "seen_table"]

_GIVE = "Give an array of numbers (n_cases, n_timepoints), NaN where one was not observed."
_VALUES = re.compile(r" instead:\narray=.*\n(?=Reshape)", re.DOTALL)  # in messages of scikit-learn
_OWN = {"b": bool, "i": np.int64, "u": np.uint64, "f": np.float64}


def checked_table(X: Any, estimator: Any, **checks: Any) -> Any:
    """A table as scikit-learn reads it; infinite values are left to `read_cases`, which names their place.

    Raises
    ------
    InputTypeError, ColumnError, ShapeError
        With the message of scikit-learn.
    """
    try:
        return validate_data(estimator, X, ensure_all_finite=False, **checks)
    except TypeError as error:
        raise _no_table(X, error) from error
    except ValueError as error:
        if "feature names" in str(error):
            raise ColumnError(str(error)) from error
        remedy = " Say rate= or times= if these are other instants." if "is expecting" in str(error) else ""
        raise _no_shape(X, error, remedy) from error


def seen_table(X: Any, estimator: Any) -> Any:
    """A table of any width."""
    try:
        return check_array(X, ensure_all_finite=False, estimator=estimator)
    except TypeError as error:
        raise _no_table(X, error) from error
    except ValueError as error:
        raise _no_shape(X, error, "") from error


def _no_table(X: Any, error: TypeError) -> InputTypeError:
    return InputTypeError(f"X, a {type(X).__name__}, holds something that is no number: {error}. {_GIVE}")


def _no_shape(X: Any, error: ValueError, remedy: str) -> ShapeError:
    """scikit-learn's message without the values of X, which it shows."""
    said = _VALUES.sub(" instead. ", str(error))
    if "scalar array" in said:
        said = "Expected 2D array, got a scalar instead"
    own = said.startswith(("Expected 2D array, got 1D", "Found array", "X has", "X is"))
    return ShapeError(f"{said}{remedy}" if own else f"X is a {type(X).__name__}: {said}. {_GIVE}")


def checked_targets(y: Any, n_cases: int) -> Any:
    """Labels or numbers as an array (n_cases,); nullable and Arrow types without nulls as those of numpy.

    Raises
    ------
    TargetError
        If they are missing or infinite, of another length than X, or have more than one dimension.
    """
    if isinstance(y, pd.Series) and pd.api.types.is_extension_array_dtype(y.dtype):
        kind = getattr(y.dtype, "kind", "O")
        if kind in _OWN and not y.isna().any():
            y = y.to_numpy(dtype=_OWN[kind])
    _refuse_mixed(y)
    shape: tuple[int, ...] = np.shape(y) if hasattr(y, "shape") else ()
    if len(shape) > 1 and shape[1] > 1:
        raise TargetError(
            f"y should be a 1d array, got an array of shape {shape} instead: one label or number a case. Fit "
            "one model a column, as sklearn.multioutput does."
        )
    given = f"y is a {type(y).__name__}{_length(y)}"
    try:
        y = column_or_1d(y, warn=True)
        check_consistent_length(np.empty(n_cases), y)
    except (TypeError, ValueError, OverflowError) as error:
        said = str(error).rstrip(".")
        raise TargetError(
            f"{given}: {said}. Give one label or number for each of {n_cases} cases."
        ) from error
    _refuse_mixed(y)
    missing = pd.isna(y)
    if missing.any():
        raise TargetError(f"Input y contains NaN: that of case {missing.argmax()} is missing. Leave it out.")
    infinite = np.isinf(y) if y.dtype.kind == "f" else missing
    if infinite.any():
        raise TargetError(
            "Input y contains infinity or a value too large for dtype('float64'): that of case "
            f"{infinite.argmax()}. Leave it out."
        )
    return y


def _length(given: Any) -> str:
    has_one = isinstance(given, Sized) and getattr(given, "shape", None) != ()
    return f" of length {len(given)}" if has_one else ""


def _refuse_mixed(y: Any) -> None:
    """Refuse bytes, which are no text, and text beside other objects, which NumPy would turn into text."""
    kind = getattr(getattr(y, "dtype", None), "kind", "O")
    if kind == "S":
        raise TargetError("y holds bytes. Decode them to text: np.char.decode(y).")
    if kind != "O" or not isinstance(y, list | tuple | np.ndarray):
        return
    kinds = {type(label) for label in y if not (pd.api.types.is_scalar(label) and pd.isna(label))}
    if any(issubclass(own, bytes) for own in kinds):
        raise TargetError("y holds bytes. Decode them to text: [label.decode() for label in y].")
    text = {own for own in kinds if issubclass(own, str)}
    if text and kinds - text:
        raise TargetError(f"y holds {kinds_of(y)}: labels are of one kind. Make all of them text, or none.")


def aligned_targets(y: Any, panel: Panel) -> Any:
    """Targets of a long frame's cases: by id where y is a Series indexed by the ids, else by position.

    Raises
    ------
    TargetError
        If y is a Series with an index of its own, and that is not the ids.
    """
    if not isinstance(y, pd.Series) or len(y) != len(panel.ids):
        return y
    ids = pd.Index(list(panel.ids))
    if isinstance(y.index, pd.RangeIndex) and y.index.equals(pd.RangeIndex(len(y))):
        return y
    unknown = ~y.index.isin(ids)
    if unknown.any() or not y.index.is_unique:
        name = y.index[int(unknown.argmax())] if unknown.any() else y.index[y.index.duplicated()][0]
        why = "is no id of X" if unknown.any() else "appears twice"
        raise TargetError(
            f"y is indexed by {shown(name)}, which {why}. Index it by the ids, or give y.to_numpy() in "
            "the order in which the ids first appear."
        )
    return y.reindex(ids)


def checked_weights(sample_weight: Any, y: Any) -> Float:
    """A weight of every case, 1 by default.

    Raises
    ------
    ParameterError
        If they are malformed, or none is positive.
    """
    try:
        weights: Float = _check_sample_weight(sample_weight, y, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        given = Described(f"a {type(sample_weight).__name__}{_length(sample_weight)}")
        allowed = f"one finite number for each of {len(y)} cases, not all 0 ({error})"
        raise ParameterError("sample_weight", given, allowed) from error
    if (weights < 0).any():
        raise ParameterError("sample_weight", weights.min(), "not negative")
    return weights
