"""What a served forecaster does: a frame or array and parameters in, a forecast out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException

from ssmts.errors import ParameterError, SSMTSError
from ssmts.estimators import SSMForecaster

__all__ = ["ForecasterPyfunc", "as_mlflow_errors"]


def as_mlflow_errors(method: Callable[..., Any]) -> Callable[..., Any]:
    """Errors of what goes in, as MLflow's: only so does their message reach a client, as an answer of 400."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (SSMTSError, ValueError, TypeError) as error:  # scikit-learn's checks of X raise the last two
            raise MlflowException(
                f"{type(error).__name__}: {error}", error_code=INVALID_PARAMETER_VALUE
            ) from error

    return call


class ForecasterPyfunc:
    """A forecaster behind pyfunc's face.

    Parameters
    ----------
    model : SSMForecaster
        Fitted.
    """

    def __init__(self, model: SSMForecaster) -> None:
        self.model = model

    def get_raw_model(self) -> SSMForecaster:
        """The forecaster."""
        return self.model

    @as_mlflow_errors
    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Forecast every series of a history, or the instants that a frame without targets names.

        Parameters
        ----------
        model_input : pandas.DataFrame or ndarray
            History, as the forecaster's own `predict` takes it; times in a column (text is read) or in the
            index. A frame with ids and times alone asks for these instants, on from the end of the training
            data: it is answered row by row with the targets.
        params : dict, optional
            ``step``, ``horizon`` (text: a duration, or a whole number of reference steps), ``at`` (a list of
            instants) and ``level`` (a list of percentages, for intervals).

        Returns
        -------
        pandas.DataFrame or ndarray
            Times in a column.

        Raises
        ------
        mlflow.exceptions.MlflowException
            With the message of the error of `ssmts.errors`, as a client's fault.
        """
        options = self._options(params)
        level = options.pop("level", None)
        if not isinstance(model_input, pd.DataFrame):
            return self._forecast(np.asarray(model_input), level, options)
        X = self._frame(model_input)
        if not set(self._layout.channels) & set(X.columns):
            if options or level:
                raise ParameterError(
                    "params", params, "left out when a frame without targets says the instants"
                )
            return self._row_by_row(X)
        forecast = self._forecast(X, level, options)
        if isinstance(forecast, pd.Series):
            forecast = forecast.to_frame()
        return forecast if isinstance(forecast.index, pd.RangeIndex) else forecast.reset_index()

    @property
    def _layout(self) -> Any:
        return self.model.fitted_.layout

    @property
    def _covariates(self) -> tuple[Any, ...]:
        columns = self.model.fitted_.columns
        return () if columns is None else columns.all

    def _forecast(self, X: Any, level: Any, options: dict[str, Any]) -> Any:
        if level is None:
            return self.model.predict(X, **options)
        return self.model.predict_interval(X, level=level, **options)

    def _options(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """Parameters that are set, numbers among the texts read as such."""
        given = {name: value for name, value in (params or {}).items() if value is not None and len(value)}
        number = self._layout.clock.kind == "number"
        for name in ("step", "horizon"):
            if name in given:
                given[name] = _read(given[name], whole=name == "horizon", number=number)
        if "at" in given and number:
            given["at"] = [_read(value, whole=False, number=True) for value in given["at"]]
        return given

    def _frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the names and times that the forecaster knows, where JSON changed them."""
        layout = self._layout
        labels = [layout.id_col, layout.channel_col]
        known = [*labels, layout.time_col, *layout.value_columns, *self._covariates]
        frame = frame.rename(columns={str(name): name for name in known if name is not None})
        time = "index" if layout.time_col is None else layout.time_col
        if time in frame.columns and layout.clock.kind == "datetime":
            stamps = frame[time]
            if stamps.dtype == object or isinstance(stamps.dtype, pd.StringDtype):
                frame = frame.assign(**{str(time): _stamps(stamps, layout.tz)})
        return frame

    def _row_by_row(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Forecasts of the instants of a frame, in its order, continuing the training data."""
        layout = self._layout
        at = frame.reset_index() if layout.time_in_index and layout.time_col not in frame.columns else frame
        time = layout.time_col if layout.time_col in at.columns else "index"
        if time not in at.columns:
            raise ParameterError(
                "columns", list(frame.columns), "those of targets, or of the times that are asked for"
            )
        keys = [time] if layout.form != "long" else [layout.id_col, time]
        future = at[[*keys, *self._covariates]] if self._covariates else None
        model = self.model if layout.form != "long" else self._of_series(at[layout.id_col])
        forecast = model.predict(at=at[time] if layout.form != "long" else at[keys], future=future)
        values = pd.DataFrame(forecast).reset_index()
        if layout.channel_col is not None:
            keys.append(layout.channel_col)
        found = pd.MultiIndex.from_frame(values[keys]).get_indexer(pd.MultiIndex.from_frame(at[keys]))
        return values[list(layout.value_columns)].iloc[found].reset_index(drop=True)

    def _of_series(self, ids: pd.Series[Any]) -> SSMForecaster:
        """The forecaster with the history of some series alone: only those are forecast."""
        tail, asked = self.model.fitted_.tail, set(ids)
        if tail is None:
            return self.model  # which says that it holds no history
        if unknown := asked - set(tail.ids):
            raise ParameterError(
                str(ids.name),
                min(unknown, key=str),
                "a series of the training data, or given with its history",
            )
        some = replace(tail, series=tuple(one for one in tail.series if one.id in asked))
        return self.model.with_fitted(replace(self.model.fitted_, tail=some))


def _read(value: str, *, whole: bool, number: bool) -> Any:
    """A number where the text is one and a number may stand there, else the text."""
    if whole and value.strip().isdigit():
        return int(value)
    try:
        return float(value) if number else value
    except ValueError:
        return value


def _stamps(texts: pd.Series[Any], tz: str | None) -> pd.Series[Any]:
    """Stamps from text, in the zone of the training data if it has one; unreadable text stays."""
    try:
        if tz is None:
            return pd.to_datetime(texts)
        return pd.to_datetime(texts, utc=True).dt.tz_convert(tz)
    except (TypeError, ValueError):
        return texts
