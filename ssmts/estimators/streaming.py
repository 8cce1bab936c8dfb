"""Forecasts that follow data as it comes: windows kept up to date, one observation or many at a time."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace as replaced
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import Layout, Panel, Times, parse_instant, write_forecast
from ssmts.errors import (
    CovariateError,
    EmptyDataError,
    InfiniteValueError,
    InstantError,
    NotNumericError,
    ParameterError,
    ShapeError,
    UnknownColumnError,
)
from ssmts.estimators._base import FittedBase
from ssmts.estimators._buffers import SeriesBuffer, StreamUpdate, observed_rows
from ssmts.estimators._fit import is_number
from ssmts.estimators._fitted import following, with_id
from ssmts.estimators._predicting import forecast_panel
from ssmts.estimators._saving import write_forecaster
from ssmts.models.arrays import Float

__all__ = ["ForecastStream", "StreamUpdate", "StreamingMixin"]


class ForecastStream:
    """Windows of one series or many, kept up to date; `model.stream(X)` makes one.

    A forecast is that of `model.predict` on the same observations. Memory and the time of an update do not
    grow with history: a stream keeps what lies within one context of the latest observation of a series.

    Methods may be called from several threads. An update that raises has changed nothing.
    """

    def __init__(self, model: FittedBase, panel: Panel) -> None:
        self._model = model
        self._layout: Layout = panel.layout
        fitted = model._check_fitted()
        self._reach = fitted.model.config.linear.context * fitted.step
        self._alone = panel.layout.form != "long" and panel.layout.ndim < 3
        self._buffers = {
            one.id: self._buffer(one.id, *observed_rows(one.times, one.values)) for one in panel.series
        }
        self._column = {name: number for number, name in enumerate(self._layout.channels)}
        self._lock = Lock()

    def _buffer(self, id_: Hashable | None, times: Times, values: Float) -> SeriesBuffer:
        return SeriesBuffer(id_, times, values, self._reach, partial=self._layout.channel_col is not None)

    def __repr__(self) -> str:
        return f"ForecastStream({len(self._buffers)} series, {type(self._model).__name__})"

    @property
    def ids(self) -> list[Hashable | None]:
        """Ids of the series, in the order in which they came; [None] for a single series."""
        return list(self._buffers)

    @property
    def ready(self) -> list[Hashable | None]:
        """Ids of the series that can be forecast: two observations or more of every channel.

        Of one channel at least where the data came with a channel column.
        """
        with self._lock:
            return [id_ for id_, buffer in self._buffers.items() if buffer.is_ready]

    def update(
        self, time: Any, values: Any = None, *, id: Hashable | None = None, replace: bool = False
    ) -> StreamUpdate:
        """Take in new observations.

        Parameters
        ----------
        time : instant, frame or array
            The instant of `values`; or, without `values`, rows of the kind that `predict` reads, of one
            series or many. Rows of an array follow the last observation in unit steps.
        values : number, sequence, dict or pandas.Series, optional
            One observation: a number for each channel, in order or by name. NaN, None, and channels that a
            dict leaves out, are not observed.
        id : hashable, optional
            Which series `values` belong to. An id not seen before begins a series.
        replace : bool, default=False
            Correct what is known: a value takes the place of another one of the same instant.

        Returns
        -------
        StreamUpdate
            How many rows were accepted, late, unchanged or expired.

        Raises
        ------
        DuplicateTimeError
            If an instant is known with another value, and `replace` is False.
        InstantError
            If an observation lies a whole context or more after the one before it: a stamp in the future.
        ssmts.errors.SSMTSError
            For rows that `predict` would not read.

        Notes
        -----
        Late observations are put in their place as long as they lie within one context of the latest one.
        Repetitions of what is known are counted and ignored. Channels that arrive one by one are put
        together at their instant.
        """
        if values is None:
            if id is not None:
                raise ParameterError("id", id, "given with one observation only; a frame has an id column")
            rows = self._rows_of(time)
        else:
            rows = [(self._check_id(id), *self._one_row(time, values))]
        with self._lock:
            return self._take(rows, replace=replace)

    def _rows_of(self, X: Any) -> list[tuple[Hashable | None, Times, Float]]:
        panel = self._model._read(X, self._layout, allow_empty=True)
        if (None in panel.ids) != self._alone:
            raise ParameterError(
                "X", "data without ids" if None in panel.ids else "data with ids", "as the stream's data was"
            )
        panel = following(panel, {id_: buffer.origin for id_, buffer in self._buffers.items()})
        return [(one.id, one.times, one.values) for one in panel.series]

    def _one_row(self, time: Any, values: Any) -> tuple[Times, Float]:
        instant = parse_instant(time, self._layout)
        row = np.full((1, len(self._column)), np.nan)
        if isinstance(values, Mapping | pd.Series):
            for name, value in values.items():
                if name not in self._column:
                    raise UnknownColumnError(
                        f"values has {name!r}, which is no channel ({list(self._column)}). Leave it out."
                    )
                row[0, self._column[name]] = _as_number(name, value)
        else:
            given = np.atleast_1d(np.asarray(values, dtype=object)).ravel()
            if len(given) != len(self._column):
                raise ShapeError(
                    f"values holds {len(given)} numbers for {len(self._column)} channels. Give one for each "
                    f"of {list(self._column)}, NaN where it was not observed, or a dict."
                )
            row[0] = [_as_number(name, value) for name, value in zip(self._column, given)]
        return np.array([instant]), row

    def _check_id(self, id_: Hashable | None) -> Hashable | None:
        if isinstance(id_, np.generic):
            id_ = id_.item()
        if (id_ is None) != self._alone:
            allowed = "None: the stream holds a single series" if self._alone else "one of the series' ids"
            raise ParameterError("id", id_, allowed)
        return id_

    def _take(self, rows: list[tuple[Hashable | None, Times, Float]], *, replace: bool) -> StreamUpdate:
        """Check all rows, then take them in."""
        report, layout = StreamUpdate(), self._layout
        changes: list[tuple[SeriesBuffer, Callable[[Times, Float], None], Times, Float]] = []
        for id_, all_times, all_values in rows:
            times, values = observed_rows(all_times, all_values)
            report += StreamUpdate(unchanged=len(all_times) - len(times))
            if not len(times):
                continue
            buffer = self._buffers.get(id_)
            if buffer is None:
                layout = with_id(layout, id_, next(iter(self._buffers), id_))
                buffer = self._buffer(id_, times, values)
                changes.append((buffer, buffer.keep, times, values))
                report += StreamUpdate(accepted=len(times))
                continue
            buffer.check_gaps(times, layout)
            if times[0] > buffer.origin:
                changes.append((buffer, buffer.append, times, values))
                report += StreamUpdate(accepted=len(times))
            else:
                times, values, own = buffer.merged(times, values, layout, replace=replace)
                changes.append((buffer, buffer.keep, times, values))
                report += own
        for buffer, change, times, values in changes:
            change(times, values)
            self._buffers[buffer.id] = buffer
        self._layout = layout
        return report

    def forget(self, id: Hashable | None = None) -> None:
        """Drop the window of a series; its next observation begins it anew.

        Parameters
        ----------
        id : hashable, optional
            None for a single series.

        Raises
        ------
        ParameterError
            If the stream has no such series.
        """
        with self._lock:
            if self._buffers.pop(self._check_id(id), None) is None:
                raise ParameterError("id", id, "one of stream.ids")

    def predict(
        self,
        *,
        ids: Iterable[Hashable] | None = None,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
    ) -> Any:
        """Forecast from the latest observation of each series, as `model.predict` does on its window.

        Parameters
        ----------
        ids : iterable, optional
            The series to forecast; all by default. `ready` names those that can be.
        horizon, step, at
            As for `model.predict`.

        Returns
        -------
        The kind of data that the stream began with.

        Raises
        ------
        TooShortError, AllMissingError
            If the window of a series does not hold two observations of every channel.
        ssmts.errors.SSMTSError
            As `model.predict` does.
        """
        panel = self.panel(ids)
        times, values = forecast_panel(self._model._check_fitted(), panel, horizon=horizon, step=step, at=at)
        return write_forecast(panel.layout, panel.ids, times, values)

    def window(self, *, ids: Iterable[Hashable] | None = None) -> Any:
        """What the stream holds of each series, for `model.predict_...`, `plot` or a look at the data.

        Parameters
        ----------
        ids : iterable, optional
            All series by default.

        Returns
        -------
        The kind of data that the stream began with; in arrays, unit steps without an observation are NaN.
        """
        panel = self.panel(ids)
        times, values = [s.times for s in panel.series], [s.values for s in panel.series]
        if panel.layout.kind == "numpy":
            values = [_in_unit_steps(*rows) for rows in zip(times, values)]
        return write_forecast(panel.layout, panel.ids, times, values)

    def panel(self, ids: Iterable[Hashable] | None = None) -> Panel:
        """The windows of some series, all by default."""
        with self._lock:
            wanted = list(self._buffers) if ids is None else [self._check_id(id_) for id_ in ids]
            for id_ in wanted:
                if id_ not in self._buffers:
                    raise ParameterError("ids", id_, "one of stream.ids")
            if not wanted:
                raise EmptyDataError("The stream holds no series: update() it with observations first.")
            return Panel(tuple(self._buffers[id_].series for id_ in wanted), self._layout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the stream and its model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        """
        model = self._model
        with self._lock:
            panel = Panel(tuple(buffer.series for buffer in self._buffers.values()), self._layout)
        fitted = replaced(model._check_fitted(), tail=panel, layout=panel.layout)
        write_forecaster(path, type(model).__name__, model.get_params(), fitted, tail=True, kind="stream")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ForecastStream:
        """Read a stream that :meth:`save` wrote; no code in the file is run.

        Parameters
        ----------
        path : path-like

        Raises
        ------
        ModelFileError
            If the file holds no stream.
        """
        from ssmts.estimators import read_estimator  # which knows all classes, and so imports this module

        model = read_estimator(path, kind="stream")
        return cls(model, model._history(None))

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())


