"""Signature and input example of an estimator, from what fit saw of its data."""

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

_EXAMPLES = 3  # series in an input example


def signature_of(model: Any) -> ModelSignature:
    """What goes in, the parameters of `predict`, and for forecasters what comes back."""
    return _forecaster(model) if isinstance(model, SSMForecaster) else _cases(model)


def _forecaster(model: SSMForecaster) -> ModelSignature:
    fitted = model.fitted_
    layout = fitted.layout
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
    # What may be an index, and what a frame that asks for instants lacks, cannot be required. Values are of
    # any type: MLflow would refuse integers and float32 where float64 is expected, and the reverse.
    channels = [str(name) for name in layout.value_columns]
    covariates = () if fitted.columns is None else fitted.columns.all
    inputs = [ColSpec(kind, name, required=not in_index) for name, kind, in_index in keys]
    inputs += [ColSpec(AnyType(), name, required=False) for name in channels]
    inputs += [ColSpec(AnyType(), str(name), required=False) for name in covariates]
    outputs = [ColSpec(kind, name) for name, kind, _ in keys]
    outputs += [ColSpec(DataType.double, name) for name in channels]
    if not all(isinstance(name, str) for name in (*layout.value_columns, *covariates)):
        # MLflow knows columns by text alone, and would take those named by integers to be missing.
        return ModelSignature(outputs=Schema(outputs), params=params)
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs), params=params)


def _cases(model: Any) -> ModelSignature:
    layout = model.fitted_.layout
    params = [ParamSpec("rate", DataType.double, None)]
    if hasattr(model, "predict_proba"):
        params.append(ParamSpec("probabilities", DataType.boolean, False))
    names = getattr(model, "feature_names_in_", None)
    if layout.form == "long":
        inputs = [ColSpec(kind, name, required=not in_index) for name, kind, in_index in _keys(layout)]
        inputs += [ColSpec(AnyType(), str(name)) for name in layout.value_columns]
    elif names is not None:
        inputs = [ColSpec(AnyType(), str(name)) for name in names]
    elif model._input.table:
        inputs = [TensorSpec(np.dtype(np.float64), (-1, -1))]
    else:  # of any length: MLflow refuses lists of arrays where there is a schema
        return ModelSignature(params=ParamSchema(params))
    return ModelSignature(inputs=Schema(inputs), params=ParamSchema(params))


def _keys(layout: Layout) -> list[tuple[str, Any, bool]]:
    """Name, type and whether it may be an index, of the ids and the times."""
    keys: list[tuple[str, Any, bool]] = []
    if layout.id_col is not None:
        keys.append((str(layout.id_col), AnyType(), layout.id_in_index))
    if layout.channel_col is not None:
        keys.append((str(layout.channel_col), AnyType(), False))
    if layout.clock.kind == "number":
        time: Any = AnyType()
    else:  # MLflow knows no zones: there, stamps are text with an offset, or whatever pandas has
        time = DataType.datetime if layout.tz is None else AnyType()
    if layout.time_col is not None or layout.time_in_index:
        keys.append((str(layout.time_col or "index"), time, layout.time_in_index))
    return keys


def example_of(model: Any) -> Any:
    """The end of the training data, as a client would send it; None where a file is to hold none of it.

    Covariates are not part of the tail's columns, and classifiers and regressors keep no cases: None as well.
    """
    if not isinstance(model, SSMForecaster) or not model.store_tail:
        return None
    fitted = model.fitted_
    if fitted.tail is None or fitted.columns is not None:
        return None
    series = fitted.tail.series[:_EXAMPLES]  # a client needs to see the form, not the data
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
