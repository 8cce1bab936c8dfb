"""One peer, in an environment of its own: fits, forecasts windows, writes the forecasts. No ssmts here.

``python peer_worker.py NAME IN.npz OUT.npz``: IN holds `values` (length, n_channels), the rows `n_train` and
`n_learnt` where the validation and the judged span begin, `horizon`, `context`, `minutes` between rows,
`seconds` of processor time, `seed` and `settings`, keywords of the model as JSON. OUT gets `forecast`
(n_windows, n_channels, horizon) from every `stride`-th origin whose future lies in the judged span, and
`seconds`, the processor time that training took (statsforecast: fitting and forecasting all windows).
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

_STEPS = 100_000  # time ends training first
_LONGEST_SEASON = 24  # of AutoETS
_MOST_ORIGINS = {"PatchTST": 400}  # it forecasts a window in 7 ms of a processor: all would take minutes
_STATISTICAL = ("SeasonalNaive", "AutoETS")


def main(name: str, given: str, result: str) -> None:
    """Run one peer."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    task = dict(np.load(given))
    task = {key: value if value.ndim else value.item() for key, value in task.items()}
    task["settings"] = json.loads(task["settings"])
    if name in _STATISTICAL:
        forecast, seconds, stride = _statsforecast(name, task)
    else:
        n_windows = len(task["values"]) - task["n_learnt"] - task["horizon"] + 1
        stride = -(-n_windows // _MOST_ORIGINS.get(name, n_windows))
        run = _darts if name in ("TiDEModel", "LinearRegressionModel") else _neuralforecast
        forecast, seconds = run(name, task, stride)
    np.savez(result, forecast=forecast.astype(np.float32), seconds=seconds, stride=stride)


class Budget:
    """Processor time of the training, and a Lightning callback that ends it when the budget is spent."""

    def __init__(self, seconds: float) -> None:
        import pytorch_lightning as lightning

        budget = self
        self.spent, self.steps = 0.0, 0

        class Stop(lightning.Callback):
            def on_train_start(self, trainer: Any, module: Any) -> None:
                budget.begun = time.process_time()

            def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
                trainer.should_stop |= time.process_time() - budget.begun > seconds

            def on_train_end(self, trainer: Any, module: Any) -> None:
                budget.spent = time.process_time() - budget.begun
                budget.steps = trainer.global_step

        self.trainer = {
            "callbacks": [Stop()],
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
        }


def _stamps(task: dict[str, Any]) -> pd.DatetimeIndex:
    return pd.date_range("2020-01-01", periods=len(task["values"]), freq=f"{task['minutes']}min")


def _neuralforecast(name: str, task: dict[str, Any], stride: int) -> tuple[np.ndarray, float]:
    """A model of neuralforecast; with a patience among its settings it is stopped early on validation."""
    from neuralforecast import NeuralForecast, models

    values, horizon = task["values"], task["horizon"]
    budget = Budget(task["seconds"])
    given = {
        "max_steps": _STEPS,
        "val_check_steps": 50,
        "inference_windows_batch_size": 256,  # the memory of attention over all windows at once is not there
        "random_seed": task["seed"],
        **task["settings"],
    }
    model = getattr(models, name)(h=horizon, input_size=task["context"], **given, **budget.trainer)
    stopped = given.get("early_stop_patience_steps", -1) > 0
    values = values[: len(values) - (len(values) - task["n_learnt"] - horizon) % stride]  # whole strides
    stamps = _stamps(task)[: len(values)]
    frame = pd.concat(
        pd.DataFrame({"unique_id": c, "ds": stamps, "y": column}) for c, column in enumerate(values.T)
    )
    forecaster = NeuralForecast([model], freq=f"{task['minutes']}min")
    out = forecaster.cross_validation(
        frame,
        n_windows=None,
        val_size=task["n_learnt"] - task["n_train"] if stopped else 0,
        test_size=len(values) - task["n_learnt"],
        step_size=stride,
    )
    out = out.sort_values(["cutoff", "unique_id", "ds"])
    print(f"{budget.steps} steps")
    return out[name].to_numpy().reshape(-1, values.shape[1], horizon), budget.spent


def _darts(name: str, task: dict[str, Any], stride: int) -> tuple[np.ndarray, float]:
    """One global model over the channels; TiDE learns from training and validation until its time ends."""
    from darts import TimeSeries, models

    values, horizon, learnt = task["values"], task["horizon"], task["n_learnt"]
    stamps = _stamps(task)
    series = [TimeSeries.from_times_and_values(stamps, column) for column in values.T]
    begun = time.process_time()
    if name == "LinearRegressionModel":
        model = models.LinearRegressionModel(lags=task["context"], output_chunk_length=horizon)
        model.fit([one[:learnt] for one in series])
        seconds = time.process_time() - begun
    else:
        budget = Budget(task["seconds"])
        model = models.TiDEModel(
            input_chunk_length=task["context"],
            output_chunk_length=horizon,
            n_epochs=_STEPS,
            random_state=task["seed"],
            pl_trainer_kwargs=budget.trainer,
            **task["settings"],
        )
        model.fit([one[:learnt] for one in series])
        seconds = budget.spent
        print(f"{budget.steps} steps")
    forecasts = model.historical_forecasts(
        [one[learnt - task["context"] :] for one in series],
        forecast_horizon=horizon,
        stride=stride,
        retrain=False,
        last_points_only=False,
    )
    return np.stack([[w.values()[:, 0] for w in own] for own in forecasts], axis=1), seconds


def _statsforecast(name: str, task: dict[str, Any]) -> tuple[np.ndarray, float, int]:
    """A model fitted to each window anew; every k-th window, where all of them would outlast the budget."""
    from statsforecast import models

    values, horizon, first = task["values"], task["horizon"], task["n_learnt"] - task["context"]
    day = 24 * 60 // task["minutes"]
    if name == "SeasonalNaive":
        model = models.SeasonalNaive(season_length=day)
    elif day <= _LONGEST_SEASON:
        model = models.AutoETS(season_length=day)
    else:  # what its authors advise for longer seasons: smoothing of what a decomposition leaves over
        model = models.MSTL(season_length=day, trend_forecaster=models.AutoETS(model="ZZN"))

    def forecast(window: int) -> list[np.ndarray]:
        rows = values[first + window : first + window + task["context"]].astype(np.float64)
        return [model.forecast(column, horizon)["mean"] for column in rows.T]

    n_windows = len(values) - task["n_learnt"] - horizon + 1
    forecast(0)  # compiles
    tried = np.linspace(0, n_windows - 1, 3).astype(int)
    begun = time.process_time()
    for window in tried:
        forecast(window)
    each = (time.process_time() - begun) / len(tried)
    stride = max(1, int(np.ceil(n_windows * each / task["seconds"])))
    begun = time.process_time()
    forecasts = [forecast(window) for window in range(0, n_windows, stride)]
    return np.array(forecasts), time.process_time() - begun, stride


if __name__ == "__main__":
    main(*sys.argv[1:])
