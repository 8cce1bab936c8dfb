"""Deployment without ssmts: `predict` and the streaming step as ONNX or torch.export modules."""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch

from ssmts.data import parse_duration
from ssmts.data.arrays import Rows
from ssmts.errors import ParameterError
from ssmts.models.forecasting.exportable import ExportableForecast, ExportableStream
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.training.atomic import write_atomic
from ssmts.wording import Described
from ssmts_kernels import backend

__all__ = ["export"]

_FORMATS = ("onnx", "torch.export")
_TRACED = 3  # series to trace with; 0 and 1 would be specialised


def export(
    fitted: FittedForecaster, path: str | os.PathLike[str], *, format: str, step: Any, streaming: bool
) -> None:
    """Write the predict path or one step of a stream; see :meth:`ForecasterVerbs.export`."""
    if not isinstance(format, str) or format not in _FORMATS:
        raise ParameterError("format", format, f"one of {', '.join(map(repr, _FORMATS))}")
    _require_plain(fitted, format)
    interval = 1.0
    if step is not None:
        if streaming:
            raise ParameterError("step", step, "None: a stream's module moves by the reference step")
        interval = float(parse_duration(step, fitted.layout.clock) / fitted.step)
    reach = fitted.horizon / fitted.step
    leads = interval * np.arange(1.0, np.floor(reach / interval + 1e-6) + 1.0)
    if not len(leads):
        raise ParameterError("step", step, "no longer than the trained horizon")
    leads = np.minimum(leads, float(fitted.model.config.linear.horizon))
    parts = (fitted.model, fitted.scaling.scale, _groups(fitted))
    module = ExportableStream(*parts, leads) if streaming else ExportableForecast(*parts, interval, leads)
    description = {
        "ids": [None if id_ is None else str(id_) for id_ in fitted.scaling.ids],
        "channels": [str(name) for name in fitted.layout.channels],
        "step": fitted.layout.clock.show_duration(interval * fitted.step),
        "n_rows": module.n_rows,
        "n_leads": len(leads),
    }
    write_atomic(path, _serialized(module.eval().requires_grad_(False), format, json.dumps(description)))


def _require_plain(fitted: FittedForecaster, format: str) -> None:
    """Raise if forecasts need more than the window of a channel and one token."""
    deep = fitted.model.deep
    rotary = deep is not None and deep.config.layer == "mamba3" and format == "onnx"  # complex products
    for there, name, remedy in (
        (fitted.model.panel is not None, "panel branch", "at most 24 series, long enough for a window,"),
        (fitted.effect is not None, "future_covariates", "None"),
        (fitted.bounds is not None, "bounds", "None (clip what comes out)"),
        (fitted.scaling.classes is not None, "static_covariates", "None"),
        (fitted.mixing is not None, "channel_mixing", "False"),
        (deep is not None and deep.config.n_tokens > 1, "token_stride", "None"),
        (rotary, "format", "'torch.export', as ONNX has no rotary states: another backbone"),
    ):
        if there:
            raise ParameterError(
                name, Described("used by this model"), f"{remedy} for a model that is exported"
            )


def _groups(fitted: FittedForecaster) -> Rows:
    """Group of every channel of every series and of a new series; -1: shared weights."""
    n_series, n_channels = fitted.scaling.scale.shape
    groups = np.full((n_series + 1, n_channels), -1)
    if fitted.scaling.grouping == "channel":
        groups[:] = np.arange(n_channels)
    elif fitted.scaling.grouping == "series" and fitted.scaling.n_groups > 1:
        groups[:-1] = np.arange(n_series * n_channels).reshape(n_series, n_channels)
    return groups


def _serialized(module: ExportableForecast, format: str, description: str) -> bytes:
    """A module traced for any number of series, as bytes of a file."""
    n_channels = module.get_buffer("scale").shape[1]
    shapes: dict[str, tuple[int, ...]] = {
        "values": (_TRACED, module.n_rows, n_channels),
        "series": (_TRACED,),
    }
    outputs = ["forecast"]
    if isinstance(module, ExportableStream):
        shapes["values"] = (_TRACED, n_channels)
        shapes |= {
            "state": (_TRACED, n_channels, module.n_features),
            "window": (_TRACED, n_channels, module.n_rows),
        }
        outputs += ["next_state", "next_window"]
    given = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    given["series"] = torch.zeros(_TRACED, dtype=torch.int64)
    free = {name: {0: torch.export.Dim("n")} for name in given}
    # The reference backend is plain torch: other runtimes do not have our own operators.
    with torch.no_grad(), _quiet_torch(), backend("reference"):
        program = torch.export.export(module, (), given, dynamic_shapes=free)
        if format == "torch.export":
            content = io.BytesIO()
            torch.export.save(program, content, extra_files={"ssmts.json": description})
            return content.getvalue()
        try:
            import onnxscript  # noqa: F401  (torch.onnx asks for it late, and by another name)
        except ImportError as error:
            raise ImportError('export(format="onnx") needs onnxscript: pip install "ssmts[onnx]"') from error
        found = torch.onnx.export(program, output_names=outputs, dynamo=True, verbose=False)
    assert found is not None
    found.model.metadata_props["ssmts"] = description
    return cast("bytes", found.model_proto.SerializeToString())


@contextmanager
def _quiet_torch() -> Iterator[None]:
    """Without warnings of torch's exporters about their own deprecated parts and optional packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
