"""What classifiers and regressors of whole series share: reading cases, rates and times, fitting, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ssmts.data import Panel, case_step, collected_cases, is_integer, is_long, is_number, is_table, read_cases
from ssmts.data.arrays import Float, Rows
from ssmts.errors import ModelFileError, ParameterError, TargetError
from ssmts.estimators.registry import WHOLE_SERIES
from ssmts.estimators.whole_series.checks import (
    aligned_targets,
    checked_table,
    checked_targets,
    checked_weights,
    seen_table,
)
from ssmts.estimators.whole_series.persistence import read_fitted_cases, write_fitted_cases
from ssmts.estimators.whole_series.stream import CaseStream
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.deep_fit import DeepOutcome, Loss
from ssmts.models.whole_series.fitted import FittedCases, TrainingCases, not_fitted
from ssmts.models.whole_series.linear_model import (
    CaseFit,
    distinct_cases,
    fit_cases,
    fit_input,
)
from ssmts.models.whole_series.preprocessing import CaseReading, readings
from ssmts.training import Callback

__all__ = ["CaseEstimator"]


@dataclass(eq=False, repr=False)
class CaseEstimator(BaseEstimator):
    """Base of `SSMClassifier` and `SSMRegressor`."""

    # Weights of readouts, shape, levels and duration: docs/decisions/073-delays-and-thresholds.md
    _shares: ClassVar[tuple[float, ...]]

    _: KW_ONLY
    id_col: Any = None
    time_col: Any = None
    value_cols: Any = None
    n_readouts: int = 256
    hold: str = "auto"
    rate_range: Any = None
    random_state: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        WHOLE_SERIES.add(cls)

    def _fit(
        self, X: Any, y: Any, times: Any, sample_weight: Any, callbacks: Sequence[Callback] | None
    ) -> None:
        """Read everything, then fit, then become fitted all at once."""
        if not is_integer(self.n_readouts) or self.n_readouts < 1:
            raise ParameterError("n_readouts", self.n_readouts, "an integer >= 1")
        X = collected_cases(X)
        table = is_table(X) and not is_long(X, self.id_col)
        panel, y = self._read_training(X, y, times, table)
        targets, weights, extra = self._targets(y, checked_weights(sample_weight, y))
        if not weights.any():
            raise ParameterError("sample_weight", "0 for every case", "positive for at least one case")
        rows, weights = distinct_cases(panel.series, targets, weights)
        series, targets = [panel.series[row] for row in rows], targets[rows]
        read = fit_input(series, case_step(panel))
        targets, extra = self._standardised(targets, weights, extra)
        ways = readings(series, read, targets, weights, self.hold, self.rate_range, self._seed())
        tried = [(self._fit_reading(own), own) for own in ways]
        fit, chosen = min(tried, key=lambda pair: float(pair[0].record["left_out_mse"]))
        if len(tried) > 1:
            errors = [float(own.record["left_out_mse"]) for own, _ in tried]
            fit.record["hold"] = dict(zip(("mse_of_lines", "mse_of_expectation"), errors))
        cases, targets, weights = chosen.data
        of_case = chosen.of_case
        self._table = table
        training = TrainingCases(panel.layout, read.step, cases, targets, weights, extra, callbacks, of_case)
        self._adopt(self._finish(fit, training))

    def _fit_reading(self, own: CaseReading) -> CaseFit:
        n_readouts, seed = int(self.n_readouts), self._seed()
        return fit_cases(own.model_input, *own.data, n_readouts, self._shares, seed, own.copy_pairs)

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**31))
        if is_integer(self.random_state) and self.random_state >= 0:
            return int(self.random_state)
        raise ParameterError("random_state", self.random_state, "None or an integer >= 0")

    def _targets(self, y: Any, weights: Float) -> tuple[Float, Float, dict[str, Any]]:
        """Targets (n_cases, n_targets), weights, and what else is to be remembered."""
        raise NotImplementedError

    def _standardised(
        self, targets: Float, weights: Float, extra: dict[str, Any]
    ) -> tuple[Float, dict[str, Any]]:
        """Targets in a unit of their own."""
        return targets, extra

    def _finish(self, fit: CaseFit, training: TrainingCases) -> FittedCases:
        """What the estimator keeps of a fit."""
        raise NotImplementedError

    def _fit_deep(
        self, training: TrainingCases, targets: Any, groups: Rows, loss: Loss
    ) -> DeepOutcome | str | None:
        """Networks and what they say of unseen cases; why there are none; None: this estimator has none."""
        if training.callbacks:
            raise ParameterError("callbacks", training.callbacks, "None: nothing is trained by gradient here")
        return None

    def _alone(self, training: TrainingCases, share: float) -> tuple[float, float] | None:
        """From which interval on the deep path answers alone, and its share then; None: nowhere."""
        return None

    def _judge(self, gains: Float, share: Float, record: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Record of the deep path with its gain in loss, and whether it exceeds its standard error."""
        gain = float(share @ gains)
        standard_error = float(np.sqrt(share**2 @ (gains - gain) ** 2))
        accepted = gain > standard_error
        reason = {} if accepted else {"reason": "the gain on unseen cases is within its standard error"}
        record = record | {"accepted": accepted, "gain": gain, "standard_error": standard_error} | reason
        return record | {"spread": standard_error}, accepted  # its name until 0.1, for one release

    def _read_training(self, X: Any, y: Any, times: Any, table: bool) -> tuple[Panel, Any]:
        """Cases and labels in one order; sets n_features_in_ and feature_names_in_."""
        if y is None:
            name = type(self).__name__
            raise TargetError(
                f"{name} requires y to be passed, but the target y is None. Give a label a case."
            )
        if table:
            X = checked_table(X, self)
        panel = self._read(X, times)
        if not table:
            self.n_features_in_ = panel.n_channels
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        if is_long(X, self.id_col):
            y = aligned_targets(y, panel)
        return panel, checked_targets(y, len(panel.series))

    def _read(self, X: Any, times: Any, expected: Any = None) -> Panel:
        return read_cases(
            X,
            times=times,
            id_col=self.id_col,
            time_col=self.time_col,
            value_cols=self.value_cols,
            expected=expected,
        )

    def _read_cases(self, X: Any, rate: Any, times: Any) -> list[Case]:
        """Cases to be judged, in reference steps."""
        fitted, X = self._check_fitted(), collected_cases(X)
        if rate is not None:
            _checked_rate(rate)
            if times is not None or is_long(X, self.id_col):
                raise ParameterError("rate", rate, "None where times say the intervals themselves")
        if is_table(X) and not is_long(X, self.id_col):
            if rate is None and times is None and self._table:
                X = checked_table(X, self, reset=False)
            else:
                X = seen_table(X, self)
        panel = self._read(X, times, expected=fitted.layout)
        read = fitted.model.input
        counted = panel.layout.form == "array" and times is None  # unit steps are reference steps
        return read(panel.series, float(rate or 1.0) * (float(read.step) if counted else 1.0))

    def _check_fitted(self) -> FittedCases:
        fitted: FittedCases | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise not_fitted(self)
        return fitted

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _adopt(self, fitted: FittedCases) -> None:
        """Become fitted."""
        self._fitted = fitted
        step, clock = fitted.model.input.step, fitted.layout.clock.kind
        self.reference_step_ = pd.Timedelta(int(step), unit="ns") if clock == "datetime" else float(step)
        self.history_ = fitted.history

    def _answers(self, X: Any, rate: Any, times: Any) -> Float:
        return self._check_fitted()(self._read_cases(X, rate, times))

    def _decide(self, answers: Float) -> Any:
        """Labels or numbers (n_cases,) of answers (n_cases, n_targets)."""
        raise NotImplementedError

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
        return CaseStream(fitted, self._decide, interval)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        """
        fitted = self._check_fitted()
        names = getattr(self, "feature_names_in_", None)
        seen = {
            "table": self._table,
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": None if names is None else [str(name) for name in names],
        }
        write_fitted_cases(path, type(self).__name__, self.get_params(), fitted, seen)

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
        return cls._revive(params, fitted, seen)

    @classmethod
    def _revive(cls, params: dict[str, Any], fitted: FittedCases, seen: dict[str, Any]) -> Self:
        model = cls(**params)
        model._adopt(fitted)
        model._table, model.n_features_in_ = seen["table"], seen["n_features_in"]
        if seen["feature_names_in"] is not None:
            model.feature_names_in_ = np.array(seen["feature_names_in"], dtype=object)
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
