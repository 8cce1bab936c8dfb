"""Parquet data sets that do not fit in memory, as frames of whole series."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from ssmts.errors import MissingColumnError, MissingIdError, ParameterError
from ssmts.progress import advance
from ssmts.wording import listed, shown

__all__ = ["BATCH", "parquet_tables", "read_row_groups", "whole_series"]

_ROWS = 1_000_000
BATCH = 131_072  # rows that are read at a time


def read_row_groups(
    path: str | os.PathLike[str],
    id_col: str,
    *,
    columns: Sequence[str] | None = None,
    n_rows: int = _ROWS,
) -> Iterator[pd.DataFrame]:
    """Read a long parquet file or folder in pieces of whole series.

    Parameters
    ----------
    path : path-like
        Files of a folder are read in the order of their names. Rows of a series must be contiguous.
    id_col : str
    columns : list of str, optional
        All by default.
    n_rows : int, default=1_000_000
        Approximate rows of a frame; the last series may exceed them.

    Yields
    ------
    pandas.DataFrame
        About two of them are in memory at a time.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ParameterError
        If `n_rows` is no positive number.
    MissingColumnError
        If there is no column `id_col`.
    MissingIdError
        If a row has no id.
    """
    for table in whole_series(parquet_tables(path, columns, n_rows), id_col, n_rows):
        yield table.to_pandas()


def parquet_tables(
    path: str | os.PathLike[str], columns: Sequence[str] | None = None, n_rows: int = _ROWS
) -> Iterator[Any]:
    """Arrow tables of some rows of a parquet file or folder, in order; see :func:`read_row_groups`."""
    try:
        import pyarrow as pa
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError('reading parquet needs pyarrow: pip install "ssmts[polars]"') from error
    found: Any = dataset.dataset(path, format="parquet")
    n_read, total = 0, found.count_rows()  # from the files' metadata
    # Few batches ahead: the defaults hold hundreds of megabytes.
    for batch in found.to_batches(
        columns=None if columns is None else list(columns),
        batch_size=min(n_rows, BATCH),
        batch_readahead=1,
        fragment_readahead=1,
    ):
        yield pa.Table.from_batches([batch])
        n_read += len(batch)
        advance(n_read / max(total, 1))


def whole_series(tables: Iterable[Any], id_col: str, n_rows: int = _ROWS) -> Iterator[Any]:
    """Regroup Arrow tables with contiguous series into tables of whole series.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
    id_col : str
    n_rows : int, default=1_000_000

    Yields
    ------
    pyarrow.Table
        Of about `n_rows` rows.

    Raises
    ------
    ParameterError
        If `n_rows` is no positive number.
    MissingColumnError
        If there is no such column.
    MissingIdError
        If a row has no id.
    """
    import pyarrow as pa

    if n_rows < 1:
        raise ParameterError("n_rows", n_rows, "at least 1")
    held: list[Any] = []
    for table in tables:
        if id_col not in table.column_names:
            raise MissingColumnError(
                f"{shown(id_col)} is not a column of the data: {listed(table.column_names)}. Correct id_col."
            )
        if not table.num_rows:
            continue
        if table.column(id_col).null_count:
            raise MissingIdError(f"A row has no {shown(id_col)}. Fill it in, or leave the row out.")
        held.append(table)
        if sum(part.num_rows for part in held) <= n_rows:
            continue
        rows = pa.concat_tables(held)
        ids = rows.column(id_col).to_pandas()
        begin = int((ids != ids.iloc[-1]).to_numpy().nonzero()[0].max(initial=-1)) + 1
        held = [rows.slice(begin)]
        if begin:
            yield rows.slice(0, begin)
    if held:
        yield pa.concat_tables(held)
