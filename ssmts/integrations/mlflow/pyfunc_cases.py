"""What a served classifier or regressor does: whole series in, labels, probabilities or numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssmts.errors import ParameterError, ShapeError
from ssmts.integrations.mlflow.pyfunc import as_mlflow_errors

__all__ = ["CasesPyfunc"]


class CasesPyfunc:
    """A classifier or regressor of whole series behind pyfunc's face.

    Parameters
    ----------
    model : SSMClassifier or SSMRegressor
        Fitted.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def get_raw_model(self) -> Any:
        """The estimator."""
        return self.model

    @as_mlflow_errors
    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Judge every case.

        Parameters
        ----------
        model_input : pandas.DataFrame, ndarray or list of ndarray
            Cases, as the estimator's own `predict` takes them; or a frame of one column that holds a case of
            any length in each row, as JSON can.
        params : dict, optional
            ``rate``: the interval of the cases in intervals of training; ``probabilities``: true for a
            column a class instead of labels.

        Returns
        -------
        ndarray or pandas.DataFrame

        Raises
        ------
        mlflow.exceptions.MlflowException
            With the message of the error of `ssmts.errors`, as a client's fault.
        """
        model_input = _unpacked(model_input)
        params = params or {}
        rate = params.get("rate")
        if not params.get("probabilities"):
            return self.model.predict(model_input, rate=rate)
        if not hasattr(self.model, "predict_proba"):
            raise ParameterError("probabilities", True, "false: a regressor has none")
        columns = [str(label) for label in self.model.classes_]
        return pd.DataFrame(self.model.predict_proba(model_input, rate=rate), columns=columns)


def _unpacked(model_input: Any) -> Any:
    """The cases of a frame that has one column, of lists or arrays; anything else as it is."""
    if not isinstance(model_input, pd.DataFrame) or model_input.shape[1] != 1:
        return model_input
    given, cases = model_input.iloc[:, 0].tolist(), []
    for number, case in enumerate(given):
        if not isinstance(case, list | np.ndarray):
            return model_input
        try:
            cases.append(np.asarray(case))
        except ValueError as error:
            raise ShapeError(
                f"Case {number} is ragged: its channels differ in length. Give one array (n_channels, "
                "length) a case, null where a channel was not observed."
            ) from error
    return cases
