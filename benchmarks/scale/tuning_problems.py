"""Problems of the benchmark on tuning: data to search on, a space, and the judgement on the test span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import FloatDistribution
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.windows import evaluate, split, standardised
from ssmts import MambaClassifier, S4Forecaster
from ssmts_datasets import load_ett, load_spoken_digits

__all__ = ["PROBLEMS", "Problem"]


@dataclass(frozen=True)
class Problem:
    """One estimator on one data set.

    Parameters
    ----------
    estimator : estimator
        With its defaults.
    X, y : data
        Of the search, its validation part included.
    cv : splitter or None
        Which rows are the validation part; None: the last quarter.
    space : space or None
        None: the default one.
    measure : str
        What `errors` makes of scores.
    errors : callable
        Scores to errors, element by element.
    test : callable
        Fits an estimator on X and judges it on the test span.
    """

    estimator: Any
    X: Any
    y: Any
    cv: Any
    space: Any
    measure: str
    errors: Callable[[Any], Any]
    test: Callable[[Any], float]


def etth2() -> Problem:
    """S4Forecaster on ETTh2, 96 steps: the bank, the context and the deep branch.

    The last quarter of 16 months, which `tune` holds out, are the 4 months of the validation span.
    """
    dataset = standardised(load_ett("ETTh2"))

    def test(estimator: Any) -> float:
        parts = split(dataset, 1, test=True)
        estimator.fit(parts.learnt)
        context = int(estimator.context_length_)
        return evaluate(estimator, split(dataset, context, test=True).judged)["mse"]

    return Problem(
        estimator=S4Forecaster(horizon=96, random_state=0),
        X=pd.concat([dataset.train, dataset.validation]),
        y=None,
        cv=None,
        space=None,
        measure="MSE (training scale on validation, standardised on test)",
        errors=lambda scores: -np.asarray(scores),
        test=test,
    )


def digits() -> Problem:
    """MambaClassifier on spoken digits, raw at 8 kHz: 240 recordings to learn from, 300 to be judged on.

    They come from 10 recordings of every digit by each of six speakers; the test part are the 300 recordings
    of the data set's own split. A trial has to end in half a minute: 16 readouts (of 128) and 12 epochs (of
    40) for the defaults as well.
    """
    few, test_part = load_spoken_digits().split(train=range(10, 20))

    def test(estimator: Any) -> float:
        estimator.fit(few.recordings, few.labels)
        return 1.0 - float(estimator.score(test_part.recordings, test_part.labels))

    return Problem(
        estimator=MambaClassifier(n_readouts=16, max_epochs=12, random_state=0),
        X=few.recordings,
        y=few.labels,
        cv=StratifiedShuffleSplit(1, train_size=240, test_size=300, random_state=0),
        space={
            "d_model": [32, 64],
            "d_state": [8, 16],
            "n_layers": [1, 2],
            "n_modes": [32, 64],
            "dropout": FloatDistribution(0.0, 0.5),
            "learning_rate": FloatDistribution(1e-3, 2e-2, log=True),
        },
        measure="share of errors",
        errors=lambda scores: 1.0 - np.asarray(scores),
        test=test,
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {"ETTh2-96": etth2, "digits": digits}
