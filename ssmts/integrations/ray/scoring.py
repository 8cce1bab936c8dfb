"""Answers for the series of a Ray dataset."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
import ray
import torch
from ray.data import TaskPoolStrategy

from ssmts.integrations._scoring import Scorer
from ssmts.integrations.ray._series import grouped

__all__ = ["predict"]


def predict(
    model: Any,
    dataset: Any,
    *,
    horizon: Any = None,
    step: Any = None,
    at: Any = None,
    level: Any = None,
    errors: str = "raise",
    num_blocks: int | None = None,
    concurrency: int | None = None,
    num_cpus: float = 1.0,
) -> ray.data.Dataset:
    """Answer for every series of a Ray dataset, on all machines of the cluster.

    A worker process holds the model, which it fetches once, and one block at a time: all series of a block
    are answered in one call of `predict`.

    Parameters
    ----------
    model : forecaster, classifier or regressor
        Fitted on a long frame.
    dataset : ray.data.Dataset
        Long: a row for each series and instant, in any order.
    horizon, step, at : optional
        Of a forecaster, as for its `predict`.
    level : float or list, optional
        Intervals instead of the forecast, as for `predict_interval`.
    errors : {"raise", "record"}, default="raise"
        What becomes of a series without an answer (infinite values, too short, two rows of one time):
        "record" gives it one row, whose column ``error`` says why; the column is null for the others.
    num_blocks : int, optional
        How many blocks the series are dealt to by their ids: 64 MiB each by default, and two for each CPU.
        0 where every block holds whole series already, as one file of whole series each makes them
        (``ray.data.read_parquet(..., override_num_blocks=n_files)``): then nothing is moved between machines.
    concurrency : int, optional
        Most blocks that are worked on at a time; by default as many as there are CPUs to be had.
    num_cpus : float, default=1.0
        CPUs of a worker, and its threads.

    Returns
    -------
    ray.data.Dataset
        Ids, times and what `predict` gives, computed when it is asked for; for classes ``prediction`` and
        ``probability-<class>``.

    Raises
    ------
    ssmts.errors.SSMTSError
        If a parameter is wrong. What is wrong with a series is raised where the answers are read, inside an
        error of Ray, and names the series.

    Examples
    --------
    >>> import ray
    >>> from ssmts.integrations.ray import predict
    >>> answers = predict(model, ray.data.read_parquet("panel/"))  # doctest: +SKIP
    >>> answers.write_parquet("forecasts/")  # doctest: +SKIP
    """
    scorer = Scorer.of(model, errors, horizon=horizon, step=step, at=at, level=level)
    # Tasks, not actors: actors hold their CPUs while they wait for the shuffle, which then gets none.
    return grouped(dataset, scorer.id_col, num_blocks).map_batches(
        _answer,
        fn_args=([ray.put(scorer)], max(1, int(num_cpus))),
        batch_size=None,
        batch_format="pyarrow",
        compute=TaskPoolStrategy(concurrency),
        num_cpus=num_cpus,
    )


def _answer(block: pa.Table, scorer: list[Any], n_threads: int) -> pa.Table:
    """Answers of a block; the scorer comes in a list, or Ray would fetch it anew for each."""
    return _fetched(scorer[0], n_threads)(block) if block.num_rows else block


@lru_cache(maxsize=1)
def _fetched(scorer: Any, n_threads: int) -> Scorer:
    """The scorer, once in the life of a process unless another comes between."""
    torch.set_num_threads(n_threads)
    own: Scorer = ray.get(scorer)
    return own
