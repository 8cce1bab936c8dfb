"""sktime's interface around classifiers, regressors and forecasters of this library.

Imported on demand; it needs ``pip install sktime``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone
from sktime.classification.base import BaseClassifier
from sktime.forecasting.base import BaseForecaster
from sktime.regression.base import BaseRegressor

from ssmts.estimators import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor

__all__ = ["SktimeClassifier", "SktimeForecaster", "SktimeRegressor"]

_COLLECTIONS = {
    "authors": "ssmts",
    "maintainers": "ssmts",
    "X_inner_mtype": "numpy3D",
    "capability:multivariate": True,
    "capability:missing_values": True,
    "capability:categorical_in_X": False,
}


class SktimeClassifier(BaseClassifier):
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

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: Any) -> SktimeClassifier:
        self.estimator_ = _cloned(self.estimator, LinearSSMClassifier).fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)

    def _predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMClassifier(n_readouts=n, random_state=0)} for n in (8, 16)]


class SktimeRegressor(BaseRegressor):
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

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: Any) -> SktimeRegressor:
        self.estimator_ = _cloned(self.estimator, LinearSSMRegressor).fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMRegressor(n_readouts=n, random_state=0)} for n in (8, 16)]


class SktimeForecaster(BaseForecaster):
    """A forecaster of this library as a sktime forecaster.

    Rows are counted, whatever the index: a period index has no times to measure.

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
        "capability:multivariate": True,
        "capability:exogenous": False,
        "capability:insample": False,
        "capability:missing_values": True,
        "requires-fh-in-fit": True,
    }

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, y: Any, X: Any, fh: Any) -> SktimeForecaster:
        steps = fh.to_relative(self.cutoff).to_numpy().astype(int)
        model = _cloned(self.estimator, LinearSSMForecaster).set_params(horizon=int(steps.max()))
        self.estimator_ = model.fit(y.to_numpy(dtype=np.float64))
        return self

    def _predict(self, fh: Any, X: Any) -> Any:
        steps = fh.to_relative(self.cutoff).to_numpy().astype(int)
        values = self.estimator_.predict(self._y.to_numpy(dtype=np.float64).reshape(len(self._y), -1))
        index = fh.to_absolute_index(self.cutoff)
        return pd.DataFrame(
            np.reshape(values, (len(values), -1))[steps - 1], index, self._get_columns("predict")
        )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small settings for sktime's checks."""
        return [{"estimator": LinearSSMForecaster(context_length=c, n_modes=8)} for c in (8, 6)]


def _cloned(estimator: Any, default: Any) -> Any:
    return default() if estimator is None else clone(estimator)
