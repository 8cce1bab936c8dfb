"""One peer, in an environment of its own, on the tasks of a folder. No ssmts here.

``python peer_worker.py MODEL FOLDER``: `tasks.json` lists name, horizon, season, rate, n_windows, stride and
seconds of every task, `<number>.parquet` has unique_id, ds, y up to the last origin. For each task
`<number>.npz` gets units (n_units, 2: series, window), point (n_units, horizon), quantiles (n_units, horizon,
n_levels; empty for peers without) and failed (n_failed, 2), units that the peer has no forecast of.
`<number>.json` gets step, cpu_s, seconds, peak_mb, or the reason why there is nothing (`skipped`).

Every 64th window (or series, where there is one window) is forecast first, then every 32nd, and so on, as
long as the next half is expected to end within the time; a half that was not finished is not written.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peer_models import LEVELS, MODELS

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.memory import peak_bytes

_FEWEST, _FEWEST_UNITS = 4, 8  # windows or series, and both multiplied, of the coarsest step
_PATIENCE = 2.5  # times the allowed seconds: then a half that is under way is given up
_GRACE = 60.0  # processor seconds a process has beyond those, to import, to compile, for one slow fit


def main(model: str, folder: Path) -> None:
    """Run one peer on all tasks."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    tasks = json.loads((folder / "tasks.json").read_text())
    most = int(sum(_PATIENCE * task["seconds"] for task in tasks) + _GRACE)
    resource.setrlimit(
        resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY)
    )  # a fit cannot be stopped otherwise
    for number, task in enumerate(tasks):
        frame = pd.read_parquet(folder / f"{number}.parquet")
        began, cpu_began = time.perf_counter(), time.process_time()
        try:
            arrays, told = run(model, frame, task)
            np.savez(folder / f"{number}.npz", **arrays)
        except Exception as error:  # a peer may fail in any way: the table says how
            told = {"skipped": f"{type(error).__name__}: {error}"[:200]}
        told["seconds"] = round(time.perf_counter() - began, 2)
        told["cpu_s"] = round(time.process_time() - cpu_began, 2)
        told["peak_mb"] = round(peak_bytes() / 2**20)
        (folder / f"{number}.json").write_text(json.dumps(told))
        print(f"{model} {task['name']}: {told}", flush=True)


def run(
    model: str, frame: pd.DataFrame, task: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Forecasts of as many units as the time allows, and the step between them."""
    began = time.process_time()
    series = [y.to_numpy(dtype=np.float64) for _, y in frame.groupby("unique_id", sort=False)["y"]]
    peer = MODELS[model](frame, task)
    windows, by_window = task["n_windows"], task["n_windows"] > 1
    n = windows if by_window else len(series)
    step = 1 if peer.at_once and not by_window else coarsest(n, len(series) if by_window else 1)
    found: dict[tuple[int, int], Any] = {}
    done, reason = 0, ""
    while step:
        indexes = [i for i in range(0, n, step) if not done or i % done]
        units = [
            (s, i) if by_window else (i, 0) for i in indexes for s in range(len(series) if by_window else 1)
        ]
        half: dict[tuple[int, int], Any] = {}
        half_began = time.process_time()
        for unit in units:
            if time.process_time() - began > _PATIENCE * task["seconds"]:
                break
            past = series[unit[0]]
            past = past[: len(past) - (windows - 1 - unit[1]) * task["stride"]]
            try:
                half[unit] = peer.forecast(past, *unit)
            except Exception as error:
                half[unit], reason = None, f"{type(error).__name__}: {error}"
        if len(half) < len(units):
            break
        found |= half
        done = step
        now, n_next = time.process_time(), len(found)  # the next half has as many units as all before it
        expected = now - began + (now - half_began) * n_next / len(half)
        step = step // 2 if expected < task["seconds"] else 0
    if not done:
        raise TimeoutError(f"less than 1 in {step} forecast within {_PATIENCE * task['seconds']:.0f} s")
    forecasts = {unit: told for unit, told in found.items() if told is not None}
    if len(forecasts) < len(found) / 2:
        raise RuntimeError(f"{len(found) - len(forecasts)} of {len(found)} forecasts failed, e.g. {reason}")
    point, quantiles = (np.array(part, dtype=np.float32) for part in zip(*forecasts.values(), strict=True))
    arrays = {
        "units": np.array(list(forecasts)),
        "point": point,
        "quantiles": quantiles.reshape(len(point), task["horizon"], -1),
        "failed": np.array([unit for unit in found if unit not in forecasts]).reshape(-1, 2),
    }
    if arrays["quantiles"].shape[2] not in (0, len(LEVELS)):
        raise ValueError(f"quantiles of shape {quantiles.shape}")
    return arrays, {"step": done}


def coarsest(n: int, others: int) -> int:
    """The largest power of two that leaves enough of n."""
    step = 1
    while -(-n // (2 * step)) >= _FEWEST and -(-n // (2 * step)) * others >= _FEWEST_UNITS:
        step *= 2
    return step


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
