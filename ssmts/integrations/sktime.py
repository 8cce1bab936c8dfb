"""sktime's interface around classifiers, regressors and forecasters of this library.

Imported on demand; it needs ``pip install sktime``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.classification.base import BaseClassifier
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.regression.base import BaseRegressor

from ssmts.estimators import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor
from ssmts.integrations._estimators import AdaptedCases, cloned

__all__ = ["SktimeClassifier", "SktimeForecaster", "SktimeRegressor"]

_COLLECTIONS = {
    "authors": "ssmts",
    "maintainers": "ssmts",
    "X_inner_mtype": "numpy3D",
    "capability:multivariate": True,
    "capability:missing_values": True,
    "capability:categorical_in_X": False,
}


class SktimeClassifier(AdaptedCases, BaseClassifier):
    """A classifier of this library as a sktime classifier.

    Parameters
    ----------
    estimator : SSMClassifier, optional
        `LinearSSMClassifier` by default. It is cloned, never fitted itself.

    Attributes
    ----------
    estimator_ : SSMClassifier
        The fitted clone.

    Examples
    --------
    >>> from sktime.datasets import load_unit_test
    >>> from ssmts.integrations.sktime import SktimeClassifier
    >>> X, y = load_unit_test(split="train")
    >>> SktimeClassifier().fit(X, y).predict(X).shape
    (20,)
    """

    _tags: ClassVar[dict[str, Any]] = {**_COLLECTIONS, "capability:predict_proba": True}
    _default = LinearSSMClassifier

    def _predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMClassifier(n_readouts=n, random_state=0)} for n in (8, 16)]


class SktimeRegressor(AdaptedCases, BaseRegressor):
    """A regressor of this library as a sktime regressor.

    Parameters
    ----------
    estimator : SSMRegressor, optional
        `LinearSSMRegressor` by default. It is cloned, never fitted itself.

    Attributes
    ----------
    estimator_ : SSMRegressor
        The fitted clone.

    Examples
    --------
    >>> from sktime.datasets import load_unit_test
    >>> from ssmts.integrations.sktime import SktimeRegressor
    >>> X, y = load_unit_test(split="train")
    >>> SktimeRegressor().fit(X, y.astype(float)).predict(X).shape
    (20,)
    """

    _tags: ClassVar[dict[str, Any]] = _COLLECTIONS
    _default = LinearSSMRegressor

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMRegressor(n_readouts=n, random_state=0)} for n in (8, 16)]


class SktimeForecaster(BaseForecaster):
    """A forecaster of this library as a sktime forecaster.

    Rows are counted, whatever the index: a period index has no times to measure. Columns of X are covariates
    that are known ahead, used where held-out blocks gain by them. Intervals and quantiles are those of
    `predict_quantiles`.

    Parameters
    ----------
    estimator : SSMForecaster, optional
        `LinearSSMForecaster` by default. It is cloned and its horizon set to what is asked for; it is never
        fitted itself.

    Attributes
    ----------
    estimator_ : SSMForecaster
        The fitted clone.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from ssmts.integrations.sktime import SktimeForecaster
    >>> SktimeForecaster().fit(load_airline(), fh=[1, 2, 3]).predict().shape
    (3,)
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": "ssmts",
        "maintainers": "ssmts",
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:insample": False,
        "capability:update": True,
        "capability:missing_values": True,
        "requires-fh-in-fit": True,
        "X-y-must-have-same-index": True,
    }

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, y: Any, X: Any, fh: Any) -> SktimeForecaster:
        steps = self._steps(fh)
        frame, own = _joined(y, X)
        # The forecast begins at the last row, observed or not.
        unseen = int(np.isnan(y.to_numpy(dtype=np.float64)).all(axis=1)[::-1].argmin())
        self.estimator_ = cloned(self.estimator, LinearSSMForecaster).set_params(
            horizon=int(steps.max()) + unseen,
            time_col="time",
            target_cols=[f"y{k}" for k in range(y.shape[1])],
            future_covariates=own or None,
        )
        self.estimator_.fit(frame)
        self._seen = y, X  # sktime may not remember the data
        return self

    def _update(self, y: Any, X: Any = None, update_params: bool = True) -> SktimeForecaster:
        known, beside = self._seen
        y = y.combine_first(known)
        X = beside if X is None else X if beside is None else X.combine_first(beside)
        if update_params:
            return self._fit(y, X, self._fh)
        self._seen = y, X
        return self

    def _predict(self, fh: Any, X: Any) -> Any:
        values = self.estimator_.predict(**self._asked(fh, X)).drop(columns="time", errors="ignore")
        return pd.DataFrame(
            values.to_numpy(), fh.to_absolute_index(self.cutoff), self._get_columns("predict")
        )

    def _predict_quantiles(self, fh: Any, X: Any, alpha: list[float]) -> Any:
        columns = self._get_columns("predict_quantiles", alpha=alpha)
        values = self.estimator_.predict_quantiles(**self._asked(fh, X), quantiles=alpha)
        values = values.drop(columns="time", errors="ignore")
        return pd.DataFrame(values.to_numpy(), fh.to_absolute_index(self.cutoff), columns)

    def _steps(self, fh: Any) -> Any:
        return fh.to_relative(self.cutoff).to_numpy().astype(int)

    def _asked(self, fh: Any, X: Any) -> dict[str, Any]:
        """Everything seen so far, the rows that are asked for, and what is known of them."""
        frame, own = _joined(*self._seen)
        last = len(frame) - 1
        asked = {"X": frame, "at": last + self._steps(fh)}
        if own:
            steps = ForecastingHorizon(X.index, is_relative=False).to_relative(self.cutoff)
            later = pd.DataFrame(X.to_numpy(dtype=np.float64), columns=own)
            later.insert(0, "time", last + steps.to_numpy().astype(int))
            asked["future"] = later[later["time"] > last]
        return asked

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMForecaster(context_length=c, n_modes=8)} for c in (8, 6)]


def _joined(y: pd.DataFrame, X: pd.DataFrame | None) -> tuple[pd.DataFrame, list[str]]:
    """Targets y0, y1, ... and covariates x0, x1, ... by row number, and the names of the covariates."""
    values = y.to_numpy(dtype=np.float64).reshape(len(y), -1)
    columns: dict[str, Any] = {"time": np.arange(len(y))}
    columns |= {f"y{k}": own for k, own in enumerate(values.T)}
    own = {} if X is None else {f"x{k}": one for k, one in enumerate(X.to_numpy(dtype=np.float64).T)}
    return pd.DataFrame(columns | own), list(own)
