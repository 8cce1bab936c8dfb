"""Which models a comparison has: baselines, ours, and those of the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from sklearn.base import clone

from ssmts.errors import ParameterError
from ssmts.estimators import (
    DriftForecaster,
    LinearSSMForecaster,
    NaiveForecaster,
    SeasonalNaiveForecaster,
    StatsForecaster,
    WindowMeanForecaster,
)

__all__ = ["NAMED", "named_models"]


NAMED: dict[str, Callable[[], Any]] = {
    "naive": NaiveForecaster,
    "seasonal_naive": SeasonalNaiveForecaster,
    "drift": DriftForecaster,
    "window_mean": WindowMeanForecaster,
    "auto_ets": lambda: StatsForecaster(model="AutoETS"),
    "auto_theta": lambda: StatsForecaster(model="AutoTheta"),
    "linear_ssm": LinearSSMForecaster,
}
_FROM_STATSFORECAST = ("auto_ets", "auto_theta")
_MOST_LOCAL = 100  # series and channels: statsforecast's models take about a second for each


def named_models(models: Any, season: int, n_members: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Unfitted copies of the models by their names.

    Parameters
    ----------
    models : None, mapping, or sequence of str and estimators
        As for :func:`ssmts.compare`.
    season : int
        In reference steps.
    n_members : int
        Number of series and channels.
    parameters : mapping
        Set where a model has a parameter of that name and the value is not None.

    Raises
    ------
    ParameterError
        If a model is unknown, or no forecaster.
    """
    if models is None:
        names = [
            name
            for name in NAMED
            if (season > 1 or name != "seasonal_naive")
            and (name not in _FROM_STATSFORECAST or (find_spec("statsforecast") and n_members <= _MOST_LOCAL))
        ]
        given: dict[str, Any] = {name: name for name in names}
    elif isinstance(models, Mapping):
        given = {str(name): model for name, model in models.items()}
    elif isinstance(models, Sequence) and not isinstance(models, str):
        given = {}
        for model in models:
            name = model if isinstance(model, str) else type(model).__name__
            like = sum(known.split(" ")[0] == name for known in given)
            given[f"{name} {like + 1}" if like else name] = model
    else:
        raise ParameterError("models", models, "None, a list of models, or a mapping from names to models")
    if not given:
        raise ParameterError("models", models, "at least one model")
    return {name: _copy(model, season, parameters) for name, model in given.items()}


def _copy(model: Any, season: int, parameters: Mapping[str, Any]) -> Any:
    if isinstance(model, str):
        if model not in NAMED:
            raise ParameterError("models", model, f"one of {', '.join(NAMED)}, or a forecaster")
        if model in _FROM_STATSFORECAST and not find_spec("statsforecast"):
            raise ImportError(f"{model} needs statsforecast: pip install statsforecast")
        model = NAMED[model]()
    elif isinstance(model, type) or not all(hasattr(model, verb) for verb in ("fit", "cross_validate")):
        raise ParameterError("models", model, f"one of {', '.join(NAMED)}, or a forecaster (not its class)")
    else:
        model = clone(model)
    own = model.get_params(deep=False)
    asked = {name: value for name, value in parameters.items() if name in own and value is not None}
    if "season" in own and own["season"] is None:
        asked["season"] = season
    return model.set_params(**asked)
