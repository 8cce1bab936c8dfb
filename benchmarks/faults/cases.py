"""Cases of classifiers and regressors, labels and weights, and what may be wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.faults.frames import broken
from benchmarks.faults.values import CELLS, pick

__all__ = ["COLLECTIONS", "LABELS", "NUMBERS", "broken_cases", "broken_targets"]

N, LENGTH = 12, 20
LABELS = np.array(["a", "b", "c"] * (N // 3))
NUMBERS = np.linspace(-1.0, 1.0, N)
_VALUES = np.random.default_rng(1).normal(size=(N, 2, LENGTH)) + np.arange(N)[:, None, None] % 3

Generator = np.random.Generator


def _long() -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=LENGTH, freq="h")
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(N), LENGTH),
            "ds": np.tile(stamps, N),
            "u": _VALUES[:, 0].ravel(),
            "v": _VALUES[:, 1].ravel(),
        }
    )


# name: well-formed cases, parameters of the estimator
COLLECTIONS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "table": (lambda: _VALUES[:, 0].copy(), {}),
    "array": (lambda: _VALUES.copy(), {}),
    "ragged": (lambda: [case[:, : LENGTH - k % 5] for k, case in enumerate(_VALUES)], {}),
    "long": (_long, {"id_col": "id", "time_col": "ds"}),
    "observations": (
        lambda: _long().melt(["id", "ds"], var_name="which", value_name="value"),
        {"id_col": "id", "time_col": "ds", "channel_col": "which"},
    ),
    "polars": (lambda: pl.DataFrame(_long()), {"id_col": "id", "time_col": "ds"}),
}


def broken_cases(rng: Generator, X: Any) -> Any:
    """A copy of X with up to three faults."""
    if not isinstance(X, list):
        return broken(rng, X)
    X = [case.copy() for case in X]
    for _ in range(int(rng.integers(3))):
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            X = pick(rng, _LISTS)(rng, X)
    return X


def _replaced(case: Callable[[Generator, Any], Any]) -> Callable[[Generator, Any], Any]:
    """One case of a list by another thing."""

    def replaced(rng: Generator, X: list[Any]) -> list[Any]:
        k = int(rng.integers(len(X)))
        return [*X[:k], case(rng, X[k]), *X[k + 1 :]]

    return replaced


_LISTS: tuple[Callable[[Generator, Any], Any], ...] = (
    _replaced(lambda rng, case: pick(rng, CELLS)),
    _replaced(lambda rng, case: case[0]),
    _replaced(lambda rng, case: case[:, : pick(rng, (0, 1, 2))]),
    _replaced(lambda rng, case: case * pick(rng, (np.nan, np.inf, 1e300, 0.0))),
    _replaced(lambda rng, case: case.astype(pick(rng, (object, str, complex, bool, "f2", "M8[s]")))),
    _replaced(lambda rng, case: case.tolist()),
    _replaced(lambda rng, case: pd.DataFrame(case.T)),
    _replaced(lambda rng, case: pd.Series(case[0])),
    _replaced(lambda rng, case: pl.Series(case[0])),
    _replaced(lambda rng, case: case[None]),
    _replaced(lambda rng, case: np.vstack([case, case])),
    lambda rng, X: X[: pick(rng, (0, 1, 2))],
    lambda rng, X: X + X,
    lambda rng, X: tuple(X),
    lambda rng, X: np.array(X, dtype=object),
    lambda rng, X: [X],
    lambda rng, X: dict(enumerate(X)),
    lambda rng, X: iter(X),
    lambda rng, X: X[::-1],
)


def broken_targets(rng: Generator, y: Any) -> Any:
    """Labels, numbers or weights with a fault, or without."""
    if rng.random() < 0.5:
        return y
    with warnings.catch_warnings(action="ignore"):
        return pick(rng, _TARGETS)(rng, y)


def _with_cell(rng: Generator, y: Any) -> Any:
    items = list(y)
    items[int(rng.integers(len(items)))] = pick(rng, CELLS)
    return items


def _objects(rng: Generator, y: Any) -> Any:
    array = np.empty(len(y), dtype=object)
    array[:] = _with_cell(rng, y)
    return array


_TARGETS: tuple[Callable[[Generator, Any], Any], ...] = (
    _with_cell,
    _with_cell,
    _objects,
    _objects,
    lambda rng, y: pd.Series(_objects(rng, y)),
    lambda rng, y: [pick(rng, CELLS)] * len(y),
    lambda rng, y: [pick(rng, CELLS) for _ in y],
    lambda rng, y: pick(rng, CELLS),
    lambda rng, y: y[:-1],
    lambda rng, y: [],
    lambda rng, y: y[:, None],
    lambda rng, y: np.stack([y, y], axis=1),
    lambda rng, y: pd.Series(y, index=range(100, 100 + len(y))),
    lambda rng, y: pd.Series(y[:3]),
    lambda rng, y: pd.Series(y).astype(pick(rng, ("category", "string", object))),
    lambda rng, y: pl.Series(list(y)),
    lambda rng, y: pd.DataFrame({"y": y, "z": y}),
    lambda rng, y: dict(enumerate(y)),
    lambda rng, y: np.arange(len(y)),
    lambda rng, y: np.zeros(len(y)),
    lambda rng, y: -np.ones(len(y)),
    lambda rng, y: np.full(len(y), np.nan),
    lambda rng, y: np.full(len(y), 1e300),
    lambda rng, y: np.arange(len(y)) % 2 == 0,
    lambda rng, y: np.arange(len(y)).astype("M8[D]"),
    lambda rng, y: np.arange(len(y)).astype("m8[D]"),
    lambda rng, y: np.arange(len(y)) * 1j,
    lambda rng, y: np.array([b"a", b"b"] * len(y))[: len(y)],
    lambda rng, y: (item for item in y),
    lambda rng, y: "abc" * 4,
)
