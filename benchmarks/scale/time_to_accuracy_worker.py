"""neuralforecast's PatchTST until it reaches an error, in an environment of its own. No ssmts here.

``python time_to_accuracy_worker.py IN.npz OUT.json``: IN holds `values` (length, n_channels), the row
`n_learnt` where the judged span begins, `horizon`, `context`, `minutes` between rows, `target`, `limit`
(processor seconds of training), `windows` and `learning_rate` of a step, `every` so many steps a look at the
judged span, and `seed`. OUT gets a list of `steps`, `seconds` and `mse`: processor time of training alone,
and the error over every window of the span (over one in eight, `"part": true`, until that one reaches the
target). Training ends there, or where the time is spent.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_PART = 8


def main(given: str, result: str) -> None:
    """Train and look, in turns."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    import pytorch_lightning as lightning
    import torch
    from neuralforecast import NeuralForecast, models

    task = {key: value if value.ndim else value.item() for key, value in np.load(given).items()}
    values, horizon, context, n_learnt = (task[key] for key in ("values", "horizon", "context", "n_learnt"))
    own = np.lib.stride_tricks.sliding_window_view(values[n_learnt - context :], context + horizon, axis=0)
    curve: list[dict[str, Any]] = []

    def error(module: Any, stride: int) -> float:
        rows = torch.as_tensor(own[::stride].reshape(-1, context + horizon).copy())
        module.eval()
        with torch.no_grad():
            total = sum(
                float(
                    (module({"insample_y": part[:, :context, None]})[..., 0] - part[:, context:])
                    .square()
                    .sum()
                )
                for part in rows.split(512)
            )
        module.train()
        return total / (len(rows) * horizon)

    class Look(lightning.Callback):
        def on_train_start(self, trainer: Any, module: Any) -> None:
            self.spent, self.begun = 0.0, time.process_time()

        def on_train_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
            seconds = self.spent + time.process_time() - self.begun
            step = trainer.global_step
            late = seconds > task["limit"]
            if step % task["every"] and not late:
                return
            row = {"steps": step, "seconds": seconds, "mse": error(module, _PART), "part": True}
            if row["mse"] <= task["target"] or late:
                row |= {"mse": error(module, 1), "part": False}
            curve.append(row)
            print(json.dumps(row), flush=True)
            trainer.should_stop = late or (row["mse"] <= task["target"] and not row["part"])
            self.spent, self.begun = seconds, time.process_time()

    model = models.PatchTST(
        h=horizon,
        input_size=context,
        max_steps=100_000,
        windows_batch_size=task["windows"],
        learning_rate=task["learning_rate"],
        random_seed=task["seed"],
        callbacks=[Look()],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    stamps = pd.date_range("2020-01-01", periods=n_learnt, freq=f"{task['minutes']}min")
    frame = pd.concat(
        pd.DataFrame({"unique_id": c, "ds": stamps, "y": column[:n_learnt]})
        for c, column in enumerate(values.T)
    )
    NeuralForecast([model], freq=f"{task['minutes']}min").fit(frame)
    Path(result).write_text(json.dumps(curve))


if __name__ == "__main__":
    main(*sys.argv[1:])
