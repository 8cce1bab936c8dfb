"""Saved forecasters: one safetensors file with JSON in its header, no code."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmts.data import CovariateColumns, Covariates, Layout, Panel, Series
from ssmts.data.labels import decode_label, encode_label
from ssmts.estimators.forecasters.file_checks import (
    check_fitted,
    check_panel,
    checked_config,
    require_spreads,
)
from ssmts.estimators.parameter_json import decode_param, encode_param
from ssmts.estimators.registry import FORECASTERS
from ssmts.models import ForecastModel, ModelConfig
from ssmts.models.covariates.channel_mixing import Mixing
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.forecasting.bounds import Bounds
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.partial_fit import sums_from_state, sums_to_state
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.static_groups import StaticClasses
from ssmts.training import read_safetensors, write_safetensors_atomic
from ssmts.training.content import checked_fields, interpreting
from ssmts.training.files import below

__all__ = ["read_estimator", "read_forecaster", "revived", "write_forecaster"]


def write_forecaster(
    path: str | os.PathLike[str],
    class_name: str,
    params: dict[str, Any],
    fitted: FittedForecaster,
    *,
    tail: bool,
    sums: bool = False,
    kind: str = "model",
) -> None:
    """Write a forecaster; see :func:`ssmts.training.write_safetensors_atomic`."""
    tensors = fitted.model.to_tensors()
    tensors["scaling.scale"] = torch.from_numpy(fitted.scaling.scale)
    if fitted.scaling.mean is not None:
        tensors["scaling.level"] = torch.from_numpy(fitted.scaling.mean)
    state: dict[str, Any] = {
        "class": class_name,
        "params": {name: encode_param(name, value) for name, value in params.items()},
        "config": fitted.model.config.to_dict(),
        "layout": fitted.layout.to_dict(),
        "ids": [encode_label(id_) for id_ in fitted.scaling.ids],
        "grouping": fitted.scaling.grouping,
        "zero": fitted.scaling.zero,
        "classes": None if fitted.scaling.classes is None else fitted.scaling.classes.to_dict(),
        "step": fitted.step,
        "horizon": fitted.horizon,
        "history": fitted.history,
        "tail": None,
        "covariates": None if fitted.columns is None else fitted.columns.to_dict(),
        "effect": None,
        "mixing": None,
        "bounds": None if fitted.bounds is None else fitted.bounds.to_list(),
    }
    if fitted.effect is not None:
        state["effect"] = fitted.effect.to_dict()
        tensors |= {f"effect.{name}": tensor for name, tensor in fitted.effect.to_tensors().items()}
    if fitted.mixing is not None:
        state["mixing"] = fitted.mixing.to_dict()
        tensors |= {f"mixing.{name}": tensor for name, tensor in fitted.mixing.to_tensors().items()}
    if tail and fitted.tail is not None:
        state["tail"] = _write_rows(fitted.tail, tensors, "tail")
    if sums and fitted.sums is not None:
        own, state["memory"] = sums_to_state(fitted.sums)
        state["memory"]["tail"] = _write_rows(fitted.sums.tail, tensors, "memory.tail")
        tensors |= {f"memory.{name}": tensor for name, tensor in own.items()}
    write_safetensors_atomic(path, tensors, state, kind=kind)


def read_forecaster(
    path: str | os.PathLike[str], *, kind: str = "model"
) -> tuple[str, dict[str, Any], FittedForecaster]:
    """Read what :func:`write_forecaster` wrote.

    Returns
    -------
    class_name : str
    params : dict
    fitted : FittedForecaster

    Raises
    ------
    ModelFileError
        If the file holds no model that this version can read.
    """
    tensors, state = read_safetensors(path, kind=kind)
    with interpreting(path, "a forecaster"):
        require_spreads(tensors)
        layout = checked_fields(Layout.from_dict(state["layout"]))
        mean, classes = tensors.get("scaling.level"), state.get("classes")  # not in older files
        scaling = Scaling(
            ids=tuple(decode_label(id_) for id_ in state["ids"]),
            scale=tensors["scaling.scale"].numpy(),
            grouping=state["grouping"],
            mean=None if mean is None else mean.numpy(),
            classes=None if classes is None else StaticClasses.from_dict(classes),
            zero=state.get("zero", 0),
        )
        model = ForecastModel.from_tensors(checked_config(ModelConfig.from_dict(state["config"])), tensors)
        tail = None if state["tail"] is None else _read_rows(state["tail"], tensors, "tail", layout)
        columns = state.get("covariates")  # not in older files
        columns = None if columns is None else CovariateColumns.from_dict(columns)
        named = columns or CovariateColumns()
        effect, mixing = None, None
        if state.get("mixing") is not None:
            own = below("mixing.", tensors)
            mixing = Mixing.rebuilt(state["mixing"], own, named, scaling, state["step"])
        if state.get("effect") is not None:
            own = below("effect.", tensors)
            effect = CovariateEffect.rebuilt(state["effect"], own, named, layout, scaling.ids)
        sums = None
        if "memory" in state:
            own = below("memory.", tensors)
            rows = _read_rows(state["memory"]["tail"], tensors, "memory.tail", layout)
            sums = sums_from_state(own, state["memory"], rows)
        fitted = FittedForecaster(
            model=model,
            layout=layout,
            scaling=scaling,
            step=state["step"],
            horizon=state["horizon"],
            tail=tail,
            history=state["history"],
            columns=columns,
            effect=effect,
            mixing=mixing,
            sums=sums,
            bounds=Bounds.from_list(state.get("bounds")),
        )
        check_fitted(fitted)
        params = {name: decode_param(value) for name, value in state["params"].items()}
        return state["class"], params, fitted


def read_estimator(path: str | os.PathLike[str], *, kind: str) -> Any:
    """The estimator in a file of kind "model", or "stream", where the tail is the windows of the stream."""
    name, params, fitted = read_forecaster(path, kind=kind)
    return revived(FORECASTERS.named(name, path), params, fitted, path)


def revived(cls: type[Any], params: dict[str, Any], fitted: FittedForecaster, path: Any) -> Any:
    """An estimator of a class with what its file holds."""
    with interpreting(path, f"a {cls.__name__}"):
        model = cls(**params)
        model._adopt(fitted)
    return model


def _write_rows(panel: Panel, tensors: dict[str, Tensor], prefix: str) -> dict[str, Any]:
    """Add the rows of a panel to the tensors; returns the ids and lengths needed to read them."""
    series = panel.series
    state: dict[str, Any] = {
        "ids": [encode_label(one.id) for one in series],
        "lengths": [len(one.times) for one in series],
    }
    if series:  # a stream may hold none
        tensors[f"{prefix}.times"] = torch.from_numpy(np.concatenate([one.times for one in series]))
        tensors[f"{prefix}.values"] = torch.from_numpy(np.concatenate([one.values for one in series]))
    known = [one.covariates for one in series if one.covariates is not None]
    if known:
        state["covariate_lengths"] = [len(one.times) for one in known]
        for name in ("times", "values"):
            joined = np.concatenate([getattr(one, name) for one in known])
            tensors[f"{prefix}.covariates.{name}"] = torch.from_numpy(joined)
        tensors[f"{prefix}.covariates.static"] = torch.from_numpy(np.stack([one.static for one in known]))
    return state


def _read_rows(state: dict[str, Any], tensors: dict[str, Tensor], prefix: str, layout: Layout) -> Panel:
    """Inverse of :func:`_write_rows`."""
    ids = [decode_label(id_) for id_ in state["ids"]]
    covariates: list[Covariates | None] = [None] * len(ids)
    if "covariate_lengths" in state:
        lengths = state["covariate_lengths"]
        own = (_split(tensors, f"{prefix}.covariates.{name}", lengths) for name in ("times", "values"))
        static = tensors[f"{prefix}.covariates.static"].numpy()
        covariates = [Covariates(*parts) for parts in zip(*own, static)]
    rows = (_split(tensors, f"{prefix}.{name}", state["lengths"]) for name in ("times", "values"))
    panel = Panel(tuple(Series(*one) for one in zip(ids, *rows, covariates, strict=True)), layout)
    check_panel(panel)
    return panel


def _split(tensors: dict[str, Tensor], name: str, lengths: list[int]) -> list[NDArray[Any]]:
    """Parts of a tensor along its first axis; a stream without series has none."""
    cuts = itertools.pairwise([0, *np.cumsum(lengths).tolist()])
    return [tensors[name].numpy()[slice(*cut)] for cut in cuts]
