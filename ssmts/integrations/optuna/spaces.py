"""What is searched: spaces as dicts or functions of a trial, and small ones that suit an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import BaseTrial, create_trial

from ssmts.data import parse_horizon, reference_step
from ssmts.errors import ParameterError
from ssmts.estimators import SSMClassifier, SSMForecaster, SSMRegressor
from ssmts.integrations._estimators import panel_of, trains_by_gradient
from ssmts.wording import shown

__all__ = [
    "DictSpace",
    "FunctionSpace",
    "Space",
    "Suggest",
    "default_space",
    "read_space",
]

Space = Mapping[str, BaseDistribution | Sequence[Any]] | Callable[[Any], Mapping[str, Any]]
Suggest = Callable[[Any], dict[str, Any]]

_CONTEXTS = (1, 2, 4, 8, 16, 32)  # in horizons


def default_space(estimator: Any, X: Any) -> dict[str, BaseDistribution]:
    """Space of an estimator: small, and around the parameters it has.

    What is solved in closed form alone is searched over a grid, of at most 21 points for forecasters (the
    bank and the context), which `tune` walks through once. Deep branches add their size, dropout and learning
    rate, and selective layers the state size, which is their memory.

    Parameters
    ----------
    estimator : forecaster, classifier or regressor
        The `horizon` of a forecaster sets the unit of the contexts.
    X : frame or array
        The data: contexts stop at half of the longest series.

    Returns
    -------
    dict of str to optuna.distributions.BaseDistribution

    Raises
    ------
    ParameterError
        If there is no default space for this estimator.
    """
    if isinstance(estimator, SSMForecaster):
        contexts = [estimator.context_length, *_contexts(estimator, X)]
        space: dict[str, BaseDistribution] = {
            "context_length": CategoricalDistribution(list(dict.fromkeys(contexts))),
            "n_modes": CategoricalDistribution(sorted({32, 64, 128, estimator.n_modes})),
        }
    elif isinstance(estimator, SSMClassifier | SSMRegressor):
        space = {"n_readouts": CategoricalDistribution(sorted({32, 64, 128, 256, estimator.n_readouts}))}
    else:
        kind = type(estimator).__name__
        raise ParameterError("space", None, f"given for a {kind}: it has no default space")
    if trains_by_gradient(estimator):
        space |= {
            "d_model": CategoricalDistribution([32, 64, 128]),
            "n_layers": IntDistribution(1, 3),
            "dropout": FloatDistribution(0.1, 0.6),
            "learning_rate": FloatDistribution(5e-4, 1e-2, log=True),
        }
        if not isinstance(estimator, SSMForecaster):
            del space["n_readouts"]  # the closed form's, which the deep branch is stacked on
            space["n_modes"] = CategoricalDistribution([32, 64, 128])
        if "Mamba" in type(estimator).__name__:
            space["d_state"] = CategoricalDistribution([8, 16, 32, 64])
    return space


def _contexts(estimator: SSMForecaster, X: Any) -> list[int]:
    """Multiples of the horizon in reference steps, with room for origins and their futures."""
    panel = panel_of(estimator, X)
    step = reference_step(panel)
    horizon = max(
        1,
        int(
            np.ceil(
                parse_horizon(estimator.horizon, panel.clock, panel.layout.counted_step(step)) / step - 1e-6
            )
        ),
    )
    longest = max(float(series.times[-1] - series.times[0]) for series in panel.series) / step
    fitting = [m * horizon for m in _CONTEXTS if m * horizon >= 2 and (m + 1) * horizon <= 0.5 * longest]
    return fitting or [max(2, int(0.25 * longest))]


@dataclass(frozen=True)
class DictSpace:
    """A space given as a dict, as a function of a trial.

    Parameters
    ----------
    distributions : dict of str to BaseDistribution
    """

    distributions: dict[str, BaseDistribution]

    def __call__(self, trial: BaseTrial) -> dict[str, Any]:
        """Draw every parameter."""
        params: dict[str, Any] = {}
        for name, part in self.distributions.items():
            if isinstance(part, IntDistribution):
                params[name] = trial.suggest_int(name, part.low, part.high, step=part.step, log=part.log)
            elif isinstance(part, FloatDistribution):
                params[name] = trial.suggest_float(name, part.low, part.high, step=part.step, log=part.log)
            elif isinstance(part, CategoricalDistribution):
                params[name] = trial.suggest_categorical(name, part.choices)
        return params

    @property
    def as_json(self) -> dict[str, str]:
        """Every distribution as JSON, by name."""
        return {name: distribution_to_json(part) for name, part in sorted(self.distributions.items())}

    def points(self, own: dict[str, Any], *, whole: bool, seed: int | None) -> list[dict[str, Any]]:
        """Points to begin with: an estimator's own and, if wanted, all others of a finite space, shuffled."""
        parts = self.distributions
        first = {name: own[name] for name in parts}
        try:
            create_trial(value=0.0, params=first, distributions=parts)
            found = [first]
        except (ValueError, TypeError):  # it lies outside the space
            found = []
        choices = [part.choices for part in parts.values() if isinstance(part, CategoricalDistribution)]
        if whole and len(choices) == len(parts):
            others = [dict(zip(parts, point)) for point in product(*choices)]
            np.random.default_rng(seed).shuffle(others)
            found += [point for point in others if point not in found]
        return found


@dataclass(frozen=True)
class FunctionSpace:
    """A space given as a function of a trial; it must return a dict of parameters."""

    function: Callable[[Any], Any]

    def __call__(self, trial: BaseTrial) -> dict[str, Any]:
        """Ask the function."""
        params = self.function(trial)
        if not isinstance(params, Mapping):
            raise ParameterError(
                "space", self.function, f"a function that returns a dict, not {shown(params)}"
            )
        return dict(params)


def read_space(space: Any, estimator: Any) -> DictSpace | FunctionSpace:
    """Read what a user calls a space.

    Raises
    ------
    ParameterError
        It is of another kind, is empty, or names a parameter that the estimator does not have.
    """
    if callable(space):
        return FunctionSpace(space)
    if not isinstance(space, Mapping) or not space:
        raise ParameterError("space", space, "a dict of distributions and lists, or a function of a trial")
    known = estimator.get_params()
    distributions: dict[str, BaseDistribution] = {}
    for name, part in space.items():
        if name not in known:
            raise ParameterError("space", name, f"made of parameters of {type(estimator).__name__}")
        if isinstance(part, BaseDistribution):
            distributions[name] = part
        elif isinstance(part, list | tuple) and len(part):
            distributions[name] = CategoricalDistribution(part)
        else:
            raise ParameterError("space", {name: part}, "a distribution of Optuna or a list of choices each")
    return DictSpace(distributions)
