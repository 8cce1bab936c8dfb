"""Datasets whose blocks hold whole series."""

from __future__ import annotations

import math
from typing import Any

import ray
from ray.data import Dataset

from ssmts.data import is_integer
from ssmts.errors import MissingColumnError, ParameterError
from ssmts.wording import Described, listed, shown

__all__ = ["grouped"]

_BLOCK_BYTES = 64 * 2**20


def grouped(dataset: Any, id_col: str, num_blocks: int | None) -> Dataset:
    """The dataset with all rows of a series in one block.

    Parameters
    ----------
    dataset : ray.data.Dataset
    id_col : str
    num_blocks : int or None
        0: the blocks as they are, which hold whole series already.

    Raises
    ------
    ParameterError
        If it is no dataset, or the number of blocks is none.
    MissingColumnError
        If there is no such column.
    """
    if not isinstance(dataset, Dataset):
        raise ParameterError("dataset", Described(type(dataset).__name__), "a ray.data.Dataset")
    if num_blocks is not None and not (is_integer(num_blocks) and num_blocks >= 0):
        raise ParameterError("num_blocks", num_blocks, "None or an integer >= 0")
    if id_col not in (names := dataset.columns() or []):
        raise MissingColumnError(
            f"{shown(id_col)} is not a column of the data: {listed(names)}. Correct id_col."
        )
    if num_blocks == 0:
        return dataset
    if num_blocks is None:
        bytes_ = dataset.size_bytes() or 0
        num_blocks = max(2 * int(ray.cluster_resources().get("CPU", 1)), math.ceil(bytes_ / _BLOCK_BYTES))
    return dataset.repartition(int(num_blocks), keys=[id_col])
