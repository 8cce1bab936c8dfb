"""Later data in a fitted forecaster: `update` moves on where forecasts begin, `partial_fit` learns."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Self

from ssmts.data import is_integer, parse_duration
from ssmts.errors import ParameterError, TargetGivenError
from ssmts.estimators.forecasters.sample_weights import row_weights
from ssmts.estimators.forecasters.stream import ForecastStream, StreamingMixin
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import following, tail_of
from ssmts.models.forecasting.partial_fit import downdated, no_sums, updated

__all__ = ["UpdatingMixin"]


class UpdatingMixin(StreamingMixin):
    """Adds `update`, `partial_fit` and `unlearn` to a forecaster."""

    def update(self, X: Any) -> Self:
        """Take later data for the history that ``predict()`` continues; weights stay as they are.

        Parameters
        ----------
        X : like fit's
            Later rows of the training series, or further series; late and repeated rows as in a stream
            (docs/streaming.md). Rows of an array follow the last observation.

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            As `ForecastStream.update` does.
        """
        fitted = self._check_fitted()
        if fitted.tail is None:
            context = fitted.model.config.linear.context
            tail = tail_of(self._read(X, fitted.layout), context, fitted.step, fitted.run_in)
        else:
            stream = ForecastStream(copy.copy(self), fitted.tail)
            stream.update(X)
            tail = stream.panel()
        self._fitted = replace(fitted, tail=tail)
        return self

    def partial_fit(self, X: Any, y: None = None, *, forget: Any = None, sample_weight: Any = None) -> Self:
        """Learn from later data what `fit` on all of it would have learnt.

        The linear path is solved anew from sums over all windows seen so far, those that reach from the old
        data into the new included: to rounding the weights are those of a fit on everything with the same
        choices. The choices stay those of `fit`: reference step, context, bank, penalties, and the scale of
        each series. The deep path stays as it is; `fit` trains it anew.

        Parameters
        ----------
        X : like fit's
            Rows that follow those of the training data, or of the last call, and further series. Rows of an
            array follow the last one.
        y : None
        forget : int or duration, optional
            Half-life, an int in reference steps: windows count by how old their origin is at the end of the
            data, 1/2 at this age, 1/4 at twice of it. What was learnt before ages with each call that has a
            half-life.
        sample_weight : array-like or mapping, optional
            As for `fit`, of the rows of X.

        Returns
        -------
        self
            Fitted as by `fit(X)` if it was not.

        Raises
        ------
        ParameterError
            If the model comes from a file without its sums, see `save`.
        InstantError
            If rows of a series do not follow those that were learnt.
        """
        if y is not None:
            raise TargetGivenError("y must be None: a forecaster's targets are columns of X.")
        if not hasattr(self, "_fitted"):
            fitted_anew: Self = self.fit(X, sample_weight=sample_weight)
            return fitted_anew
        fitted = self._check_fitted()
        training_sums = fitted.sums
        if training_sums is None:
            raise no_sums(fitted)
        read = self._read(X, fitted.layout)
        panel = following(read, {series.id: series.times[-1].item() for series in training_sums.tail.series})
        weights = None if sample_weight is None else row_weights(sample_weight, X, panel)
        half_life = None if forget is None else _half_life(forget, fitted)
        self._adopt(updated(fitted, training_sums, panel, weights, half_life))
        return self

    def unlearn(self, X: Any) -> Self:
        """Take whole series out of what was learnt, as if `fit` had not seen them.

        The windows of the series are subtracted from the sums that the linear path is solved from. The
        choices of `fit` stay, and so does the deep path, which has seen the series if there is one.

        Parameters
        ----------
        X : like fit's
            All rows of the series as they were learnt.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If X is something else, if no series would be left, or if the fit was weighted, forgot, or used
            covariates or mixed channels.
        """
        fitted = self._check_fitted()
        if fitted.sums is None:
            raise no_sums(fitted)
        self._adopt(downdated(fitted, fitted.sums, self._read(X, fitted.layout)))
        return self


def _half_life(forget: Any, fitted: FittedForecaster) -> float:
    """In the unit of the clock."""
    if not is_integer(forget):
        return parse_duration(forget, fitted.layout.clock)
    if forget < 1:
        raise ParameterError("forget", forget, "positive: a half-life in reference steps, or a duration")
    return float(int(forget) * fitted.step)
