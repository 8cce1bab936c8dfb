"""Saved classifiers and regressors: one safetensors file, JSON in its header, no code in either."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data import Layout
from ssmts.errors import ParameterError
from ssmts.estimators.parameter_json import decode_param, encode_param
from ssmts.estimators.whole_series.file_checks import check_cases
from ssmts.models.whole_series.early_answers import EarlyAnswers
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.models.whole_series.linear_model import CaseModel
from ssmts.models.whole_series.network import CaseEnsemble
from ssmts.models.whole_series.observation_model import ObservationModel
from ssmts.training import read_safetensors, write_safetensors_atomic
from ssmts.training.content import checked_fields, interpreting

__all__ = ["KIND", "InputSignature", "read_fitted_cases", "write_fitted_cases"]

KIND = "cases"  # of these files


@dataclass(frozen=True)
class InputSignature:
    """Shape of the X of fit.

    Parameters
    ----------
    table : bool
        Whether rows were cases and columns instants.
    n_features_in : int
        Instants of a table, else channels.
    feature_names_in : ndarray of object or None
        Columns of a frame whose rows are cases.
    """

    table: bool
    n_features_in: int
    feature_names_in: Any = None


def write_fitted_cases(
    path: str | os.PathLike[str],
    class_name: str,
    params: dict[str, Any],
    fitted: FittedCases,
    seen: InputSignature,
) -> None:
    """Write a classifier or regressor; see :func:`ssmts.training.write_safetensors_atomic`."""
    names = seen.feature_names_in
    state = {
        "class": class_name,
        "params": {name: encode_param(name, value) for name, value in params.items()},
        "layout": fitted.layout.to_dict(),
        "step": fitted.model.input.step,
        "classes": None if fitted.classes is None else _encode_labels(fitted.classes),
        "class_offsets": None if fitted.class_offsets is None else fitted.class_offsets.tolist(),
        "early": None if fitted.early is None else fitted.early.to_dict(),
        "level": fitted.mean,
        "scale": fitted.scale,
        "shares": [fitted.linear_factor, fitted.deep_factor],
        "alone": None if fitted.networks_only is None else list(fitted.networks_only),
        "deep": None if fitted.deep is None else fitted.deep.config.to_dict(),
        "token_stride": None if fitted.deep is None else fitted.deep.tokens.stride,
        "history": fitted.history,
        "seen": {
            "table": seen.table,
            "n_features_in": seen.n_features_in,
            "feature_names_in": None if names is None else [str(name) for name in names],
        },
    }
    tensors = fitted.model.to_tensors() | ({} if fitted.deep is None else fitted.deep.to_tensors())
    write_safetensors_atomic(path, tensors, state, kind=KIND)


def read_fitted_cases(
    path: str | os.PathLike[str],
) -> tuple[str, dict[str, Any], FittedCases, InputSignature]:
    """Read what :func:`write_fitted_cases` wrote.

    Returns
    -------
    class_name : str
    params : dict
    fitted : FittedCases
    seen : InputSignature

    Raises
    ------
    ModelFileError
        If the file is no model that this version can read.
    """
    tensors, state = read_safetensors(path, kind=KIND)
    with interpreting(path, "a classifier or regressor"):
        deep, offsets = None, state.get("class_offsets")
        if state["deep"] is not None:
            deep = CaseEnsemble.from_tensors(state["deep"], state["token_stride"], tensors)
        fitted = FittedCases(
            model=ObservationModel.from_tensors(tensors, state["step"])
            or CaseModel.from_tensors(tensors, state["step"]),
            layout=checked_fields(Layout.from_dict(state["layout"])),
            history=state["history"],
            linear_factor=state["shares"][0],
            deep_factor=state["shares"][1],
            deep=deep,
            scale=state["scale"],
            mean=state["level"],
            early=EarlyAnswers.from_dict(state.get("early")),
            networks_only=None if state.get("alone") is None else tuple(state["alone"]),
            class_offsets=None if offsets is None else np.array(offsets),
            classes=None if state["classes"] is None else _decode_labels(state["classes"]),
        )
        check_cases(fitted)
        params = {name: decode_param(value) for name, value in state["params"].items()}
        seen, names = state["seen"], state["seen"]["feature_names_in"]
        if names is not None and not (isinstance(names, list) and len(names) == seen["n_features_in"]):
            raise ValueError(f"its {seen['n_features_in']!r:.80} features are named {names!r:.80}")
        names = None if names is None else np.array(names, dtype=object)
        signature = InputSignature(seen["table"], seen["n_features_in"], names)
        return state["class"], params, fitted, checked_fields(signature)


def _encode_labels(labels: Any) -> dict[str, Any]:
    values = labels.view(np.int64) if labels.dtype.kind in "Mm" else labels
    values = [value.item() if isinstance(value, np.generic) else value for value in values.tolist()]
    if not all(isinstance(value, bool | int | float | str) for value in values):
        raise ParameterError("y", values, "text, numbers, booleans or datetime64 in a saved classifier")
    return {"dtype": labels.dtype.str if labels.dtype != object else "object", "values": values}


def _decode_labels(stored: dict[str, Any]) -> Any:
    return np.array(stored["values"], dtype=stored["dtype"])