class StreamingMixin(FittedBase):
    """Adds `stream` to a forecaster."""

    def stream(self, X: Any = None) -> ForecastStream:
        """Follow data as it comes, one observation or many at a time.

        Parameters
        ----------
        X : like fit's, optional
            Recent history of one series or many; a context of it is kept. None begins at the end of the
            training data.

        Returns
        -------
        ForecastStream
            Later fits of this estimator do not touch it.
        """
        if self._check_fitted().columns is not None:
            raise CovariateError(
                "A stream keeps channels, no covariates. Call predict(X, future=...) on recent rows instead, "
                "or fit without covariates; calendar=True streams."
            )
        return ForecastStream(copy.copy(self), self._history(X))


def _as_number(name: Hashable, value: Any) -> float:
    """A finite number, or NaN for what was not observed."""
    if value is None or value is pd.NA:
        return np.nan
    if not is_number(value):
        raise NotNumericError(f"values: {name!r} is {value!r}, not a number. Correct it; NaN if unobserved.")
    if np.isinf(value):
        raise InfiniteValueError(f"values: {name!r} is infinite. Correct it; NaN if it was not observed.")
    return float(value)


def _in_unit_steps(times: Times, values: Float) -> Float:
    """Rows in unit steps, NaN where there was no observation."""
    steps = times - times[0]
    if (steps != np.floor(steps)).any():
        raise InstantError("The stream holds times between unit steps: its window is no array. Use a frame.")
    rows = np.full((int(steps[-1]) + 1, values.shape[1]), np.nan)
    rows[steps.astype(np.int64)] = values
    return rows
