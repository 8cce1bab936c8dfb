"""Processes killed at random points of a deep fit and of a search, taken up again, and compared."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import TrialState

from ssmts import LinearSSMForecaster, S4DForecaster
from ssmts.integrations.optuna import tune
from ssmts.training.files import read_safetensors

__all__ = ["TASKS", "kill_and_resume", "whole_run"]

_MOST_STARTS = 50


def kill_and_resume(
    task: str, rng: np.random.Generator, expected: str, seconds: float
) -> tuple[int, str | None]:
    """Kill a task at a random time, and what takes it up again with even odds; compare with a whole run.

    Parameters
    ----------
    task : str
        Of `TASKS`.
    rng : Generator
    expected : str
        What :func:`whole_run` came to.
    seconds : float
        How long that took.

    Returns
    -------
    kills : int
        Processes that were killed.
    finding : str or None
        What went wrong.
    """
    kills = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(_MOST_STARTS):
            is_last = kills > 0 and rng.random() < 0.5
            code = _child(task, folder, None if is_last else float(rng.random()) * seconds)
            if code == 0:
                found = (folder / "result").read_text()
                return kills, None if found == expected else "the result differs from that of a whole run"
            if code != -signal.SIGKILL:
                return kills, (folder / "error").read_text() if (
                    folder / "error"
                ).exists() else f"exit {code}"
            kills += 1
    return kills, f"not done after {_MOST_STARTS} starts"


def whole_run(task: str) -> tuple[str, float]:
    """What a task comes to without being killed, and its seconds."""
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        if _child(task, Path(name), None) != 0:
            raise RuntimeError((Path(name) / "error").read_text())
        return (Path(name) / "result").read_text(), time.perf_counter() - start


def _child(task: str, folder: Path, kill_after: float | None) -> int:
    """Run a task in a forked process; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            warnings.simplefilter("ignore")
            (folder / "result").write_text(TASKS[task](folder))
            code = 0
        except BaseException:
            (folder / "error").write_text(traceback.format_exc())
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _fit(folder: Path) -> str:
    """A deep fit with checkpoints, from where the last process left off; the digest of its model file."""
    run = folder / "run"
    model = S4DForecaster(
        1,
        4,
        n_modes=4,
        loss="mse",
        d_model=4,
        d_state=2,
        n_layers=1,
        dropout=0.1,
        max_epochs=4,
        batch_size=32,
        learning_rate=2e-2,
        random_state=0,
        checkpoint_dir=str(run),
    )
    begun = any(run.glob("member-*"))
    model.fit(_chaos(), resume_from=run if begun else None)
    model.set_params(checkpoint_dir=None).save(folder / "model")
    tensors, state = read_safetensors(folder / "model")
    digest = hashlib.sha256(json.dumps(_timeless(state), sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(key.encode() + tensors[key].numpy().tobytes())
    return digest.hexdigest()


def _timeless(state: Any) -> Any:
    """A state without the seconds that were taken, which no two runs share."""
    if isinstance(state, dict):
        return {key: _timeless(value) for key, value in state.items() if not key.endswith("seconds")}
    return [_timeless(one) for one in state] if isinstance(state, list) else state


def _tune(folder: Path) -> str:
    """A search in a journal, from where the last process left off; its trials and the best one's forecast."""
    y = np.sin(np.arange(300) / 4) + np.random.default_rng(0).normal(size=300) / 10
    space = {"context_length": [12, 24, 48], "n_modes": [4, 8, 16]}
    model = tune(LinearSSMForecaster(6), y, space=space, storage=folder / "study.log", verbose=False)
    done = model.study_.get_trials(states=(TrialState.COMPLETE,))
    values = sorted({(json.dumps(one.params, sort_keys=True), one.value) for one in done})
    return json.dumps([values, model.study_.best_params, np.asarray(model.predict()).tolist()])


def _chaos() -> np.ndarray:
    """The logistic map, which the linear branch cannot forecast and the deep one can."""
    values = np.empty(300)
    values[0] = 0.4
    for k in range(299):
        values[k + 1] = 3.9 * values[k] * (1 - values[k])
    return values


TASKS: dict[str, Callable[[Path], str]] = {"fit": _fit, "tune": _tune}
