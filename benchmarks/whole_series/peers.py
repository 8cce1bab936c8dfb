"""Classifiers and regressors of whole series that are compared, each with its defaults."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aeon.classification.convolution_based import MultiRocketHydraClassifier, RocketClassifier
from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
from aeon.regression.convolution_based import (
    HydraRegressor,
    MiniRocketRegressor,
    MultiRocketHydraRegressor,
    MultiRocketRegressor,
    RocketRegressor,
)
from sklearn.dummy import DummyRegressor
from sktime.classification.deep_learning.inceptiontime import InceptionTimeClassifierTorch

from benchmarks.whole_series.problems import CLASSES, UNEQUAL
from ssmts import LinearSSMClassifier, LinearSSMRegressor

SEEDS = (0, 1, 2)
INCEPTION_SECONDS = 90.0  # of processor time, a problem


@dataclass(frozen=True)
class Peer:
    """An estimator of the table.

    Parameters
    ----------
    make : callable
        From a seed.
    unequal : bool
        Whether it reads the unequal-length version of a problem.
    seeds : tuple of int
    problems : tuple of str or None
        Problems it is for; None: all.
    """

    make: Callable[[int], Any]
    unequal: bool = False
    seeds: tuple[int, ...] = SEEDS
    problems: tuple[str, ...] | None = None


class BoundedInceptionTime(InceptionTimeClassifierTorch):  # type: ignore[misc]
    """sktime's InceptionTime, one network, that trains no longer than a bound of processor time."""

    seconds = INCEPTION_SECONDS

    def _fit(self, X: Any, y: Any) -> None:
        self.n_epochs_, self._ends = 0, time.process_time() + self.seconds
        super()._fit(X, y)

    def _run_epoch(self, epoch: int, dataloader: Any) -> None:
        if time.process_time() < self._ends:
            super()._run_epoch(epoch, dataloader)
            self.n_epochs_ = epoch + 1


CLASSIFIERS = {
    "ssmts": Peer(lambda seed: LinearSSMClassifier(random_state=seed), unequal=True),
    "ssmts, equal lengths": Peer(lambda seed: LinearSSMClassifier(random_state=seed), problems=UNEQUAL),
    "MultiRocketHydra": Peer(lambda seed: MultiRocketHydraClassifier(random_state=seed)),
    "ROCKET": Peer(lambda seed: RocketClassifier(random_state=seed)),
    "1-NN DTW": Peer(
        lambda seed: KNeighborsTimeSeriesClassifier(distance="dtw", distance_params={"window": 0.1}),
        seeds=(0,),
        problems=tuple(problem for problem in CLASSES if problem != "SpokenDigits"),  # beyond ten minutes
    ),
    "InceptionTime": Peer(lambda seed: BoundedInceptionTime(random_state=seed), seeds=(0,)),
}
REGRESSORS = {
    "ssmts": Peer(lambda seed: LinearSSMRegressor(random_state=seed), unequal=True),
    "ssmts, equal lengths": Peer(lambda seed: LinearSSMRegressor(random_state=seed), problems=UNEQUAL),
    "MultiRocketHydra": Peer(lambda seed: MultiRocketHydraRegressor(random_state=seed)),
    "MultiRocket": Peer(lambda seed: MultiRocketRegressor(random_state=seed)),
    "MiniRocket": Peer(lambda seed: MiniRocketRegressor(random_state=seed)),
    "ROCKET": Peer(lambda seed: RocketRegressor(random_state=seed)),
    "Hydra": Peer(lambda seed: HydraRegressor(random_state=seed)),
    "training mean": Peer(lambda seed: DummyRegressor(), seeds=(0,)),
}
