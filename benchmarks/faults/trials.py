"""Trials by number: hostile input, and what an estimator as it comes is asked to do with it."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks.faults.cases import COLLECTIONS, LABELS, NUMBERS, broken_cases, broken_targets
from benchmarks.faults.frames import SHAPES, broken
from benchmarks.faults.values import CELLS, HORIZONS, INSTANTS, LEVELS, NAMES, QUANTILES, STEPS, pick
from ssmts import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor

__all__ = ["Trial", "make_trial"]

HORIZON = 6
Generator = np.random.Generator
Trial = tuple[str, Callable[[], Any]]


def make_trial(seed: int, number: int) -> Trial:
    """What is asked, in words, and the call."""
    rng = np.random.default_rng([seed, number])
    kind = pick(rng, 10 * (_ask,) + 2 * (_fit,) + 3 * (_judge,) + 2 * (_fit_cases,) + (_stream, _refit))
    return kind(rng)


@cache
def _forecaster(shape: str) -> LinearSSMForecaster:
    make, parameters = SHAPES[shape]
    return LinearSSMForecaster(HORIZON, **parameters).fit(make())


@cache
def _of_cases(regresses: bool, shape: str) -> Any:
    make, parameters = COLLECTIONS[shape]
    return _estimator(regresses, parameters).fit(make(), NUMBERS if regresses else LABELS)


def _estimator(regresses: bool, parameters: dict[str, Any]) -> Any:
    cls = LinearSSMRegressor if regresses else LinearSSMClassifier
    return cls(**parameters, random_state=0)


def _shape(rng: Generator, shapes: dict[str, Any]) -> str:
    return str(pick(rng, tuple(shapes)))


def _history(rng: Generator, shape: str) -> Any:
    """History for a model of this shape: broken, well, none, or that of another shape."""
    way = rng.random()
    if way < 0.2:
        return None
    if way < 0.3:
        return SHAPES[shape][0]()
    other = _shape(rng, SHAPES) if way < 0.35 else shape
    return broken(rng, SHAPES[other][0]())


def _options(rng: Generator, shape: str) -> dict[str, Any]:
    """Options of `predict`, each given by chance, bad by chance."""
    chance = rng.random(4)
    options: dict[str, Any] = {}
    if chance[0] < 0.2:
        options["horizon"] = pick(rng, HORIZONS)
    if chance[1] < 0.15:
        options["step"] = pick(rng, STEPS)
    if chance[2] < 0.1:
        options["at"] = pick(rng, INSTANTS)
    if "future" in shape or chance[3] < 0.05:
        options["future"] = _future(rng, shape)
    return options


def _future(rng: Generator, shape: str) -> Any:
    """Rows of covariates after training, broken by chance; of any frame where there are none."""
    X = SHAPES[shape][0]()
    if "future" in shape:
        is_long = "long" in shape
        X = X.assign(ds=X["ds"] + np.timedelta64(60, "h")) if is_long else X.shift(60, freq="h")
        X = X.drop(columns=["y"] if is_long else ["a", "b"])
    return X if rng.random() < 0.3 else broken(rng, X)


def _ask(rng: Generator) -> Trial:
    """A verb of a fitted forecaster."""
    shape = _shape(rng, SHAPES)
    model, X, options = _forecaster(shape), _history(rng, shape), _options(rng, shape)
    verb = str(pick(rng, 6 * ("predict",) + 2 * (*_VERBS,) + (*_OTHERS,)))
    given = _VERBS[verb](rng) if verb in _VERBS else _OTHERS[verb](rng) if verb in _OTHERS else {}
    if verb in _OTHERS:
        options = {}
    ask = getattr(copy.copy(model), verb)
    words = ", ".join(f"{name}={_shown(value)}" for name, value in (given | options).items())

    def call() -> Any:
        try:
            return ask(X=X, **given, **options)
        finally:
            plt.close("all")

    return f"{shape}: {verb}({_words(X)}, {words})", call


def _shown(value: Any) -> str:
    """The beginning of a value; frames with odd names cannot be shown."""
    try:
        return f"{value!r:.60}"
    except Exception as error:
        return f"a {type(value).__name__} that cannot be shown ({type(error).__name__})"


_VERBS: dict[str, Callable[[Generator], dict[str, Any]]] = {
    "predict_interval": lambda rng: {"level": pick(rng, LEVELS)},
    "predict_quantiles": lambda rng: {"quantiles": pick(rng, QUANTILES)},
    "sample": lambda rng: {"n": pick(rng, (2, 2, 2, *LEVELS)), "random_state": pick(rng, (0, 0, *CELLS))},
    "explain": lambda rng: {},
    "plot": lambda rng: {"level": pick(rng, (None, *LEVELS))},
}
_OTHERS: dict[str, Callable[[Generator], dict[str, Any]]] = {
    "score": lambda rng: {},
    "backtest": lambda rng: {
        "stride": pick(rng, (1, 1, 7, *HORIZONS)),
        "level": pick(rng, (None, None, *LEVELS)),
        "horizon": pick(rng, (None, None, *HORIZONS)),
    },
    "reconstruct": lambda rng: {
        "at": pick(rng, (None, None, *INSTANTS)),
        "step": pick(rng, (None, *STEPS)),
        "level": pick(rng, (None, *LEVELS)),
    },
    "calibrate": lambda rng: {},
    "update": lambda rng: {},
    "partial_fit": lambda rng: {"forget": pick(rng, (None, *HORIZONS))},
    "unlearn": lambda rng: {},
}


def _words(X: Any) -> str:
    """A short word for an input."""
    return f"{type(X).__name__}{getattr(X, 'shape', '')}"


def _parameters(rng: Generator) -> dict[str, Any]:
    """Parameters of a forecaster, one or two of them bad by chance."""
    values: dict[str, tuple[Any, ...]] = {
        "horizon": HORIZONS,
        "context_length": HORIZONS,
        "id_col": NAMES,
        "time_col": NAMES,
        "channel_col": NAMES,
        "target_cols": NAMES,
        "past_covariates": NAMES,
        "future_covariates": NAMES,
        "static_covariates": NAMES,
        "freq": STEPS,
        "holidays": (*NAMES, "DE", "XX", ["DE", "FR"]),
        "quantiles": QUANTILES,
        "hold": (*NAMES, "gp", "zoh", "foh"),
        "n_modes": (8, 0, -1, 2.5, "8", None, True, [8], np.nan, 7),
        "calendar": (True, *NAMES),
        "channel_mixing": (True, *NAMES),
        "store_tail": (False, *NAMES),
        "verbose": (True, False, *NAMES),
    }
    chosen = rng.permutation(len(values))[: int(rng.integers(3))]
    return {name: pick(rng, values[name]) for name in np.array([*values])[chosen].tolist()}


def _fit(rng: Generator) -> Trial:
    """Fit of a forecaster, a forecast, and the model saved and loaded."""
    shape = _shape(rng, SHAPES)
    make, usual = SHAPES[shape]
    parameters = {"horizon": HORIZON, **usual, **_parameters(rng)}
    X = broken(rng, make())
    given: dict[str, Any] = {}
    if rng.random() < 0.15:
        given["sample_weight"] = broken_targets(rng, np.ones(60))
    if rng.random() < 0.1:
        given["validation"] = broken(rng, make())

    def call() -> Any:
        model = LinearSSMForecaster(**parameters).fit(X, **given)
        answer = model.predict() if "future" not in shape else None
        _saved(model)
        return answer

    words = ", ".join(f"{name}={value!r:.60}" for name, value in (parameters | given).items())
    return f"{shape}: fit({_words(X)}, {words})", call


def _saved(model: Any) -> None:
    """Save and load in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        type(model).load(path)


