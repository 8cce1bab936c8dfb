"""Frames with a channel column (one observation a row) to rows of channels, and back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._convert import RowNamer, is_number, read_ids
from ssmts.data._roles import as_names
from ssmts.data._table import Table, is_name
from ssmts.data.series import Layout, Times
from ssmts.errors import ColumnError, DuplicateTimeError, EmptyDataError, UnknownColumnError
from ssmts.wording import listed, shown

__all__ = ["ChannelRows", "label_column", "melted", "read_channels", "value_column"]


def value_column(table: Table, channel_col: Hashable, taken: Sequence[Any], target_cols: Any) -> Hashable:
    """Name of the column of values: `target_cols`, or the only remaining column."""
    table.require(channel_col, "channel_col")
    if channel_col in taken:
        raise ColumnError(f"channel_col={shown(channel_col)} is taken as id or time. Name another column.")
    if channel_col not in table.names:
        raise ColumnError(
            f"channel_col={shown(channel_col)} is a level of the index. Use reset_index() on X."
        )
    if target_cols is not None:
        rest = as_names(target_cols, "target_cols")
    else:
        rest = [name for name in table.names if name not in taken and name != channel_col]
    if len(rest) == 1:
        name: Hashable = rest[0]
        return name
    if not rest:
        raise EmptyDataError(
            f"X has no column of values beside ids, times and {shown(channel_col)}. Add one."
        )
    raise ColumnError(
        f"With channel_col={shown(channel_col)} a row holds one value, but {listed(rest)} are all left as "
        "values. Name the one column with target_cols."
    )


class ChannelRows:
    """Codes of the channel column, and the names of the channels in the order of fit."""

    def __init__(self, codes: NDArray[np.intp], names: tuple[Hashable, ...], column: Hashable) -> None:
        self.codes, self.names, self.column = codes, names, column

    def spread(
        self,
        times: Times,
        values: NDArray[np.float64],
        groups: NDArray[np.intp] | None,
        ids: Sequence[Any],
        layout: Layout,
        at: RowNamer,
        *,
        mean_of_repeats: bool = False,
    ) -> tuple[Times, NDArray[np.float64], NDArray[np.intp] | None]:
        """One row for each instant of each series; NaN for channels without an observation.

        Raises
        ------
        DuplicateTimeError
            If a channel of a series has two rows of the same time, unless their mean is asked for.
        """
        series = np.zeros(len(times), dtype=np.intp) if groups is None else groups
        order = np.lexsort((self.codes, times, series))
        times, series, codes = times[order], series[order], self.codes[order]
        same = (times[1:] == times[:-1]) & (series[1:] == series[:-1])
        twice = same & (codes[1:] == codes[:-1])
        if twice.any() and not mean_of_repeats:
            k = int(twice.argmax())
            who = "" if groups is None else f"{layout.id_col} {shown(ids[series[k]])}, "
            raise DuplicateTimeError(
                f"Two rows of {who}{self.column} {shown(self.names[codes[k]])} have the time "
                f"{layout.show_instant(times[k])}: {at(int(order[k]))} and {at(int(order[k + 1]))}. Keep "
                "one, e.g. with drop_duplicates, or average them with groupby."
            )
        row = np.concatenate([[0], np.cumsum(~same)])
        first = np.concatenate([[True], ~same])
        out = np.full((int(row[-1]) + 1, len(self.names)), np.nan)
        observed = values[order, 0]
        if twice.any():
            there = ~np.isnan(observed)
            row_of, code_of, observed = row[there], codes[there], observed[there]
            cell = row_of * len(self.names) + code_of
            _, cells, counts = np.unique(cell, return_inverse=True, return_counts=True)
            observed = (np.bincount(cells, weights=observed) / counts)[cells]
            out[row_of, code_of] = observed
        else:
            out[row, codes] = observed
        return times[first], out, None if groups is None else series[first]


def read_channels(table: Table, channel_col: Hashable, expected: Layout | None) -> ChannelRows:
    """Read the channel column.

    Raises
    ------
    UnknownColumnError
        If it names a channel that fit did not see.
    ColumnError
        If a name is neither text nor an integer.
    """
    codes, names = read_ids(table.column(channel_col), channel_col, table.at)
    names = [int(name) if is_number(name) and float(name).is_integer() else name for name in names]
    for code, name in enumerate(names):
        if not is_name(name):
            row = int((codes == code).argmax())
            raise ColumnError(
                f"Column {shown(channel_col)}: {table.at(row)} names the channel {shown(name)}, which is "
                "neither text nor an integer. Convert it, e.g. with astype(str)."
            )
    if expected is None:
        ordered = tuple(sorted(names, key=str))  # whatever the order of the rows
    else:
        ordered = expected.channels
        for code, name in enumerate(names):
            if name not in ordered:
                row = int((codes == code).argmax())
                raise UnknownColumnError(
                    f"Column {shown(channel_col)}: {table.at(row)} is of channel {shown(name)}, which fit "
                    f"did not see ({listed(ordered)}). Leave it out, or fit with it."
                )
    place = np.array([ordered.index(name) for name in names], dtype=np.intp)
    return ChannelRows(place[codes], ordered, channel_col)


def melted(
    layout: Layout,
    ids: Sequence[Hashable | None],
    times: Sequence[Times],
    values: Sequence[NDArray[np.float64]],
) -> tuple[list[Hashable | None], list[Hashable], list[Times], list[NDArray[np.float64]]]:
    """One block for each channel of each series, without NaN rows.

    Returns
    -------
    ids, channels : list
        Of every block.
    times : list of ndarray, each (n_instants,)
    values : list of ndarray, each (n_instants, 1) or (n_instants, 1, n_suffixes)
    """
    blocks: list[tuple[Hashable | None, Hashable, Times, NDArray[np.float64]]] = []
    for id_, instants, block in zip(ids, times, values, strict=True):
        for number, name in enumerate(layout.channels):
            own = block[:, number : number + 1]
            there = ~np.isnan(own.reshape(len(own), -1)).any(axis=1)
            if there.any():
                blocks.append((id_, name, instants[there], own[there]))
    one, two, three, four = map(list, zip(*blocks))
    return one, two, three, four


def label_column(layout: Layout, names: Sequence[Hashable], rows: list[int]) -> Any:
    """One channel name for each row, in the dtype of the input."""
    which = np.repeat(np.arange(len(names)), rows)
    categories = layout.channel_categories
    dtype: Any
    if layout.kind == "polars":
        import polars as pl

        dtype = pl.Enum(list[Any](categories)) if categories else getattr(pl, str(layout.channel_dtype))
        return pl.Series(list(names)).cast(dtype).gather(which)
    dtype = (
        layout.channel_dtype
        if categories is None
        else pd.CategoricalDtype(list(categories), layout.channel_ordered)
    )
    return pd.Series(list[Any](names)).astype(dtype).iloc[which].reset_index(drop=True)
