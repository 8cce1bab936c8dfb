"""Data on the scale of its training span, and forecasts of a fitted model from every origin of a span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.arrays import Float, Rows
from ssmts import estimators
from ssmts.estimators import SSMForecaster
from ssmts.models.forecasting.rolling_origins import rolling_forecasts
from ssmts.models.sequences.sequence import stack_sequences
from ssmts_datasets import ETTDataset

__all__ = [
    "MODELS",
    "Errors",
    "Parts",
    "build",
    "check_predict",
    "evaluate",
    "futures",
    "n_parameters",
    "rolling",
    "split",
    "standardised",
]

MODELS: dict[str, type[SSMForecaster]] = {
    name: getattr(estimators, name) for name in estimators.__all__ if name.endswith("Forecaster")
}
del MODELS["SSMForecaster"]  # the base of the others
_CHECKED = 3
_AGREE = 1e-5  # predict and the batched pass, in standardised units (the deep branch is float32)


@dataclass
class Errors:
    """Running sums of forecast errors."""

    squared: float = 0.0
    absolute: float = 0.0
    count: int = 0

    def add(self, errors: Float) -> None:
        """Count every entry."""
        self.squared += float(np.einsum("ij,ij->", errors, errors))
        self.absolute += float(np.abs(errors).sum())
        self.count += errors.size

    @property
    def figures(self) -> dict[str, float]:
        """Mean squared and mean absolute error."""
        return {"mse": self.squared / self.count, "mae": self.absolute / self.count}


@dataclass(frozen=True)
class Parts:
    """Spans of one evaluation: learn on two, judge on the third.

    Parameters
    ----------
    train : DataFrame
    validation : DataFrame or None
        Given to fit beside the training span; None if it is the one judged.
    judged : DataFrame
        Preceded by one context: the first origin is the row before the span, every row of it is a target.
    """

    train: pd.DataFrame
    validation: pd.DataFrame | None
    judged: pd.DataFrame

    @property
    def learnt(self) -> pd.DataFrame:
        """All rows that a model may learn from."""
        return self.train if self.validation is None else pd.concat([self.train, self.validation])


def standardised(dataset: ETTDataset[pd.DataFrame]) -> ETTDataset[pd.DataFrame]:
    """The data set minus the mean of its training span, over that span's standard deviation."""
    train = dataset.train
    frame = (dataset.frame - train.mean()) / train.std(ddof=0)
    return ETTDataset(dataset.name, frame, dataset.borders, dataset.reference_step, dataset.path)


def split(dataset: ETTDataset[pd.DataFrame], context: int, *, test: bool) -> Parts:
    """Train + validation judged on the test span, or the training span judged on validation."""
    if test:
        return Parts(dataset.train, dataset.validation, dataset.split("test", context=context))
    return Parts(dataset.train, None, dataset.split("validation", context=context))


def build(name: str, horizon: int, context: int, seed: int | None) -> SSMForecaster:
    """An unfitted model with its defaults; `seed` where it takes one."""
    model = MODELS[name](horizon=horizon, context_length=context)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    return model


def rolling(
    model: SSMForecaster, frame: pd.DataFrame, *, stride: int = 1
) -> Iterator[tuple[int, Rows, Float]]:
    """Forecast from every `stride`-th row with a context behind and a horizon ahead of it, in one pass.

    The states of all origins come from one scan, as in training: the same numbers as `predict` on each
    window (:func:`check_predict`), hundreds of times faster.

    Parameters
    ----------
    model : SSMForecaster
        Fitted.
    frame : DataFrame
        At any regular rate, without missing values.
    stride : int

    Yields
    ------
    channel : int
    rows : ndarray of int64, shape (n_windows,)
        Of the origins in `frame`.
    forecast : ndarray of float64, shape (n_windows, horizon + 1)
        At leads 0, 1, ... reference steps, in the units of `frame`.
    """
    fitted = model.fitted_
    panel = model.reader_.read(frame)
    sequences = fitted.sequences(panel)
    # Data finer than the reference step are read on the reference grid, one sequence a channel and phase.
    n_phases = len(sequences) // panel.n_channels
    begin = panel.series[0].times[0] / fitted.step
    scale, level = fitted.scaling.scale[0], frame.to_numpy().mean(axis=0)
    for phase in range(n_phases):
        (stack,) = stack_sequences(sequences[phase::n_phases])
        first = round(float(stack.starts[0] - begin) * n_phases)
        for block in rolling_forecasts(fitted.model, [stack], stride=stride):
            rows, channel = first + n_phases * block.rows, block.member
            whole = rows + 1 >= model.context_length_ * n_phases if n_phases > 1 else slice(None)
            yield channel, rows[whole], block.forecast[whole] * scale[channel] + level[channel]


def futures(values: Float, rows: Rows, n_ahead: int) -> Float:
    """The values 1, ..., n_ahead rows after some rows, (n_windows, n_ahead)."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, n_ahead)[rows + 1])


def evaluate(model: SSMForecaster, frame: pd.DataFrame, *, stride: int = 1) -> dict[str, float]:
    """MSE and MAE over every `stride`-th window of a frame at the training rate, over leads and channels."""
    errors, values = Errors(), frame.to_numpy()
    for channel, rows, forecast in rolling(model, frame, stride=stride):
        errors.add(forecast[:, 1:] - futures(values[:, channel], rows, forecast.shape[1] - 1))
    return errors.figures


def check_predict(model: SSMForecaster, frame: pd.DataFrame) -> None:
    """Raise if `predict` and the batched pass differ on the first, a middle or the last window.

    Raises
    ------
    AssertionError
        They differ by more than 1e-5 in standardised units.
    """
    context, horizon = int(model.context_length_), int(model.horizon_)
    last = len(frame) - horizon
    for end in np.linspace(context, last, _CHECKED).astype(int):
        rows = frame.iloc[end - context : end]
        forecast = model.predict(rows).to_numpy()
        window = frame.iloc[end - context : end + horizon]
        batched = np.stack([grid[0, 1:] for _, _, grid in rolling(model, window)], axis=1)
        difference = float(np.abs(forecast - batched).max())
        if difference > _AGREE:
            raise AssertionError(f"predict and the batched pass differ by {difference:.2g} at row {end}")


def n_parameters(model: SSMForecaster) -> int:
    """Number of fitted numbers in a model."""
    return sum(tensor.numel() for tensor in model.model_.to_tensors().values())
