"""Our forecaster with its defaults, in a process of its own, on the tasks of a folder, as a peer has them.

``python -m benchmarks.panels.ours_worker MODEL FOLDER``: files are those of ``peer_worker.py``, but that the
frames go on to the end of the last future: one pass over them forecasts from all origins, each from what is
known there. Nothing is told but the horizon and the columns. One fit at the first origin serves all, but
where the task says so.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ssmts
from benchmarks.memory import peak_bytes
from benchmarks.panels.measures import LEVELS

_WIDTHS = (90, 80, 60, 40, 20)
_NONE = 1  # percent: the lower end of so narrow an interval is all but the median


def main(model: str, folder: Path) -> None:
    """Fit and forecast every task."""
    for number, task in enumerate(json.loads((folder / "tasks.json").read_text())):
        frame = pd.read_parquet(folder / f"{number}.parquet")
        began, cpu_began = time.perf_counter(), time.process_time()
        told: dict[str, Any] = {"step": 1}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                arrays, told["fit_cpu_s"] = run(model, frame, task)
            np.savez(folder / f"{number}.npz", **arrays)
        except Exception as error:  # one set that fails leaves the others; the page says how
            told = {"skipped": f"{type(error).__name__}: {error}"[:200]}
        told["seconds"] = round(time.perf_counter() - began, 2)
        told["cpu_s"] = round(time.process_time() - cpu_began, 2)
        told["peak_mb"] = round(peak_bytes() / 2**20)
        (folder / f"{number}.json").write_text(json.dumps(told))
        print(f"{model} {task['name']}: {told}", flush=True)


def run(model: str, frame: pd.DataFrame, task: dict[str, Any]) -> tuple[dict[str, np.ndarray], float]:
    """Forecasts of all units, and the processor seconds of the fits."""
    n_series, windows, horizon = frame["unique_id"].nunique(), task["n_windows"], task["horizon"]
    from_end = frame.groupby("unique_id", sort=False).cumcount(ascending=False)
    estimator, fit_cpu_s = getattr(ssmts, model)(horizon=horizon), 0.0
    told = []
    for window in range(windows if task["refitted"] else 1):
        judged = horizon + (windows - 1 - window) * task["stride"]
        began = time.process_time()
        estimator.fit(frame[from_end >= judged])
        fit_cpu_s += time.process_time() - began
        if task["refitted"] or windows == 1:
            point = estimator.predict()[["y"]].to_numpy()
            columns = [f"y-q-{level:g}" for level in LEVELS]
            quantiles = estimator.predict_quantiles(quantiles=list(LEVELS))[columns].to_numpy()
            told.append(np.hstack([point, quantiles]).reshape(n_series, 1, horizon, -1))
        else:
            told.append(_from_all_origins(estimator, frame[from_end < judged], task, n_series))
    found = np.concatenate(told, axis=1)
    units = np.indices(found.shape[:2]).reshape(2, -1).T
    found = found.reshape(len(units), horizon, -1).astype(np.float32)
    arrays = {"units": units, "point": found[..., 0], "quantiles": found[..., 1:], "failed": np.empty((0, 2))}
    return arrays, round(fit_cpu_s, 2)


def _from_all_origins(estimator: Any, rest: pd.DataFrame, task: dict[str, Any], n_series: int) -> np.ndarray:
    """Point and quantiles, shape (n_series, n_windows, horizon, 1 + n_levels)."""
    table = estimator.backtest(rest, stride=task["stride"], level=[*_WIDTHS, _NONE])
    columns = [
        "forecast",
        *(f"lo-{width}" for width in _WIDTHS),
        f"lo-{_NONE}",
        *(f"hi-{width}" for width in reversed(_WIDTHS)),
    ]
    order = rest["unique_id"].drop_duplicates().reset_index(drop=True)
    table["unique_id"] = pd.Categorical(table["unique_id"], order)
    table = table.sort_values(["unique_id", "cutoff", "ds"], kind="stable")
    return table[columns].to_numpy().reshape(n_series, task["n_windows"], task["horizon"], -1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
