"""One interface to pandas and polars frames: names, columns as narwhals series, labels of rows."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

import narwhals as nw
import pandas as pd

from ssmts.errors import ColumnError, DuplicateColumnError, EmptyDataError, InputTypeError, MissingColumnError
from ssmts.wording import listed, shown


def is_name(name: object) -> bool:
    """Whether a value may name a column: text that can be encoded or an integer, which survive JSON."""
    if isinstance(name, str):
        return is_text(name)
    return isinstance(name, int) and not isinstance(name, bool)


def is_text(text: str) -> bool:
    """Whether text can be encoded: lone surrogates cannot, which no file and no Arrow column holds."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_hashable(item: object) -> bool:
    """Whether an item can be looked up; a tuple may hold parts that cannot."""
    try:
        hash(item)
    except TypeError:
        return False
    return True


def collected(frame: Any) -> Any:
    """The frame of a lazy query; anything else as it is.

    Raises
    ------
    InputTypeError
        If polars cannot run the query.
    """
    if not nw.dependencies.is_polars_lazyframe(frame):
        return frame
    import polars as pl

    try:
        return frame.collect()
    except pl.exceptions.PolarsError as error:
        why = str(error).partition("\n")[0]
        raise InputTypeError(
            f"X is a lazy frame that cannot be collected: {type(error).__name__}: {why}. Correct the query."
        ) from error


def is_temporal(column: nw.Series[Any]) -> bool:
    """Whether a column holds dates, datetimes or periods.

    narwhals does not know pandas datetimes in zones such as America/Sao_Paulo or UTC+05:30, hence ``kind``.
    """
    native = column.to_native().dtype
    return (
        getattr(native, "kind", None) == "M"
        or isinstance(native, pd.PeriodDtype)
        or isinstance(column.dtype, nw.Datetime | nw.Date)
    )


def require_unique(frame: pd.DataFrame, remedy: str) -> None:
    """Raise `DuplicateColumnError` if two columns share a name, `ColumnError` if one cannot be looked up."""
    for name in frame.columns:
        if not is_hashable(name):
            raise ColumnError(f"Column name {shown(name)} is not a string or an integer. Rename it.")
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DuplicateColumnError(f"Column {shown(twice)} appears more than once. {remedy}")


class Table:
    """A frame with columns and index levels by name.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame or polars.LazyFrame
        The input, never modified; a lazy frame is collected.
    """

    kind: Literal["pandas", "polars"]
    native: Any
    index: Any

    def __init__(self, frame: Any) -> None:
        if isinstance(frame, pd.DataFrame):
            self.kind, self.native, self.index = "pandas", frame, frame.index
            require_unique(frame, "Rename one or leave it out.")
        elif nw.dependencies.is_polars_dataframe(frame) or nw.dependencies.is_polars_lazyframe(frame):
            self.kind, self.index, self.native = "polars", None, collected(frame)
        else:
            raise InputTypeError(
                f"X is a {type(frame).__module__}.{type(frame).__qualname__}: give a pandas or polars frame, "
                "or a numeric array of shape (length,), (length, n_channels) or (n_series, length, "
                "n_channels)."
            )
        self._frame = nw.from_native(self.native, eager_only=True)
        self.names: list[Any] = list(self.native.columns)
        for name in self.names:
            if not is_name(name):
                raise ColumnError(
                    f"Column name {shown(name)} is not a string or an integer. Rename it, e.g. to "
                    f"{str(name).encode(errors='replace').decode()!r}."
                )
        self.levels: list[Any] = [] if self.index is None else list(self.index.names)
        for name in self.levels:
            if isinstance(name, str) and not is_text(name):
                raise ColumnError(
                    f"The index has the name {shown(name)}, text that cannot be encoded. Rename it."
                )
        self.n_rows = len(self.native)
        if self.n_rows == 0:
            raise EmptyDataError(
                f"X is empty: Found array with 0 sample(s) (shape=(0, {len(self.names)})) while a minimum of "
                "1 is required. Check the filter that made it."
            )

    def has(self, name: Hashable) -> bool:
        """Whether `name` is a column or a named index level."""
        return name is not None and (name in self.names or name in self.levels)

    def require(self, name: Hashable, part: str) -> None:
        """Raise if `name`, given by the parameter `part`, is neither a column nor an index level."""
        if not self.has(name):
            named = [level for level in self.levels if level is not None]
            index = f", index: {listed(named)}" if named else ""
            raise MissingColumnError(
                f"{part}={shown(name)} is not a column of X (columns: {listed(self.names)}{index}). "
                f"Correct {part}, or name the index with rename_axis({shown(name)}) if the column is "
                "meant to be there."
            )

    def column(self, name: Hashable) -> nw.Series[Any]:
        """A column, or a level of the index (None: the only level, which has no name)."""
        if name is not None and name in self.names:
            column: nw.Series[Any] = self._frame.get_column(name)
            return column
        return self.level(self.levels.index(name))

    def level(self, number: int) -> nw.Series[Any]:
        """A level of the pandas index."""
        return nw.from_native(pd.Series(self.index.get_level_values(number)), series_only=True)

    def temporal_columns(self) -> list[Any]:
        """Names of the columns that hold dates or datetimes."""
        return [name for name in self.names if is_temporal(self.column(name))]

    def at(self, row: int) -> str:
        """Position and label of a row, for a message."""
        return f"row {row}" if self.index is None else f"row {row} (index label {self.index[row]!s})"
