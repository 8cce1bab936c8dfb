"""Scoring more than fits in memory, on one machine: parquet or a lazy frame in, a parquet file out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from ssmts.data.row_groups import BATCH, parquet_tables, whole_series
from ssmts.errors import EmptyDataError, InstantError, ParameterError
from ssmts.integrations._scoring import ERROR, Scorer
from ssmts.progress import reporting, tracked
from ssmts.training.atomic import replacing
from ssmts.wording import Described, shown

__all__ = ["Scored", "predict"]


@dataclass(frozen=True)
class Scored:
    """What was written.

    Parameters
    ----------
    n_series, n_rows, n_failed : int
        Series read, rows written, series without an answer.
    """

    n_series: int
    n_rows: int
    n_failed: int


def predict(
    model: Any,
    source: Any,
    path: str | os.PathLike[str],
    *,
    horizon: Any = None,
    step: Any = None,
    at: Any = None,
    level: Any = None,
    errors: str = "raise",
    n_rows: int = 1_000_000,
    verbose: Any = "auto",
) -> Scored:
    """Answer for every series of a data set of any size, about `n_rows` rows at a time.

    Parameters
    ----------
    model : forecaster, classifier or regressor
        Fitted on a long frame.
    source : path-like or polars.LazyFrame
        A long parquet file or a folder of them, read in the order of their names; or a query, which is
        streamed. The rows of a series lie together, also across row groups and files: sort by id if not.
    path : path-like
        Parquet file of answers, in the order of the series: ids, times and what `predict` gives. For classes
        ``prediction`` and ``probability-<class>``. It is written whole or not at all.
    horizon, step, at : optional
        Of a forecaster, as for its `predict`.
    level : float or list, optional
        Intervals instead of the forecast, as for `predict_interval`.
    errors : {"raise", "record"}, default="raise"
        What becomes of a series without an answer (infinite values, too short, two rows of one time):
        "record" gives it one row, whose column ``error`` says why; the column is null for the others.
    n_rows : int, default=1_000_000
        Rows of whole series that are in memory at a time; a longer series is taken whole.
    verbose : bool, int or "auto", default="auto"
        Progress on stderr, with the time left where `source` is a path: ``"auto"`` shows it after two seconds
        on a terminal or in a notebook, True at once and anywhere, False never.

    Returns
    -------
    Scored
        How many series, rows and failures.

    Raises
    ------
    ssmts.errors.SSMTSError
        As `predict` does; it names the series. There is no file then.
    InstantError
        If the rows of a series do not lie together.
    """
    scorer = Scorer.of(model, errors, horizon=horizon, step=step, at=at, level=level)
    seen, n_failed = set[Any](), 0
    with (
        reporting("predict", verbose),
        replacing(path) as beside,
        closing(_Answers(beside)) as written,
    ):
        for table in tracked(whole_series(_tables(source, n_rows), scorer.id_col, n_rows), "piece"):
            ids = set(table.column(scorer.id_col).unique().to_pylist())
            if twice := seen & ids:
                raise InstantError(
                    f"The rows of series {shown(next(iter(twice)))} do not lie together. Sort the data by "
                    f"{scorer.id_col!r}."
                )
            seen |= ids
            answers = scorer(table)
            if ERROR in answers.column_names:
                n_failed += len(answers) - answers.column(ERROR).null_count
            written.add(answers)
        if not seen:
            raise EmptyDataError("The data has no rows. Check the path or the query.")
    return Scored(len(seen), written.n_rows, n_failed)


def _tables(source: Any, n_rows: int) -> Iterator[pa.Table]:
    """Arrow tables of some rows of a parquet data set or a query, in order."""
    if nw.dependencies.is_polars_lazyframe(source):
        for batch in source.collect_batches(chunk_size=min(n_rows, BATCH), maintain_order=True):
            yield batch.to_arrow()
    elif isinstance(source, str | os.PathLike):
        yield from parquet_tables(source, n_rows=n_rows)
    else:
        raise ParameterError(
            "source", Described(type(source).__name__), "the path of parquet files, or a polars LazyFrame"
        )


class _Answers:
    """A parquet file that takes its columns from the first piece.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path, self.n_rows = path, 0
        self.writer: ParquetWriter | None = None

    def add(self, answers: pa.Table) -> None:
        """Write a piece."""
        if self.writer is None:
            self.writer = ParquetWriter(self.path, answers.schema)
        self.writer.write_table(answers.cast(self.writer.schema))
        self.n_rows += len(answers)

    def close(self) -> None:
        """Write the end of the file."""
        if self.writer is not None:
            self.writer.close()
