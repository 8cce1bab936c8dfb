"""Quantile models of other libraries.

Run by `benchmarks.forecasting.probabilistic` in an environment that holds them.
``python probabilistic_peers.py NHITS FOLDER`` reads ``data.npz`` in the folder and writes ``quantiles.npz``:
neuralforecast's NHITS with its quantile loss, or darts' NLinear with a quantile likelihood; both with their
defaults but for the context, the levels and the processor time they may train. Quantiles come in any order.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peer_worker import Budget

_CONTEXTS = {"NHITS": 336, "NLinear": 336}  # at most; their own recommendations lie below 30 days


def main(name: str, folder: str) -> None:
    """Train, forecast, write."""
    with np.load(Path(folder) / "data.npz") as data:
        learnt, judged, rows, levels = (data[key] for key in ("learnt", "judged", "rows", "levels"))
        horizon, context, seconds, seed = data["size"].tolist()
    context = max(min(context, _CONTEXTS[name]), horizon)
    windows = judged.T[:, rows[:, None] + np.arange(1 - context, 1)]  # (n_channels, n_origins, context)
    run = {"NHITS": _nhits, "NLinear": _nlinear}[name]
    quantiles, spent = run(learnt, windows, levels, horizon, context, Budget(seconds), seed)
    np.savez(Path(folder) / "quantiles.npz", quantiles=quantiles, seconds=spent)


def _nhits(
    learnt: Any, windows: Any, levels: Any, horizon: int, context: int, budget: Budget, seed: int
) -> tuple[Any, float]:
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import NHITS

    model = NHITS(
        h=horizon,
        input_size=context,
        loss=MQLoss(quantiles=levels.tolist()),
        max_steps=100_000,
        random_seed=seed,
        **budget.trainer,
    )
    forecaster = NeuralForecast(models=[model], freq=1)
    forecaster.fit(_long(learnt.T))
    n_channels, n_origins = windows.shape[:2]
    answer = forecaster.predict(df=_long(windows.reshape(-1, context)))
    columns = [name for name in answer.columns if name not in ("unique_id", "ds")]
    shape = (n_channels, n_origins, horizon, len(levels))
    return answer[columns].to_numpy().reshape(shape), budget.spent


def _long(series: Any) -> pd.DataFrame:
    """Rows of an array as series of one long frame; ids that sort as the rows do."""
    count, length = series.shape
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(count), length),
            "ds": np.tile(np.arange(length), count),
            "y": series.ravel(),
        }
    )


def _nlinear(
    learnt: Any, windows: Any, levels: Any, horizon: int, context: int, budget: Budget, seed: int
) -> tuple[Any, float]:
    from darts import TimeSeries
    from darts.models import NLinearModel
    from darts.utils.likelihood_models.torch import QuantileRegression

    model = NLinearModel(
        input_chunk_length=context,
        output_chunk_length=horizon,
        likelihood=QuantileRegression(quantiles=levels.tolist()),
        n_epochs=1000,
        normalize=False,  # darts refuses it beside a likelihood
        random_state=seed,
        pl_trainer_kwargs=budget.trainer,
    )
    model.fit([TimeSeries.from_values(own.astype(np.float32)) for own in learnt.T])
    n_channels, n_origins = windows.shape[:2]
    series = [TimeSeries.from_values(own.astype(np.float32)) for own in windows.reshape(-1, context)]
    answer = model.predict(horizon, series=series, predict_likelihood_parameters=True)
    shape = (n_channels, n_origins, horizon, len(levels))
    return np.stack([one.values() for one in answer]).reshape(shape), budget.spent


if __name__ == "__main__":
    main(*sys.argv[1:])
