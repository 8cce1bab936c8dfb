"""The way into a search: one call that ends with a fitted estimator."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FixedTrial
from sklearn.base import clone

from ssmts.data import is_integer, is_number, parse_duration
from ssmts.data.series import Clock
from ssmts.errors import ParameterError
from ssmts.integrations._estimators import trains_by_gradient, without_autologging
from ssmts.integrations.optuna.objective import Objective
from ssmts.integrations.optuna.search import Search, best_of, quiet
from ssmts.integrations.optuna.spaces import (
    DictSpace,
    Space,
    default_space,
    read_space,
)
from ssmts.integrations.optuna.studies import open_storage

__all__ = ["tune"]

_N_TRIALS = 30
_N_STARTUP = 5


def tune(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    n_trials: int | None = None,
    timeout: float | str | timedelta | None = None,
    space: Space | None = None,
    storage: Any = None,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    cv: Any = None,
    n_jobs: int = 1,
    study_name: str | None = None,
    random_state: int | None = None,
    verbose: Any = "auto",
) -> Any:
    """Search for the parameters with the best score on held-out data, and fit them on all of it.

    The first trial has the parameters of `estimator` itself, where the space contains them, so that the
    outcome is no worse than they are on the held-out data. Estimators that train by gradient report every
    epoch to the pruner. A trial that fails (memory, a loss that is not finite, a context longer than the
    data) is recorded with its error, and the search goes on. A set of parameters is tried once.

    Parameters
    ----------
    estimator : estimator
        Not fitted itself, and not changed.
    X, y : data
        As `estimator.fit` takes them.
    n_trials : int, optional
        Trials of the study in all, whatever process ran them: a study that is resumed goes on to this
        number. By default every point of a grid for estimators that train nothing by gradient, else 30.
    timeout : float, str or timedelta, optional
        No trial begins after so many seconds, or a duration such as ``"10min"``, of this call.
    space : dict or callable, optional
        Parameters to distributions of Optuna or lists of choices; or a function from a trial to parameters.
        `default_space` by default.
    storage : str, path-like or optuna storage, optional
        Where the study lives, so that it survives its process and is shared by several: a database
        (``"sqlite:///tuning.db"``) or the path of a journal (``"tuning.log"``). In memory by default. Trials
        that a killed process on this machine left open are run again.
    sampler : optuna sampler, optional
        By default a walk over the grid for a finite space of an estimator without gradient, else TPE.
    pruner : optuna pruner, optional
        By default the median of the epochs of other trials, after five trials.
    cv : int or splitter, optional
        A splitter over rows, such as ``ssmts.model_selection.TimeSplit(3)``, which is what 3 means for a
        forecaster. Its default is the last quarter of the time, held out; that of a classifier or regressor
        a quarter of the cases.
    n_jobs : int, default=1
        Processes; -1 is one a core. Several do not repeat each other's draws, and not their own either.
    study_name : str, optional
        Name in the storage; the class of the estimator by default.
    random_state : int, optional
        Seed of the sampler; `random_state` of the estimator by default.
    verbose : bool, int or "auto", default="auto"
        ``"auto"`` shows the progress after two seconds on a terminal or in a notebook, with the time left; 1
        shows Optuna's bar and messages, False nothing.

    Returns
    -------
    estimator
        A clone with the best parameters, fitted on X and y, with the study in `study_`: a study that
        maximizes `score`, so that `study_.best_value` of a forecaster is minus a mean squared error.

    Raises
    ------
    ParameterError
        If a parameter cannot be used.
    TuningError
        If no trial succeeded; it names the error of the last one.

    Examples
    --------
    >>> from ssmts import LinearSSMForecaster
    >>> from ssmts.integrations.optuna import tune
    >>> from ssmts_datasets import make_sines
    >>> frame = make_sines(600, random_state=0).frame
    >>> model = tune(LinearSSMForecaster(horizon=24), frame, space={"context_length": [48, 96]})
    >>> model.context_length in (48, 96)
    True
    """
    for name, value in (("n_trials", n_trials), ("n_jobs", n_jobs)):
        if value is not None and (not is_integer(value) or (value < 1 and (name, value) != ("n_jobs", -1))):
            raise ParameterError(name, value, "an integer >= 1")
    drawn = read_space(default_space(estimator, X) if space is None else space, estimator)
    if random_state is None:
        random_state = estimator.get_params().get("random_state")
    points: list[dict[str, Any]] = []
    if isinstance(drawn, DictSpace):
        whole = not trains_by_gradient(estimator) and sampler is None
        points = drawn.points(estimator.get_params(), whole=whole, seed=random_state)
        if whole and points:
            n_trials = min(n_trials or len(points), len(points))
    search = Search(
        Objective.over(estimator, X, y, drawn, cv),
        points=points,
        n_trials=n_trials or _N_TRIALS,
        timeout=_seconds(timeout),
        sampler=sampler
        or TPESampler(seed=random_state, n_startup_trials=_N_STARTUP, constant_liar=n_jobs != 1),
        pruner=pruner or MedianPruner(n_startup_trials=_N_STARTUP),
        name=study_name or f"ssmts-{type(estimator).__name__}",
        verbose=verbose,
    )
    with quiet(verbose), without_autologging():
        study = search.run(open_storage(storage)) if n_jobs == 1 else search.spread(storage, n_jobs)
    best = clone(estimator).set_params(**drawn(FixedTrial(best_of(study).params)))
    best.fit(X) if y is None else best.fit(X, y)
    best.study_ = study
    return best


def _seconds(timeout: Any) -> float:
    if timeout is None:
        return math.inf
    if is_number(timeout):
        return float(parse_duration(timeout, Clock("number")))
    return float(parse_duration(timeout, Clock("datetime"))) / 1e9
