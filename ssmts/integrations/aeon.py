"""aeon's interface around classifiers, regressors and forecasters of this library.

Imported on demand; it needs ``pip install aeon``. `ssmts` estimators take whole collections themselves: the
adapters are for aeon's own tools, which ask for its base classes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from aeon.classification.base import BaseClassifier
from aeon.forecasting.base import BaseForecaster
from aeon.regression.base import BaseRegressor

from ssmts.estimators import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor
from ssmts.integrations._estimators import AdaptedCases, cloned

__all__ = ["AeonClassifier", "AeonForecaster", "AeonRegressor"]

_COLLECTIONS = {
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "capability:missing_values": True,
    "X_inner_type": ["np-list", "numpy3D"],
}


class AeonClassifier(AdaptedCases, BaseClassifier):
    """A classifier of this library as an aeon classifier.

    Parameters
    ----------
    estimator : SSMClassifier, optional
        `LinearSSMClassifier` by default. It is cloned, never fitted itself.

    Attributes
    ----------
    estimator_ : SSMClassifier
        The fitted clone.
    """

    _tags: ClassVar[dict[str, Any]] = {**_COLLECTIONS, "algorithm_type": "convolution"}
    _default = LinearSSMClassifier

    def _predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": LinearSSMClassifier(n_readouts=8, random_state=0)}


class AeonRegressor(AdaptedCases, BaseRegressor):
    """A regressor of this library as an aeon regressor.

    Parameters
    ----------
    estimator : SSMRegressor, optional
        `LinearSSMRegressor` by default. It is cloned, never fitted itself.

    Attributes
    ----------
    estimator_ : SSMRegressor
        The fitted clone.
    """

    _tags: ClassVar[dict[str, Any]] = {**_COLLECTIONS, "algorithm_type": "convolution"}
    _default = LinearSSMRegressor

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": LinearSSMRegressor(n_readouts=8, random_state=0)}


class AeonForecaster(BaseForecaster):
    """A forecaster of this library as an aeon forecaster of one value, `horizon` steps ahead.

    Parameters
    ----------
    horizon : int, default=1
    estimator : SSMForecaster, optional
        `LinearSSMForecaster` by default. It is cloned and its horizon set; it is never fitted itself.

    Attributes
    ----------
    estimator_ : SSMForecaster
        The fitted clone.
    """

    def __init__(self, horizon: int = 1, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__(horizon=horizon, axis=1)

    def _fit(self, y: Any, exog: Any = None) -> AeonForecaster:
        series = _series(y)
        self.estimator_ = cloned(self.estimator, LinearSSMForecaster).set_params(horizon=self.horizon)
        self.estimator_.fit(series)
        self.forecast_ = float(self.estimator_.predict(series)[-1])
        return self

    def _predict(self, y: Any, exog: Any = None) -> float:
        return float(self.estimator_.predict(_series(y))[-1])

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"horizon": 1, "estimator": LinearSSMForecaster(context_length=8, n_modes=8)}


def _series(y: Any) -> Any:
    """aeon's (1, length) or (length,) as (length,)."""
    return np.asarray(y, dtype=np.float64).reshape(-1)
