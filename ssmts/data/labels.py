"""Labels (ids, categories, names of index levels) as JSON can hold them."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from ssmts.errors import ParameterError

__all__ = ["decode_label", "encode_label"]


def encode_label(label: Hashable, what: str = "id") -> Any:
    """A label as builtins that ``json.dumps`` takes.

    Parameters
    ----------
    label : Hashable
        Text, number, boolean, date, time, duration, UUID, Decimal, bytes or a tuple of them.
    what : str
        What it is, for the message.

    Raises
    ------
    ParameterError
        If it is of another kind.
    """
    if isinstance(label, np.generic) and not isinstance(label, np.datetime64 | np.timedelta64):
        label = label.item()
    if label is None or isinstance(label, bool | int | float | str):
        return label
    if isinstance(label, pd.Timestamp):
        return {"timestamp": label.isoformat(), "unit": label.unit}
    if isinstance(label, dt.timedelta):
        return {"timedelta": int(pd.Timedelta(label).as_unit("ns").value)}
    if isinstance(label, dt.datetime):
        return {"datetime": label.isoformat()}
    if isinstance(label, dt.date):
        return {"date": label.isoformat()}
    if isinstance(label, uuid.UUID):
        return {"uuid": str(label)}
    if isinstance(label, decimal.Decimal):
        return {"decimal": str(label)}
    if isinstance(label, bytes):
        return {"bytes": label.hex()}
    if isinstance(label, tuple):
        return {"tuple": [encode_label(part, what) for part in label]}
    raise ParameterError(
        what,
        label,
        "text, a number, a date, a time, a UUID, a Decimal, bytes or a tuple of them in a saved model; "
        "convert such labels to text before fit, e.g. with astype(str)",
    )


def decode_label(state: Any) -> Any:
    """Inverse of :func:`encode_label`, also after a JSON round trip."""
    if not isinstance(state, dict):
        return state
    ((kind, value),) = [pair for pair in state.items() if pair[0] != "unit"]
    if kind == "tuple":
        return tuple(decode_label(part) for part in value)
    return _DECODERS[kind](value) if kind != "timestamp" else pd.Timestamp(value).as_unit(state["unit"])


_DECODERS: dict[str, Any] = {
    "timedelta": lambda value: pd.Timedelta(value, unit="ns"),
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "uuid": uuid.UUID,
    "decimal": decimal.Decimal,
    "bytes": bytes.fromhex,
}
