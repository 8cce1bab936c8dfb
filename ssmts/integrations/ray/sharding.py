"""The linear branch of a forecaster from all blocks of a Ray dataset."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import ray

from ssmts.estimators import SSMForecaster
from ssmts.integrations.ray._series import grouped

__all__ = ["fit_shards"]

Forecaster = TypeVar("Forecaster", bound=SSMForecaster)


def fit_shards(model: Forecaster, dataset: Any, *, num_blocks: int | None = None) -> Forecaster:
    """Solve the linear branch anew from all series of a Ray dataset: `model.fit_shards` on a cluster.

    Every block becomes a sum of a few hundred kilobytes where it lies; the weights are to rounding those of
    all series in one process.

    Parameters
    ----------
    model : forecaster
        Fitted on a sample, as for its own `fit_shards`; it is changed.
    dataset : ray.data.Dataset
        Long: a row for each series and instant.
    num_blocks : int, optional
        As for :func:`predict`: 0 where every block holds whole series already.

    Returns
    -------
    model

    Raises
    ------
    ssmts.errors.SSMTSError
        As `model.fit_shards` does; faults of the data come inside an error of Ray.
    """
    sums = model._shard_sums()
    blocks = grouped(dataset, str(sums.fitted.layout.id_col), num_blocks)
    found = blocks.map_batches(_add_up, fn_args=([ray.put(sums)],), batch_size=None, batch_format="pyarrow")
    return model._solve_shards(_unpacked(found))


def _add_up(block: pa.Table, sums: list[Any]) -> pa.Table:
    """One row: the ids of a block and its sums."""
    own: Callable[[pd.DataFrame], tuple[Any, Any]] = ray.get(sums[0])
    found = [pickle.dumps(own(block.to_pandas()))] if block.num_rows else []
    return pa.table({"sums": pa.array(found, pa.binary())})


def _unpacked(found: Any) -> Iterator[tuple[tuple[Hashable | None, ...], Any]]:
    for batch in found.iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in batch.column("sums"):
            yield pickle.loads(row.as_py())
