"""One peer, in an environment of its own: fits, forecasts every window, writes the forecasts. No ssmts here.

``python peer_worker.py NAME IN.npz OUT.npz``: IN holds `values` (length, n_channels), the rows `n_train` and
`n_learnt` where the validation and the judged span begin, `horizon`, `context`, `minutes` between rows,
`seconds` of processor time and `seed`. OUT gets `forecast` (n_windows, n_channels, horizon) from every origin
whose future lies in the judged span, and `seconds`, the processor time that training took.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

_STEPS = 100_000  # time ends training first


def main(name: str, given: str, result: str) -> None:
    """Run one peer."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    task = dict(np.load(given))
    task = {key: value if value.ndim else value.item() for key, value in task.items()}
    run = _darts if name in ("TiDEModel", "LinearRegressionModel") else _neuralforecast
    forecast, seconds = run(name, task)
    np.savez(result, forecast=forecast.astype(np.float32), seconds=seconds)


class Budget:
    """Processor time of the training, and a Lightning callback that ends it when the budget is spent."""

    def __init__(self, seconds: float) -> None:
        import pytorch_lightning as lightning

        budget = self
        self.spent = 0.0

        class Stop(lightning.Callback):
            def on_train_start(self, trainer: Any, module: Any) -> None:
                budget.begun = time.process_time()

            def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
                trainer.should_stop |= time.process_time() - budget.begun > seconds

            def on_train_end(self, trainer: Any, module: Any) -> None:
                budget.spent = time.process_time() - budget.begun

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


def _neuralforecast(name: str, task: dict[str, Any]) -> tuple[np.ndarray, float]:
    """A model of neuralforecast with its defaults, stopped early on the validation span."""
    from neuralforecast import NeuralForecast, models

    values, horizon = task["values"], task["horizon"]
    budget = Budget(task["seconds"])
    model = getattr(models, name)(
        h=horizon,
        input_size=task["context"],
        max_steps=_STEPS,
        val_check_steps=50,
        early_stop_patience_steps=5,
        inference_windows_batch_size=256,  # the memory of attention over all windows at once is not there
        random_seed=task["seed"],
        **budget.trainer,
    )
    stamps = _stamps(task)
    frame = pd.concat(
        pd.DataFrame({"unique_id": c, "ds": stamps, "y": column}) for c, column in enumerate(values.T)
    )
    forecaster = NeuralForecast([model], freq=f"{task['minutes']}min")
    out = forecaster.cross_validation(
        frame,
        n_windows=None,
        val_size=task["n_learnt"] - task["n_train"],
        test_size=len(values) - task["n_learnt"],
        step_size=1,
    )
    out = out.sort_values(["cutoff", "unique_id", "ds"])
    return out[name].to_numpy().reshape(-1, values.shape[1], horizon), budget.spent


def _darts(name: str, task: dict[str, Any]) -> tuple[np.ndarray, float]:
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
        )
        model.fit([one[:learnt] for one in series])
        seconds = budget.spent
    forecasts = model.historical_forecasts(
        [one[learnt - task["context"] :] for one in series],
        forecast_horizon=horizon,
        stride=1,
        retrain=False,
        last_points_only=False,
    )
    return np.stack([[w.values()[:, 0] for w in own] for own in forecasts], axis=1), seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
