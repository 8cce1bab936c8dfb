"""One measurement of `benchmarks.scale.throughput` in a process of its own, with memory nothing else touched.

Called as ``python -m benchmarks.scale.throughput_worker JSON``, where JSON is ``{"task": "fit", "workers":
1, "folder": ..., "n_files": ...}``; prints seconds, processor seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.memory import peak_bytes
from ssmts import LinearSSMForecaster
from ssmts.data import read_row_groups

ID, HORIZON, CONTEXT = "unique_id", 24, 168
_ROWS = 250_000  # in memory at a time


def main(text: str) -> None:
    """Measure, print."""
    given = json.loads(text)
    folder = Path(given["folder"])
    model = LinearSSMForecaster(horizon=HORIZON, context_length=CONTEXT)
    model.fit(pd.read_parquet(given["sample"]))
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        run = TASKS[given["task"]](model, folder, Path(out) / "answers", given["workers"], given["n_files"])
        begun, used = time.perf_counter(), cpu_seconds()
        run()
        seconds, used = time.perf_counter() - begun, cpu_seconds() - used
    print(json.dumps({"seconds": seconds, "cpu_seconds": used, "peak_gib": peak_bytes() / 2**30}))


def cpu_seconds() -> float:
    """Processor time of this process and of all that it started, those included that have ended."""
    times, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        number = int(path.parent.name)
        parents[number], times[number] = int(fields[1]), sum(map(int, fields[11:15]))
    total = 0
    for number, ticks in times.items():
        above = number
        while above not in (0, os.getpid()):
            above = parents.get(above, 0)
        total += ticks if above else 0
    return total / os.sysconf("SC_CLK_TCK")


def fit(model: Any, folder: Path, out: Path, workers: int, n_files: int) -> Callable[[], Any]:
    """Coefficients from all rows."""
    return lambda: model.fit_shards(read_row_groups(folder, ID, n_rows=_ROWS), n_jobs=workers)


def score(model: Any, folder: Path, out: Path, workers: int, n_files: int) -> Callable[[], Any]:
    """Forecasts of all series, in a file."""
    from ssmts.integrations.parquet import predict

    return lambda: predict(model, folder, out, n_rows=_ROWS)


def ray_fit(model: Any, folder: Path, out: Path, workers: int, n_files: int) -> Callable[[], Any]:
    """Coefficients from all rows, on a cluster of this machine; its start is not counted."""
    dataset, fit_shards, _ = _cluster(folder, workers, n_files)
    return lambda: fit_shards(model, dataset, num_blocks=0)


def ray_score(model: Any, folder: Path, out: Path, workers: int, n_files: int) -> Callable[[], Any]:
    """Forecasts of all series, in files, on a cluster of this machine."""
    dataset, _, predict = _cluster(folder, workers, n_files)
    return lambda: predict(model, dataset, num_blocks=0).write_parquet(str(out))


def _cluster(folder: Path, workers: int, n_files: int) -> tuple[Any, Any, Any]:
    import ray

    from ssmts.integrations.ray import fit_shards, predict

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray.data.read_parquet(str(folder), override_num_blocks=n_files), fit_shards, predict


TASKS = {"fit": fit, "score": score, "ray fit": ray_fit, "ray score": ray_score}


if __name__ == "__main__":
    main(sys.argv[1])
