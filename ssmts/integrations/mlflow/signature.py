"""Signature and input example of a forecaster, from what fit saw of its data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType

from ssmts.data import Layout, write_forecast
from ssmts.estimators import SSMForecaster

__all__ = ["example_of", "signature_of"]

_MOST_ROWS = 1000


def signature_of(model: SSMForecaster) -> ModelSignature:
    """Columns (or the array), the parameters of a forecast, and what comes back."""
    layout = model._check_fitted().layout
    params = ParamSchema(
        [
            ParamSpec("step", DataType.string, None),
            ParamSpec("horizon", DataType.string, None),
            ParamSpec("at", DataType.string, [], (-1,)),
            ParamSpec("level", DataType.double, [], (-1,)),
        ]
    )
    if layout.kind == "numpy":
        shape = ((-1,), (-1, len(layout.channels)), (-1, -1, len(layout.channels)))[layout.ndim - 1]
        schema = Schema([TensorSpec(np.dtype(np.float64), shape)])
        return ModelSignature(inputs=schema, outputs=schema, params=params)
    keys = _keys(layout)
    # What may be an index, and what a frame that asks for instants lacks, cannot be required.
    inputs = [ColSpec(kind, name, required=not in_index) for name, kind, in_index in keys]
    inputs += [ColSpec(DataType.double, str(name), required=False) for name in layout.channels]
    outputs = [ColSpec(kind, name) for name, kind, _ in keys]
    outputs += [ColSpec(DataType.double, str(name)) for name in layout.channels]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs), params=params)


def _keys(layout: Layout) -> list[tuple[str, Any, bool]]:
    """Name, type and whether it may be an index, of the ids and the times."""
    keys: list[tuple[str, Any, bool]] = []
    if layout.id_col is not None:
        keys.append((str(layout.id_col), AnyType(), layout.id_in_index))
    if layout.clock.kind == "number":
        time: Any = AnyType()
    else:  # MLflow knows no zones: there, stamps are text with an offset, or whatever pandas has
        time = DataType.datetime if layout.tz is None else AnyType()
    if layout.time_col is not None or layout.time_in_index:
        keys.append((str(layout.time_col or "index"), time, layout.time_in_index))
    return keys


def example_of(model: SSMForecaster) -> Any:
    """The end of the training data, as a client would send it; None for a model without its tail."""
    fitted = model._check_fitted()
    if fitted.tail is None:
        return None
    series = fitted.tail.series
    times, values = [one.times for one in series], [one.values for one in series]
    example = write_forecast(fitted.layout, [one.id for one in series], times, values)
    if fitted.layout.kind == "numpy":
        return example
    if fitted.layout.kind == "polars":
        example = example.to_pandas()
    if isinstance(example, pd.Series):
        example = example.to_frame()
    if not isinstance(example.index, pd.RangeIndex) or example.index.name is not None:
        example = example.reset_index()
    example = example.rename(columns=str)
    if fitted.layout.tz is not None:
        time = str(fitted.layout.time_col or "index")
        example[time] = [stamp.isoformat() for stamp in example[time]]
    return example
