"""Parquet data sets that do not fit in memory, as frames of whole series."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ssmts.errors import MissingIdError, ParameterError

__all__ = ["read_row_groups"]

_ROWS = 1_000_000


def read_row_groups(
    path: str | os.PathLike[str],
    id_col: str,
    *,
    columns: Sequence[str] | None = None,
    n_rows: int = _ROWS,
) -> Iterator[pd.DataFrame]:
    """Read a long parquet file or folder piece by piece, no series cut in two.

    Parameters
    ----------
    path : path-like
        Files of a folder are read in the order of their names. The rows of a series lie together.
    id_col : str
    columns : list of str, optional
        All by default.
    n_rows : int, default=1_000_000
        A frame has about so many rows: whole series, the last of which may reach beyond.

    Yields
    ------
    pandas.DataFrame
        What lies in memory is about two of them.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ParameterError
        If `n_rows` is no positive number.
    MissingIdError
        If a row has no id.
    """
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError('read_row_groups() needs pyarrow: pip install "ssmts[polars]"') from error
    if n_rows < 1:
        raise ParameterError("n_rows", n_rows, "at least 1")
    found: Any = dataset.dataset(path, format="parquet")
    held: list[pd.DataFrame] = []
    # Few batches ahead: the defaults hold hundreds of megabytes.
    for batch in found.to_batches(
        columns=None if columns is None else list(columns),
        batch_size=min(n_rows, 131_072),
        batch_readahead=1,
        fragment_readahead=1,
    ):
        if not batch.num_rows:
            continue
        frame = batch.to_pandas()
        if frame[id_col].isna().any():
            raise MissingIdError(f"A row of {path} has no {id_col!r}. Fill it in, or leave the row out.")
        held.append(frame)
        if sum(map(len, held)) <= n_rows:
            continue
        rows = pd.concat(held, ignore_index=True)
        ids = rows[id_col]
        begin = int((ids != ids.iloc[-1]).to_numpy().nonzero()[0].max(initial=-1)) + 1
        held = [rows.iloc[begin:]]
        if begin:
            yield rows.iloc[:begin]
    if held:
        yield pd.concat(held, ignore_index=True)
