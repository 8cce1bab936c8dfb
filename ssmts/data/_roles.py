"""Roles of the columns of a frame: id, time, channels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ssmts.data._table import Table, is_hashable, is_name
from ssmts.data.series import Layout
from ssmts.errors import (
    ColumnError,
    EmptyDataError,
    MissingColumnError,
    ParameterError,
    ShapeError,
    TimeColumnError,
    UnknownColumnError,
)
from ssmts.wording import listed, shown

_SEEN = "The feature names should match those that were passed during fit"


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the columns by role.

    `time_level` is the number of the index level that holds the times, None where they are in column `time`
    or, with `time` None as well, where rows are simply counted.
    """

    id: Hashable | None
    time: Hashable | None
    time_level: int | None
    channels: tuple[Any, ...]


def resolve_roles(
    table: Table,
    id_col: Hashable | None,
    time_col: Hashable | None,
    target_cols: Any,
    expected: Layout | None,
) -> Roles:
    """Roles from the parameters, the layout of fit, and the frame."""
    if (
        id_col is None
        and time_col is None
        and target_cols is None
        and set(table.names) == {"unique_id", "ds", "y"}
    ):
        id_col, time_col, target_cols = "unique_id", "ds", ["y"]
    if id_col is not None:
        table.require(id_col, "id_col")
    time, level = _find_time(table, id_col, time_col, expected)
    if id_col is not None and id_col == time:
        raise ColumnError(
            f"Column {shown(id_col)} cannot be both id_col and time_col. Name two different columns."
        )
    rest = [name for name in table.names if name not in (id_col, time)]
    return Roles(id_col, time, level, _find_channels(table, rest, target_cols, expected))


def _find_time(
    table: Table, id_col: Hashable | None, time_col: Hashable | None, expected: Layout | None
) -> tuple[Hashable | None, int | None]:
    """Name of the time column and number of the index level that holds it."""
    seen = None if expected is None else expected.time_col
    if time_col is not None or table.has(seen):
        name = time_col if time_col is not None else seen
        table.require(name, "time_col")
        return (name, None) if name in table.names else (name, table.levels.index(name))
    if isinstance(table.index, pd.DatetimeIndex):
        return table.index.name, 0
    if isinstance(table.index, pd.MultiIndex):
        others = [number for number, name in enumerate(table.levels) if name != id_col or id_col is None]
        if len(others) != 1:
            raise TimeColumnError(
                f"X has an index of several levels, {listed(table.levels)}. Say which hold the ids and "
                "the times: id_col=..., time_col=... ."
            )
        return table.levels[others[0]], others[0]
    nameless = expected is not None and expected.time_in_index and expected.time_col is None
    if expected is not None and nameless and "index" in set(table.names) - set(expected.channels):
        return "index", None  # what reset_index() calls an index without a name
    if id_col is not None:
        raise TimeColumnError(
            f"X has ids in {shown(id_col)} but its times are not named. Set time_col to one of "
            f"{listed(table.names)}."
        )
    return _count_rows(table)


def _count_rows(table: Table) -> tuple[Hashable | None, int | None]:
    """Unit steps, or the numbers of the pandas index, for a frame without times."""
    if temporal := table.temporal_columns():
        raise TimeColumnError(
            f"X has no DatetimeIndex, but column {shown(temporal[0])} holds datetimes. Set "
            f"time_col={shown(temporal[0])}; for unit steps leave the column out, e.g. with target_cols."
        )
    if table.index is None:
        return None, None
    return table.index.name, 0


def _find_channels(
    table: Table, rest: list[Any], target_cols: Any, expected: Layout | None
) -> tuple[Any, ...]:
    """Names of the channels, in the order of fit."""
    if target_cols is not None:
        named = as_names(target_cols, "target_cols")
        for name in named:
            if name not in rest:
                why = (
                    "is taken as id or time"
                    if table.has(name)
                    else f"is not a column of X (columns: {listed(table.names)})"
                )
                raise MissingColumnError(
                    f"target_cols names {shown(name)}, which {why}. Correct target_cols."
                )
    else:
        named = rest
    if not named:
        raise EmptyDataError(
            f"X has no channel beside its ids and times: 0 feature(s) (shape=({table.n_rows}, 0)) while a "
            "minimum of 1 is required. Add a numeric column."
        )
    if expected is None:
        return tuple(named)
    if expected.kind == "numpy":
        check_width(len(named), expected)
        return tuple(named)
    for name in expected.channels:
        if name not in named:
            raise MissingColumnError(
                f"{_SEEN}: column {shown(name)} is missing (X has {named}). Add it, or fit without it."
            )
    if target_cols is None:
        for name in named:
            if name not in expected.channels:
                raise UnknownColumnError(
                    f"{_SEEN}: column {shown(name)} was not there. Drop it, or fit with it."
                )
    return expected.channels


def check_width(n_channels: int, expected: Layout) -> None:
    """Raise if an array, or a frame after a fit on an array, differs from fit in the number of channels."""
    if n_channels != len(expected.channels):
        raise ShapeError(
            f"X has {n_channels} features, but ssmts is expecting {len(expected.channels)} features as "
            f"input: fit saw the channels {listed(expected.channels)}. Give the same ones."
        )


def as_names(names: Any, part: str) -> list[Any]:
    """Names given by the parameter `part`, as a list without repeats."""
    if is_name(names):
        return [names]
    if not isinstance(names, Sequence | pd.Index) or isinstance(names, bytes):
        raise ParameterError(part, names, "a column name, a list of column names, or None")
    listed = list(names)
    for name in listed:
        if not is_hashable(name):
            raise ParameterError(part, names, f"column names; {shown(name)} is none")
    if len(set(listed)) != len(listed):
        raise ParameterError(part, names, "a list in which no name appears twice")
    return listed