def _judge(rng: Generator) -> Trial:
    """A verb of a fitted classifier or regressor."""
    shape, regresses = _shape(rng, COLLECTIONS), bool(rng.random() < 0.3)
    model, X = _of_cases(regresses, shape), broken_cases(rng, COLLECTIONS[shape][0]())
    verb = str(
        pick(rng, ("predict", "score", "explain") if regresses else ("predict", "predict_proba", "score"))
    )
    given: dict[str, Any] = {}
    if verb == "score":
        given["y"] = broken_targets(rng, NUMBERS if regresses else LABELS)
    elif verb != "explain" and rng.random() < 0.2:
        given["times"] = _times(rng)
    words = ", ".join(f"{name}={value!r:.60}" for name, value in given.items())
    name = "regressor" if regresses else "classifier"
    return f"{name} of {shape}: {verb}({_words(X)}, {words})", lambda: getattr(model, verb)(X, **given)


def _times(rng: Generator) -> Any:
    return pick(
        rng,
        (
            np.arange(20.0),
            np.arange(20)[::-1],
            np.arange(19),
            np.tile(np.arange(20.0), (12, 1)),
            [np.arange(20 - k % 5) for k in range(12)],
            np.arange(20).astype("M8[h]"),
            *INSTANTS,
        ),
    )


