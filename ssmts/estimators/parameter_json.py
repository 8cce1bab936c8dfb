"""Parameters of an estimator as JSON can hold them."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from ssmts.errors import ParameterError

__all__ = ["decode_param", "encode_param"]


def encode_param(name: str, value: Any) -> Any:
    """A parameter of an estimator as JSON can hold it; what cannot be stored raises `ParameterError`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dt.timedelta | np.timedelta64 | pd.tseries.offsets.BaseOffset):
        return {"nanoseconds": int(pd.Timedelta(cast("Any", value)).as_unit("ns").value)}
    if isinstance(value, np.integer | np.floating | np.bool_):
        return value.item()
    if isinstance(value, os.PathLike | torch.device):
        return str(value)
    if isinstance(value, list | tuple):
        return [encode_param(name, item) for item in value]
    if isinstance(value, dict):  # as pairs: JSON would turn keys into text
        return {"pairs": [[encode_param(name, key), encode_param(name, own)] for key, own in value.items()]}
    raise ParameterError(
        name, value, "numbers, strings, durations, and lists and mappings of them in a saved model"
    )


def decode_param(value: Any) -> Any:
    """Inverse of :func:`encode_param`."""
    if isinstance(value, list):
        return [decode_param(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {decode_param(key): decode_param(own) for key, own in value["pairs"]}
    return pd.Timedelta(value["nanoseconds"], unit="ns")
