"""What a trial does: parameters in, mean score on held-out data out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Trial, TrialPruned
from optuna.trial import TrialState
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit, check_cv
from sklearn.utils import _safe_indexing

from ssmts.data import is_integer
from ssmts.estimators import SSMForecaster
from ssmts.integrations._estimators import trains_by_gradient
from ssmts.integrations.optuna.pruning import PruningCallback
from ssmts.integrations.optuna.rows import Cases, timed
from ssmts.integrations.optuna.spaces import Suggest
from ssmts.model_selection import TimeSplit

__all__ = ["Objective"]

Rows = NDArray[np.int64]
_NETWORKS = 100  # more than any estimator trains in one fit
_QUARTERS = 4  # the last one is held out


@dataclass(frozen=True)
class Objective:
    """Mean score of an estimator with the parameters of a trial, over splits of the data.

    Parameters
    ----------
    estimator : estimator
        Never fitted itself.
    X, y : data
        As `fit` takes them; rows can be taken by position.
    space : Suggest
    splits : sequence of (train, test)
        Positions of rows; of cases where these have several rows each.
    cases : Cases, optional
        The cases of a long frame.
    """

    estimator: Any
    X: Any
    y: Any
    space: Suggest
    splits: Sequence[tuple[Rows, Rows]]
    cases: Cases | None = None

    @classmethod
    def over(cls, estimator: Any, X: Any, y: Any, space: Suggest, cv: Any) -> Objective:
        """With the splits of `cv`; by default the last quarter of the time, or a quarter of the cases."""
        if isinstance(estimator, SSMForecaster):
            X, id_col, time_col = timed(X, estimator.id_col, estimator.time_col)
            estimator = clone(estimator).set_params(id_col=id_col, time_col=time_col)
            if cv is None or is_integer(cv):
                n_splits = _QUARTERS - 1 if cv is None else int(cv)
                splits = list(TimeSplit(n_splits, id_col=id_col, time_col=time_col).split(X))
                return cls(estimator=estimator, X=X, y=y, space=space, splits=splits if cv else splits[-1:])
            splits = check_cv(cv, y, classifier=False).split(X, y)
            return cls(estimator=estimator, X=X, y=y, space=space, splits=list(splits))
        if cv is None:
            kind = StratifiedShuffleSplit if is_classifier(estimator) else ShuffleSplit
            cv = kind(1, test_size=1 / _QUARTERS, random_state=0)
        cases = Cases.of(estimator, X, y)
        items, targets = (X, y) if cases is None else (cases.ids, cases.y)
        splits = check_cv(cv, targets, classifier=is_classifier(estimator)).split(items, targets)
        return cls(estimator=estimator, X=X, y=y, space=space, splits=list(splits), cases=cases)

    def __call__(self, trial: Trial) -> float:
        """Mean score.

        Raises
        ------
        TrialPruned
            If the pruner of the study gives the trial up.
        """
        params = self.space(trial)
        for other in trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if other.params == trial.params and trial.params and other.value is not None:
                trial.set_user_attr("copy_of", other.number)
                return other.value
        scores: list[float] = []
        for fold, (train, test) in enumerate(self.splits):
            candidate = clone(self.estimator).set_params(**params)
            candidate.fit(*self._rows(train), **self._watched(trial, candidate, fold))
            scores.append(float(candidate.score(*self._rows(test))))
            if len(self.splits) > 1 and not trains_by_gradient(candidate):
                trial.report(float(np.mean(scores)), fold)
                if fold + 1 < len(self.splits) and trial.should_prune():
                    raise TrialPruned(f"pruned after fold {fold + 1}")
        return float(np.mean(scores))

    def _rows(self, rows: Rows) -> tuple[Any, Any]:
        if self.cases is not None:
            return self.cases.taken(rows)
        return _safe_indexing(self.X, rows), None if self.y is None else _safe_indexing(self.y, rows)

    def _watched(self, trial: Trial, candidate: Any, fold: int) -> dict[str, Any]:
        if not trains_by_gradient(candidate):
            return {}
        first = fold * _NETWORKS * candidate.max_epochs
        return {"callbacks": [PruningCallback(trial, max_epochs=candidate.max_epochs, first_step=first)]}
