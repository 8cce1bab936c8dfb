"""A study run to its end, by this process or by several."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from ssmts.errors import ParameterError, TuningError
from ssmts.integrations.optuna.objective import Objective
from ssmts.integrations.optuna.spaces import DictSpace
from ssmts.integrations.optuna.studies import ERROR, n_begun, open_storage, opening, reclaim, sign
from ssmts.progress import reporting, tracked

__all__ = ["Search", "best_of", "quiet"]

_SPACE = "space"


@dataclass(frozen=True)
class Search:
    """A study to be continued, by this process or by several; `points` of the space come first."""

    objective: Objective
    points: list[dict[str, Any]]
    n_trials: int
    timeout: float
    sampler: BaseSampler
    pruner: BasePruner
    name: str
    verbose: Any

    def open(self, storage: BaseStorage | None) -> optuna.Study:
        """The study, with the points that come first in its queue."""
        with opening(storage):
            study = optuna.create_study(
                storage=storage,
                sampler=self.sampler,
                pruner=self.pruner,
                study_name=self.name,
                direction="maximize",
                load_if_exists=True,
            )
            self._check_space(study)
            for point in self.points:
                study.enqueue_trial(point, skip_if_exists=True)
            reclaim(study)
        return study

    def _check_space(self, study: optuna.Study) -> None:
        """Raise if the study, continued, was begun with another space: its trials do not go together."""
        space = self.objective.space
        if not isinstance(space, DictSpace):
            return
        known = study.user_attrs.get(_SPACE)
        if known is None:
            study.set_user_attr(_SPACE, space.as_json)
        elif known != space.as_json:
            names = sorted({*known.items()} ^ {*space.as_json.items()})
            raise ParameterError(
                "study_name",
                self.name,
                f"another one: the study of this name in the storage searches another space (it differs in "
                f"{', '.join(dict.fromkeys(name for name, _ in names))}); or give the same space again",
            )

    def run(self, storage: BaseStorage | None) -> optuna.Study:
        """Trials until there are enough."""
        study = self.open(storage)
        missing = self.n_trials - n_begun(study)
        if missing > 0:
            trials = tracked(range(missing), "trial")

            def move_on(study: optuna.Study, trial: FrozenTrial) -> None:
                next(trials, None)

            with reporting("tune", self.verbose if self.verbose == "auto" else False):
                next(trials)
                study.optimize(
                    self._trial,
                    n_trials=missing,
                    timeout=None if math.isinf(self.timeout) else self.timeout,
                    catch=(Exception,),
                    callbacks=[self._stop, move_on],
                    show_progress_bar=self.verbose not in ("auto", 0),
                )
        return study

    def spread(self, storage: Any, n_jobs: int) -> optuna.Study:
        """Trials in several processes, through a journal of their own if there is no storage."""
        if isinstance(storage, InMemoryStorage):
            raise ParameterError("storage", storage, "one that processes can share when n_jobs is not 1")
        with TemporaryDirectory() as folder:
            shared = Path(folder) / "study.log" if storage is None else storage
            study = self.open(open_storage(shared))
            workers = joblib.effective_n_jobs(n_jobs)
            joblib.Parallel(n_jobs=workers)(joblib.delayed(_work)(self, shared, k) for k in range(workers))
            if storage is not None:
                return study
            kept = InMemoryStorage()
            optuna.copy_study(from_study_name=self.name, from_storage=study._storage, to_storage=kept)
            return optuna.load_study(study_name=self.name, storage=kept)

    def _trial(self, trial: Trial) -> float:
        sign(trial)
        try:
            value = self.objective(trial)
            if math.isnan(value):
                raise ValueError("the score is not a number")
            return value
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr(ERROR, f"{type(error).__name__}: {error}")
            raise

    def _stop(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if n_begun(study) >= self.n_trials:
            study.stop()


def _work(search: Search, storage: Any, number: int) -> None:
    """One of several processes."""
    with quiet(0):
        search.sampler.reseed_rng()
        replace(search, verbose=search.verbose if number == 0 else 0).run(open_storage(storage))


def best_of(study: optuna.Study) -> FrozenTrial:
    """The trial with the highest value.

    Raises
    ------
    TuningError
        If none succeeded.
    """
    if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return study.best_trial
    if pruned := study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)):
        raise TuningError(
            f"All {len(pruned)} finished trials of study {study.study_name!r} were given up early by the "
            "pruner. Give one that waits for more steps or trials, such as pruner=optuna.pruners.NopPruner()."
        )
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    why = failed[-1].user_attrs.get(ERROR, "it was killed") if failed else "none was begun in time"
    raise TuningError(
        f"No trial of study {study.study_name!r} succeeded. The last one: {why}. Correct the data "
        "or the space."
    )


@contextmanager
def quiet(verbose: Any) -> Iterator[None]:
    """Optuna's messages, a line a trial, are for those who ask; warnings of failed trials stay."""
    level = optuna.logging.get_verbosity()
    if verbose in ("auto", 0):
        optuna.logging.set_verbosity(max(level, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