def _fit_cases(rng: Generator) -> Trial:
    """Fit of a classifier or regressor, its answers, and the model saved and loaded."""
    shape, regresses = _shape(rng, COLLECTIONS), bool(rng.random() < 0.3)
    make, usual = COLLECTIONS[shape]
    values: dict[str, tuple[Any, ...]] = {
        "id_col": NAMES,
        "time_col": NAMES,
        "value_cols": NAMES,
        "channel_col": NAMES,
        "n_readouts": (8, 0, -1, 2.5, "8", None, True),
        "hold": (*NAMES, "gp", "zoh", "none"),
        "rate_range": (*LEVELS, (1, 4), (4, 1)),
        "random_state": CELLS,
    }
    if not regresses:
        values["class_weight"] = (*NAMES, "balanced", {"a": 2.0, "b": 1, "c": 1}, {"a": -1}, {"z": 1})
    chosen = rng.permutation(len(values))[: int(rng.integers(3))]
    parameters = {name: pick(rng, values[name]) for name in np.array([*values])[chosen].tolist()}
    X, y = broken_cases(rng, make()), broken_targets(rng, NUMBERS if regresses else LABELS)
    given: dict[str, Any] = {}
    if rng.random() < 0.15:
        given["sample_weight"] = broken_targets(rng, np.ones(len(LABELS)))
    if rng.random() < 0.1:
        given["times"] = _times(rng)

    def call() -> Any:
        model = _estimator(regresses, usual).set_params(**parameters).fit(X, y, **given)
        answer = model.predict(X)
        _saved(model)
        return answer

    words = ", ".join(f"{name}={value!r:.60}" for name, value in (parameters | {"y": y} | given).items())
    name = "regressor" if regresses else "classifier"
    return f"{name} of {shape}: fit({_words(X)}, {words})", call


def _stream(rng: Generator) -> Trial:
    """An observation in a stream, of a series or of a case, and a forecast from it."""
    key: dict[str, Any] = {}
    instants = (*map(pd.Timestamp, ("2024-01-03 12:00", "2024-01-03 07:30", "2024-01-08")), 61, *INSTANTS)
    values = (1.0, [1.0, 2.0], {"a": 1.0}, {"a": 1.0, "b": np.nan, "c": 2.0, "k": 1}, [1e300, 0], *CELLS)
    given = {"time": pick(rng, instants), "values": pick(rng, values)}
    if rng.random() < 0.3:
        shape = _shape(rng, COLLECTIONS)
        make = _of_cases(False, shape).stream
    else:
        shape = _shape(rng, SHAPES)
        make = _forecaster(shape).stream
        if "long" in shape or rng.random() < 0.05:
            key = {"id": pick(rng, ("p", "q", *CELLS))}

    def call() -> Any:
        stream = make()
        if "id" in key and rng.random() < 0.2:
            stream.update(SHAPES[shape][0]().head(3))
        stream.update(**given, **key)
        return stream.predict()

    return f"{shape}: stream, {given | key!r:.200}", call


def _refit(rng: Generator) -> Trial:
    """`cross_validate`."""
    shape = str(pick(rng, ("wide", "long", "numbers", "future")))
    make, usual = SHAPES[shape]
    X = broken(rng, make())
    given = {
        "n_windows": pick(rng, (1, 1, *HORIZONS[:40])),
        "step_size": pick(rng, (None, None, *HORIZONS)),
        "refit": pick(rng, (True, False, False, 2, *LEVELS)),
        "level": pick(rng, (None, None, *LEVELS)),
    }
    model = LinearSSMForecaster(HORIZON, **usual)
    return f"{shape}: cross_validate({_words(X)}, {given!r:.200})", lambda: model.cross_validate(X, **given)
