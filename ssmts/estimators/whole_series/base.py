"""What classifiers and regressors of whole series share: reading cases, streams and files."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import copy
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ssmts.data import Panel, collected_cases, is_integer, is_long, is_number, is_table, read_cases
from ssmts.data.arrays import Float
from ssmts.errors import ModelFileError, ParameterError, TargetError
from ssmts.estimators.registry import WHOLE_SERIES
from ssmts.estimators.summary import Summary, fitted_html
from ssmts.estimators.whole_series.checks import (
    aligned_targets,
    checked_table,
    checked_targets,
    checked_weights,
    seen_table,
)
from ssmts.estimators.whole_series.deep import DeepParameters
from ssmts.estimators.whole_series.persistence import (
    InputSignature,
    read_fitted_cases,
    write_fitted_cases,
)
from ssmts.estimators.whole_series.stream import CaseStream
from ssmts.estimators.whole_series.summary import summarised
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.explain import explained_cases
from ssmts.models.whole_series.fitted import FittedCases, not_fitted
from ssmts.models.whole_series.observed_case import ObservedCase
from ssmts.models.whole_series.preprocessing import LinearOptions
from ssmts.training.content import interpreting

__all__ = ["CaseEstimator"]

_LARGEST = 1e150  # of a target: its square, summed over cases, is finite


@dataclass(frozen=True)
class TrainingInput:
    """What fit was given, read and checked.

    Parameters
    ----------
    panel : Panel
        One series a case.
    y : ndarray, shape (n_cases,)
        Labels or numbers.
    weights : ndarray of float64, shape (n_cases,)
    signature : InputSignature
    """

    panel: Panel
    y: Any
    weights: Float
    signature: InputSignature


@dataclass(eq=False, repr=False)
class CaseEstimator(BaseEstimator):
    """Base of `SSMClassifier` and `SSMRegressor`."""

    _: KW_ONLY
    id_col: Any = None
    time_col: Any = None
    value_cols: Any = None
    channel_col: Any = None
    n_readouts: int = 256
    hold: str = "auto"
    rate_range: Any = None
    random_state: int | None = None
    verbose: Any = "auto"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        WHOLE_SERIES.add(cls)

    def _linear_options(self) -> LinearOptions:
        """Parameters of the linear branch, with a seed drawn where none is given."""
        if not is_integer(self.n_readouts) or self.n_readouts < 1:
            raise ParameterError("n_readouts", self.n_readouts, "an integer >= 1")
        seed: Any = self.random_state
        if seed is None:
            seed = np.random.default_rng().integers(2**31)
        elif not is_integer(seed) or not 0 <= seed < 2**32:
            raise ParameterError("random_state", seed, f"None or an integer from 0 to {2**32 - 1}")
        return LinearOptions(int(self.n_readouts), self.hold, self.rate_range, int(seed))

    def _read_training(self, X: Any, y: Any, times: Any, sample_weight: Any) -> TrainingInput:
        """Cases, targets and weights in one order; nothing of the estimator changes."""
        if y is None:
            name = type(self).__name__
            raise TargetError(
                f"{name} requires y to be passed, but the target y is None. Give a label a case."
            )
        X = collected_cases(X)
        table = is_table(X) and not is_long(X, self.id_col)
        probe = copy(self)
        if table:
            X = checked_table(X, probe)
        panel = self._read(X, times)
        names = getattr(probe, "feature_names_in_", None) if table else None
        n_features = int(probe.n_features_in_) if table else panel.n_channels
        if is_long(X, self.id_col):
            y = aligned_targets(y, panel)
        y = checked_targets(y, len(panel.series))
        return TrainingInput(
            panel, y, checked_weights(sample_weight, y), InputSignature(table, n_features, names)
        )

    def _read(self, X: Any, times: Any, expected: Any = None) -> Panel:
        return read_cases(
            X,
            times=times,
            id_col=self.id_col,
            time_col=self.time_col,
            value_cols=self.value_cols,
            channel_col=self.channel_col,
            expected=expected,
        )

    def _score(
        self, measure: Callable[..., float], answers: Any, X: Any, y: Any, sample_weight: Any
    ) -> float:
        """A measure of scikit-learn; targets indexed by the ids of a long frame go by them."""
        if isinstance(y, pd.Series) and is_long(X, self.id_col):
            y = aligned_targets(y, self._read(X, None, expected=self._check_fitted().layout))
        y = checked_targets(y, len(answers))
        weights = None if sample_weight is None else checked_weights(sample_weight, y)
        if y.dtype.kind == "f" and (np.abs(y) > _LARGEST).any():
            raise TargetError(f"y holds {np.abs(y).max():.3g}, too large to be squared. Correct it.")
        try:
            return float(measure(y, answers, sample_weight=weights))
        except (TypeError, ValueError) as error:
            raise TargetError(
                f"y cannot be compared with the answers: {str(error).rstrip('.')}. Give labels of the "
                "kind of training."
            ) from error

    def read_cases(self, X: Any, rate: Any = None, times: Any = None) -> list[Case] | list[ObservedCase]:
        """Cases as the fitted models see them, in reference steps; for experiments.

        Parameters
        ----------
        X, rate, times : like predict's

        Returns
        -------
        list of Case or of ObservedCase
        """
        fitted, X = self._check_fitted(), collected_cases(X)
        if rate is not None:
            _checked_rate(rate)
            if times is not None or is_long(X, self.id_col):
                raise ParameterError("rate", rate, "None where times give the intervals")
        if is_table(X) and not is_long(X, self.id_col):
            if rate is None and times is None and self._input.table:
                X = checked_table(X, self, reset=False)
            else:
                X = seen_table(X, self)
        panel = self._read(X, times, expected=fitted.layout)
        read = fitted.model.input
        counted = panel.layout.form == "array" and times is None  # unit steps are reference steps
        return read(panel.series, float(rate or 1.0) * (float(read.step) if counted else 1.0))

    @property
    def fitted_(self) -> FittedCases:
        """The frozen fitted state that every answer is computed from; for experiments."""
        return self._check_fitted()

    def _check_fitted(self) -> FittedCases:
        fitted: FittedCases | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise not_fitted(self)
        return fitted

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _become_fitted(self, fitted: FittedCases, seen: InputSignature) -> None:
        """Set every fitted attribute at once: a fit that fails earlier has changed nothing."""
        self._fitted, self._input = fitted, seen
        step, clock = fitted.model.input.step, fitted.layout.clock.kind
        self.reference_step_ = pd.Timedelta(int(step), unit="ns") if clock == "datetime" else float(step)
        self.history_ = fitted.history
        self.n_features_in_ = seen.n_features_in
        if seen.feature_names_in is not None:
            self.feature_names_in_ = seen.feature_names_in
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if fitted.classes is not None:
            self.classes_ = fitted.classes
        if isinstance(self, DeepParameters):
            self.module_ = None if fitted.deep is None else fitted.deep.members

    def _answers(self, X: Any, rate: Any, times: Any) -> Float:
        return self._check_fitted()(self.read_cases(X, rate, times))

    def summary(self) -> Summary:
        """What fit chose and its errors on left-out cases.

        Returns
        -------
        Summary
            Prints as text, shows as a table in a notebook; `to_frame` has a row for each value.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        return summarised(type(self).__name__, self._check_fitted())

    def _html_repr(self) -> str:
        """Scikit-learn shows it in notebooks."""
        return fitted_html(self, hasattr(self, "_fitted"), self.summary)

    def explain(self, X: Any, *, n_periods: int = 8) -> pd.DataFrame:
        """How the answer to a sparse case would differ without each channel's observations of each period.

        Parameters
        ----------
        X : long frame
        n_periods : int, default=8
            Equal parts of a typical case; what comes later counts to the last one.

        Returns
        -------
        pandas.DataFrame
            Columns ``id``, ``channel``, ``begin`` and ``end`` since the first observation,
            ``n_observations``, ``effect``: the answer less that to the case without these observations, in
            log-odds of the second of two classes (one column a class where there are more), or in the unit
            of a regressor's target. Where nothing was observed there is no row.

        Raises
        ------
        ParameterError
            If the fit reads cases as held between observations, or n_periods is no positive integer.
        """
        if not is_integer(n_periods) or n_periods < 1:
            raise ParameterError("n_periods", n_periods, "an integer >= 1")
        fitted = self._check_fitted()
        panel = self._read(collected_cases(X), None, expected=fitted.layout)
        return explained_cases(fitted, panel.ids, fitted.model.input(panel.series), int(n_periods))

    def stream(self, *, rate: float = 1.0) -> CaseStream:
        """Follow one case as it grows: ``update(time, values)``, then ``predict()`` at any moment.

        Parameters
        ----------
        rate : float
            Interval of observations that come without a time, in those of the training data.

        Returns
        -------
        CaseStream
            Without an observation yet. Its answers are those of :meth:`predict` on the case so far.

        Raises
        ------
        ParameterError
            If rate is not positive.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        fitted = self._check_fitted()
        interval = _checked_rate(rate) * fitted.model.input.step
        if fitted.layout.clock.kind == "datetime":
            interval = round(interval)
        return CaseStream(fitted, interval)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        """
        write_fitted_cases(path, type(self).__name__, self.get_params(), self._check_fitted(), self._input)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; no code in the file is run.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        The fitted estimator.

        Raises
        ------
        ModelFileError
            If the file is no model, or one of another class.
        """
        name, params, fitted, seen = read_fitted_cases(path)
        if name != cls.__name__:
            raise ModelFileError(f"{path} holds a {name}, not a {cls.__name__}. Use ssmts.load(path).")
        return cls._revive(params, fitted, seen, path)

    @classmethod
    def _revive(
        cls, params: dict[str, Any], fitted: FittedCases, seen: InputSignature, path: str | os.PathLike[str]
    ) -> Self:
        with interpreting(path, f"a {cls.__name__}"):
            model = cls(**params)
            model._become_fitted(fitted, seen)
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags


def _checked_rate(rate: Any) -> float:
    if not is_number(rate) or not 0 < rate < np.inf:
        raise ParameterError("rate", rate, "a positive number: intervals of X in those of training")
    return float(rate)
