"""One model on the tasks of a set, in a process of its own, and its figures at every step that peers have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.panels.environments import PEERS, python_of
from benchmarks.panels.judging import judge_of, simple_forecasts
from benchmarks.panels.measures import Forecasts, Judge
from benchmarks.panels.panel import Task
from benchmarks.panels.simple import SIMPLE

__all__ = ["OURS", "Jury"]

OURS = ("LinearSSMForecaster",)
_STEPS = tuple(2**power for power in range(10))
_ROOT = Path(__file__).resolve().parents[2]


class Jury:
    """Judges of the tasks of a set, and what is run on them.

    Parameters
    ----------
    tasks : sequence of Task
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.naive: list[Forecasts] = []
        self.judges: list[Judge] = []
        for task in tasks:
            naive, _ = simple_forecasts(task, SIMPLE[0])
            self.naive.append(naive)
            self.judges.append(judge_of(task, naive))

    def simple(self, name: str) -> list[dict[str, Any]]:
        """A row for each task of one simple method."""
        rows = []
        for number, task in enumerate(self.tasks):
            forecasts, cpu_s = simple_forecasts(task, name)
            rows.append(self._row(number, name, "simple", forecasts, {"step": 1, "cpu_s": round(cpu_s, 2)}))
        return rows

    def run(self, name: str, seconds: float) -> list[dict[str, Any]]:
        """A row for each task of one of our models or of a peer.

        Parameters
        ----------
        name : str
            A key of `PEERS` or one of `OURS`.
        seconds : float
            Processor time of a peer a task.

        Returns
        -------
        list of dict
            Rows with `figures` by step, or with `skipped`, the reason why there are none.
        """
        ours = name in OURS
        with tempfile.TemporaryDirectory() as given:
            folder = Path(given)
            self._write(folder, seconds, whole=ours)
            failure = _call(name, folder)
            rows = []
            for number in range(len(self.tasks)):
                path = folder / f"{number}.json"
                told = json.loads(path.read_text()) if path.exists() else {"skipped": failure}
                forecasts = None if "skipped" in told else self._read(folder / f"{number}.npz", number, told)
                rows.append(self._row(number, name, "ssmts" if ours else PEERS[name], forecasts, told))
        return rows

    def _write(self, folder: Path, seconds: float, *, whole: bool) -> None:
        fields = ("name", "horizon", "season", "rate", "n_windows", "stride", "refitted")
        described = [{field: getattr(task, field) for field in fields} for task in self.tasks]
        (folder / "tasks.json").write_text(json.dumps([one | {"seconds": seconds} for one in described]))
        for number, task in enumerate(self.tasks):
            frame = task.frame if whole else task.known(task.n_windows - 1)
            frame.to_parquet(folder / f"{number}.parquet")

    def _read(self, path: Path, number: int, told: dict[str, Any]) -> Forecasts:
        """Forecasts of a worker; those that it has failed are the seasonal naive ones."""
        with np.load(path) as found:
            units, point, quantiles = found["units"], found["point"], found["quantiles"]
            failed = found["failed"].astype(np.int64)
        told["n_failed"] = len(failed)
        naive = self.naive[number]
        rows = failed[:, 0] * self.tasks[number].n_windows + failed[:, 1]
        return Forecasts(
            np.concatenate([units, failed]),
            np.concatenate([point, naive.point[rows]]),
            None if quantiles.shape[2] == 0 else np.concatenate([quantiles, naive.quantiles[rows]]),
        )

    def _row(
        self, number: int, name: str, library: str, forecasts: Forecasts | None, told: dict[str, Any]
    ) -> dict[str, Any]:
        task = self.tasks[number]
        shape = {"n_series": len(task.series), "n_windows": task.n_windows}
        row = {"panel": task.name, "model": name, "library": library, "horizon": task.horizon} | shape
        row |= {"season": task.season} | told
        if forecasts is None:
            return row
        index = forecasts.units[:, 1 if task.n_windows > 1 else 0]
        highest = task.n_windows if task.n_windows > 1 else len(task.series)
        figures = {
            str(step): _rounded(self.judges[number].figures(forecasts.where(index % step == 0)))
            for step in _STEPS
            if step % told["step"] == 0 and step < highest
        }
        return row | {"figures": figures}


def _call(name: str, folder: Path) -> str:
    """Run a worker; what went wrong, if it did."""
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    if name in OURS:
        command = [sys.executable, "-m", "benchmarks.panels.ours_worker", name, str(folder)]
    else:
        python = python_of(PEERS[name])
        if not python.exists():
            return f"{PEERS[name]} is not installed: python -m benchmarks.panels --install"
        environment = {key: value for key, value in environment.items() if key != "PYTHONPATH"}
        command = [str(python), str(Path(__file__).with_name("peer_worker.py")), name, str(folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=_ROOT, env=environment, check=False)
    if done.returncode == -signal.SIGXCPU:
        return "stopped within a fit: all its processor time was spent"
    return f"exit {done.returncode}: {done.stderr.strip()[-200:]}" if done.returncode else ""


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: float(f"{x:.5g}") if isinstance(x, float) else x for key, x in figures.items()}
