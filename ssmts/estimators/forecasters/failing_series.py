"""Forecasts of a panel in which some series cannot be forecast: the others are, and these are named."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import Layout
from ssmts.errors import OF_ALL_SERIES, FailedSeriesWarning, ParameterError, SSMTSError
from ssmts.wording import shown

__all__ = ["without_failing"]

_ERRORS = ("raise", "warn", "record")
_NAMED = 5  # series in a warning


def without_failing(ask: Callable[[Any, Any], Any], layout: Layout, X: Any, future: Any, errors: str) -> Any:
    """Answers of `ask` for all series of X that it can answer for.

    Parameters
    ----------
    ask : callable
        From X and `future` to a frame.
    layout : Layout
        Of the training data.
    X, future : frame or None
    errors : {"raise", "warn", "record"}
        Whether an error of a series is raised; named in a warning, the series left out; or told in a row of
        its own, in a column ``error``.

    Raises
    ------
    ParameterError
        If `errors` is none of these, or X is no long frame.
    SSMTSError
        If it is of all series, or no series is left.
    """
    if not isinstance(errors, str) or errors not in _ERRORS:
        raise ParameterError("errors", errors, f"one of {', '.join(map(repr, _ERRORS))}")
    if errors == "raise":
        return ask(X, future)
    if layout.form != "long":
        raise ParameterError("errors", errors, "'raise' for data without an id column, which is one series")
    if X is None:
        return _recorded([ask(None, future)], {}, layout, errors, layout.kind == "polars")
    X = X.collect() if hasattr(X, "collect") else X
    failed: dict[Any, SSMTSError] = {}
    parts = list(_parts(ask, layout, X, future, failed))
    if not parts and errors == "warn":
        raise next(iter(failed.values()))
    if failed and errors == "warn":
        said = "; ".join(str(error) for error in list(failed.values())[:_NAMED])
        more = "" if len(failed) <= _NAMED else "; ..."
        warnings.warn(
            f"{len(failed)} series could not be forecast and were left out: {said}{more}",
            FailedSeriesWarning,
            stacklevel=4,
        )
    return _recorded(parts, failed, layout, errors, not isinstance(X, pd.DataFrame))


def _parts(
    ask: Callable[[Any, Any], Any], layout: Layout, X: Any, future: Any, failed: dict[Any, SSMTSError]
) -> Iterator[Any]:
    """Answers, series by series only where there is a fault among them."""
    try:
        yield ask(X, future)
        return
    except OF_ALL_SERIES:
        raise
    except SSMTSError as error:
        ids = _ids(X, layout)
        names = pd.unique(ids)
        if len(names) < 2:
            id_ = names[0] if len(names) else None
            text = str(error)
            failed[id_] = error if shown(id_) in text else type(error)(f"Series {shown(id_)}: {text}")
            return
    half = names[: len(names) // 2]
    for some in (half, names[len(names) // 2 :]):
        own = None if future is None else _rows_of(future, some, layout)
        yield from _parts(ask, layout, _rows_of(X, some, layout), own, failed)


def _ids(frame: Any, layout: Layout) -> Any:
    """Ids of the rows."""
    if isinstance(frame, pd.DataFrame):
        if layout.id_in_index and layout.id_col in frame.index.names:
            return frame.index.get_level_values(str(layout.id_col))
        return frame[layout.id_col]
    return frame[layout.id_col].to_pandas()


def _rows_of(frame: Any, ids: Any, layout: Layout) -> Any:
    """The rows of some series."""
    mask = np.asarray(pd.Index(_ids(frame, layout)).isin(ids))
    return frame[mask] if isinstance(frame, pd.DataFrame) else frame.filter(mask)


def _recorded(
    parts: list[Any], failed: dict[Any, SSMTSError], layout: Layout, errors: str, in_polars: bool
) -> Any:
    """All answers as one frame, and what went wrong if that is recorded."""
    if errors == "warn":
        return parts[0] if len(parts) == 1 else _joined(parts)
    names = parts[0].columns if parts else []
    name = "error"
    while name in names:
        name += "_"
    rows = {layout.id_col: list(failed), name: [str(error) for error in failed.values()]}
    if in_polars:
        import polars as pl

        parts = [part.with_columns(pl.lit(None, dtype=pl.String).alias(name)) for part in parts]
        if failed:
            schema: Any = {layout.id_col: parts[0].schema[layout.id_col]} if parts else {}
            parts.append(pl.DataFrame(rows, schema_overrides=schema))
        return pl.concat(parts, how="diagonal_relaxed")
    parts = [part.assign(**{name: pd.Series(pd.NA, part.index, dtype="string")}) for part in parts]
    if failed:
        told = pd.DataFrame(rows).astype({name: "string"})
        if parts and list(parts[0].index.names) != [None]:
            told[list(parts[0].index.names)] = told.reindex(columns=list(parts[0].index.names))
            told = told.set_index(list(parts[0].index.names))
        parts.append(told)
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: list[Any]) -> Any:
    if not isinstance(parts[0], pd.DataFrame):
        import polars as pl

        return pl.concat(parts)
    plain = all(isinstance(part.index, pd.RangeIndex) for part in parts)
    return pd.concat(parts, ignore_index=plain)
