"""Whether the parts of a forecaster that came from a file make a forecaster."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmts.data import Panel, Series, write_forecast
from ssmts.errors import SSMTSError
from ssmts.models import ModelConfig
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.models.forecasting.quantiles import quantiles_around
from ssmts.models.sequences.scaling import Scaling
from ssmts.training.content import checked_fields

__all__ = ["check_fitted", "check_panel", "checked_config", "require_spreads"]

_GROUPINGS = ("series", "static", "channel", "none", "panel")
_LONGEST = 2**31  # reference steps of a context or a horizon, and modes
_SERIES = 32  # forecast in a rehearsal at most
_WAVE = 4096  # observations of a rehearsal at most


def check_panel(panel: Panel) -> None:
    """Raise unless times and values of a panel are as `ssmts.data` reads them.

    Raises
    ------
    ValueError, TypeError
    """
    dtype = np.int64 if panel.clock.kind == "datetime" else np.float64
    for one in panel.series:
        hash(one.id)
        if one.times.dtype != dtype or one.times.ndim != 1 or (np.diff(one.times) <= 0).any():
            raise ValueError(f"times of series {one.id!r} are not increasing numbers of {np.dtype(dtype)}")
        if one.values.dtype != np.float64 or one.values.shape != (len(one.times), panel.n_channels):
            raise ValueError(f"values of series {one.id!r} do not belong to its times and channels")
        known = one.covariates
        if known is not None and (known.times.ndim != 1 or known.values.shape[:1] != known.times.shape):
            raise ValueError(f"covariates of series {one.id!r} do not belong to their times")
    if len({one.id for one in panel.series}) < len(panel.series):
        raise ValueError("two series of the tail share an id")


def require_spreads(tensors: Mapping[str, Tensor]) -> None:
    """Raise unless centres and spreads of covariates are finite, and spreads positive: they divide."""
    for branch in ("effect", "mixing"):
        for name in (f"{branch}.center", f"{branch}.spread"):
            own = tensors.get(name, torch.ones(1))
            if not bool(torch.isfinite(own).all()) or (name.endswith("spread") and not bool((own > 0).all())):
                raise ValueError(f"tensor {name!r} is not finite and positive")


def checked_config(config: ModelConfig) -> ModelConfig:
    """A config whose fields hold what their annotations say, within bounds.

    Raises
    ------
    ValueError, TypeError
    """
    linear = checked_fields(checked_fields(config).linear)
    if config.deep is not None:
        checked_fields(config.deep)
        for name in ("d_model", "d_state", "n_layers", "n_tokens", "token_stride", "n_members"):
            check_positive(name, getattr(config.deep, name))
    for name in ("context", "horizon", "n_modes"):
        check_positive(name, getattr(linear, name))
    if linear.period is not None:
        check_positive("period", linear.period)
    return config


def check_positive(name: str, value: Any) -> None:
    """Raise unless a number of a file is a positive one that arrays can be made of."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r:.80}, not a positive number")
    if name != "step" and value > _LONGEST:
        raise ValueError(f"{name} is {value:g}, more than {_LONGEST}")


def check_fitted(fitted: FittedForecaster) -> None:
    """Raise unless a forecaster describes itself soundly and can forecast.

    Raises
    ------
    Exception
        Of whatever kind the part raises that does not fit the others.
    """
    check_positive("step", fitted.step)
    check_positive("longest forecast in steps", fitted.horizon / fitted.step)
    if not isinstance(fitted.history, dict):
        raise TypeError("history is no dictionary")
    categories = fitted.layout.id_categories
    if categories is not None and not {*fitted.scaling.ids} <= {*categories}:
        raise ValueError("ids of series are not among the categories of the ids")
    _check_scaling(fitted.scaling, len(fitted.layout.channels))
    bounds = fitted.bounds
    if bounds is not None and not (
        len(bounds.low) == len(fitted.layout.channels) and (bounds.low < bounds.high).all()
    ):
        raise ValueError("bounds are not one pair for each channel, the lowest below the highest")
    _rehearse(fitted)


def _check_scaling(scaling: Scaling, n_channels: int) -> None:
    shape = (len(scaling.ids), n_channels)
    if scaling.grouping not in _GROUPINGS or type(scaling.zero) is not int:
        raise ValueError(f"grouping and zero are {scaling.grouping!r:.80} and {scaling.zero!r:.80}")
    if len(set(scaling.ids)) < len(scaling.ids):
        raise ValueError("two series share an id")
    if scaling.grouping == "static" and scaling.classes is None:
        raise ValueError("series are grouped by classes, and there are none")
    for name, own in (("scale", scaling.scale), ("level", scaling.mean)):
        if own is not None and (own.shape != shape or own.dtype != np.float64):
            raise ValueError(f"scaling.{name} is {own.shape} of {own.dtype}, not {shape} of float64")
    if not ((scaling.scale > 0) & (scaling.scale < np.inf)).all():
        raise ValueError("scaling.scale is not positive")


def _rehearse(fitted: FittedForecaster) -> None:
    """Forecast some series, so that parts that do not fit each other are found here and not in `predict`."""
    tail = fitted.tail
    some = tail.series[:_SERIES] if tail is not None and tail.series else (_wave(fitted),)
    horizon = None
    if fitted.effect is not None:  # what is known of the last row of a series is known ahead
        some, horizon = tuple(replace(s, times=s.times[:-1], values=s.values[:-1]) for s in some), 1
    panel = Panel(some, fitted.layout)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dead channels, say: `predict` says it again
            times, values = forecast_panel(fitted, panel, horizon=horizon)
            if fitted.model.error_quantiles is not None:
                around = quantiles_around(fitted, panel, times, values, np.array([0.1, 0.9]))
                if any((np.isfinite(v)[..., None] & ~np.isfinite(q)).any() for v, q in zip(values, around)):
                    raise ValueError("quantiles of its forecasts are not finite")
            write_forecast(panel.layout, panel.ids, times, values)
    except (SSMTSError, ImportError):
        # Polars may not be here; what these series lack, or that a forecast is not finite, `predict` says.
        return


def _wave(fitted: FittedForecaster) -> Series:
    """A context of a training series, had it been a wave."""
    n = int(min(fitted.model.config.linear.context, _WAVE)) + 1
    times: Any = np.arange(n) * fitted.step
    times = times.astype(np.int64 if fitted.layout.clock.kind == "datetime" else np.float64)
    values = np.repeat(np.sin(np.arange(float(n)))[:, None], len(fitted.layout.channels), axis=1)
    return Series(fitted.scaling.ids[0], times, values)
