"""The forecasting estimator: fit, predict, score, save and load over frames and arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence as Seq
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from ssmts.data import CovariateColumns, Panel
from ssmts.errors import ModelFileError, ParameterError, TargetGivenError
from ssmts.estimators.forecasters.forecast_frames import predict
from ssmts.estimators.forecasters.persistence import read_forecaster, revived, write_forecaster
from ssmts.estimators.forecasters.quantile_levels import training_levels
from ssmts.estimators.forecasters.reader import ROLES, read_history, read_training
from ssmts.estimators.forecasters.sample_weights import lengthened, row_weights
from ssmts.estimators.forecasters.verbs import ForecasterVerbs
from ssmts.estimators.registry import FORECASTERS
from ssmts.models.forecasting.bounds import Bounds
from ssmts.models.forecasting.fit import DeepFitter, fit_forecaster
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import continued
from ssmts.models.forecasting.options import ForecastOptions
from ssmts.models.forecasting.score import mean_squared_error
from ssmts.models.sequences.training_sequences import RowWeights
from ssmts.progress import reporting
from ssmts.training import Callback

__all__ = ["SSMForecaster"]


@dataclass(eq=False, repr=False)
class SSMForecaster(ForecasterVerbs):
    """What all forecasters share; use `LinearSSMForecaster`, `S4Forecaster` or `S4DForecaster`."""

    horizon: Any = 24
    context_length: Any = None
    _: KW_ONLY
    id_col: Any = None
    time_col: Any = None
    channel_col: Any = None
    target_cols: Any = None
    freq: Any = None
    past_covariates: Any = None
    future_covariates: Any = None
    static_covariates: Any = None
    calendar: bool = False
    holidays: Any = None
    channel_mixing: bool = False
    quantiles: Any = None
    bounds: Any = None
    n_modes: int = 128
    hold: str = "auto"
    store_tail: bool = True
    verbose: Any = "auto"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FORECASTERS.add(cls)

    def fit(
        self,
        X: Any,
        y: None = None,
        *,
        validation: Any = None,
        sample_weight: Any = None,
        callbacks: Seq[Callback] | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit on one series or many; if it raises, an earlier fit stays in place.

        Parameters
        ----------
        X : pandas or polars frame, or array
            Wide, long or (n_series, length, n_channels); see docs/data.md.
        y : None
            The targets are columns of X.
        validation : like X, optional
            Later rows of the same series. They take part in cross-validation and in the final weights, but
            set neither the scale nor the reference step.
        sample_weight : array-like or mapping, optional
            Weights of windows: one for each row of X, used for the window whose origin is that row; for an
            array of many series also one for each series; or a mapping from id to the weight of a series.
            Rows of `validation` have weight 1.
        callbacks : sequence of ssmts.training.Callback, optional
            Called during the training of the deep branch.
        resume_from : path-like, optional
            `checkpoint_dir` of an interrupted fit of the deep branch.

        Returns
        -------
        self

        Raises
        ------
        ssmts.errors.SSMTSError
            One class per fault; the message names column, row and remedy.
        """
        if y is not None:
            raise TargetGivenError(
                "y must be None: a forecaster's targets are columns of X. Name them with target_cols=[...]."
            )
        panel, columns = self._read_training(X)
        whole = panel
        weights = None if sample_weight is None else row_weights(sample_weight, X, panel)
        if validation is not None:
            later = read_history(validation, panel.layout, columns, self._roles)
            whole = continued(panel, later, "validation")
            weights = None if weights is None else lengthened(weights, whole)
        deep = self._deep_fitter(callbacks, resume_from)
        with reporting("fit", self.verbose):
            self._adopt(self._learnt(panel, whole, columns, fit_deep=deep, weights=weights))
        return self

    @property
    def _roles(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ROLES}

    def _read_training(self, X: Any) -> tuple[Panel, CovariateColumns | None]:
        named = CovariateColumns.of(self.past_covariates, self.future_covariates, self.static_covariates)
        return read_training(X, named, self._roles)

    def _learnt(
        self,
        panel: Panel,
        whole: Panel,
        columns: CovariateColumns | None,
        *,
        fit_deep: DeepFitter | None = None,
        weights: RowWeights | None = None,
    ) -> FittedForecaster:
        """The fitted state, without adopting it; `whole` and `weights` as for :func:`fit_forecaster`."""
        options = ForecastOptions(
            horizon=self.horizon,
            context_length=self.context_length,
            n_modes=self.n_modes,
            hold=self.hold,
            columns=columns,
            calendar=self.calendar,
            holidays=self.holidays,
            channel_mixing=self.channel_mixing,
            levels=training_levels(self.quantiles),
        )
        fit_deep = self._deep_fitter(None, None) if fit_deep is None else fit_deep
        bounds = Bounds.of(self.bounds, whole)
        fitted = fit_forecaster(panel, whole, options, fit_deep=fit_deep, weights=weights)
        return replace(fitted, bounds=bounds)

    def _deep_fitter(
        self, callbacks: Seq[Callback] | None, resume_from: str | os.PathLike[str] | None
    ) -> DeepFitter | None:
        """A function that fits the deep branch; None: the estimator has none."""
        for name, value in (("callbacks", callbacks), ("resume_from", resume_from)):
            if value:
                raise ParameterError(name, value, "None: this forecaster trains nothing by gradient")
        return None

    def _adopt(self, fitted: FittedForecaster) -> None:
        super()._adopt(fitted)
        linear = fitted.model.config.linear
        datetimes = fitted.layout.clock.kind == "datetime"
        names = fitted.layout.channels
        self.reference_step_ = pd.Timedelta(int(fitted.step), unit="ns") if datetimes else fitted.step
        self.horizon_, self.context_length_ = linear.horizon, linear.context
        self.history_ = fitted.history
        self.n_features_in_ = len(names)
        if all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def predict(
        self, X: Any = None, *, horizon: Any = None, step: Any = None, at: Any = None, future: Any = None
    ) -> Any:
        """Forecast every series of X from its last observation.

        Parameters
        ----------
        X : like fit's, optional
            History up to the origin, at any sampling rate, regular or not; only its last context is used.
            None forecasts from the end of the training data.
        horizon : int or duration, optional
            How far to forecast, at most the trained horizon; an int counts reference steps.
        step : duration or calendar offset, optional
            Interval of the output, e.g. ``"15min"`` or ``"MS"``; by default the median interval of X.
        at : instants, optional
            Any instants after the origin and within the horizon, instead of a regular output; for many series
            also a frame with their id and time columns.
        future : frame, optional
            Future covariates that continue those of X, with the same id and time columns, at any times. They
            can also be given as rows of X with missing targets.

        Returns
        -------
        Same kind as X
            The first row lies one step after the origin.

        Raises
        ------
        ssmts.errors.SSMTSError
            If X is malformed, or an instant lies beyond the trained horizon.
        sklearn.exceptions.NotFittedError
            Before fit.
        """
        return predict(
            self._check_fitted(), self._reader, X, horizon=horizon, step=step, at=at, future=future
        )

    def score(self, X: Any, y: None = None) -> float:
        """Minus the mean squared error over rolling origins, in units of the training scale.

        Origins are a horizon apart. If X begins where the training data ended, the end of the training data
        is the first context.

        Parameters
        ----------
        X : like fit's
        y : None

        Returns
        -------
        float
            Higher is better.

        Raises
        ------
        TooShortError
            If X holds no whole window.
        """
        if y is not None:
            raise TargetGivenError("y must be None: a forecaster is scored on the columns of X.")
        if X is None:
            raise ParameterError("X", X, "given: a forecast is scored on data")
        return -mean_squared_error(self._check_fitted(), self._reader.read(X))

    def save(self, path: str | os.PathLike[str], *, sums: bool = False) -> None:
        """Write the fitted model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        sums : bool, default=False
            Also write the training sums for `partial_fit`: a matrix of (features, features + lead times) for
            each group of series with weights of its own, and the end of the training data.
        """
        fitted = self._check_fitted()
        write_forecaster(
            path, type(self).__name__, self.get_params(), fitted, tail=self.store_tail, sums=sums
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that :meth:`save` wrote; no code in the file is run.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        The fitted estimator; its deep branch is on the CPU.

        Raises
        ------
        ModelFileError
            If the file holds no model, or a model of another class.
        """
        name, params, fitted = read_forecaster(path)
        if name != cls.__name__:
            raise ModelFileError(f"{path} holds a {name}, not a {cls.__name__}. Use ssmts.load(path).")
        model: Self = revived(cls, params, fitted, path)
        return model
