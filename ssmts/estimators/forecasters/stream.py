"""Forecasts of live data: windows updated by one observation or many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace as replaced
from threading import Lock
from typing import Any

import numpy as np

from ssmts.data import (
    Layout,
    Panel,
    Series,
    is_number,
    parse_instant,
    read_covariate_row,
    write_forecast,
    write_panel,
)
from ssmts.errors import CovariateError, EmptyDataError, InstantError, ParameterError
from ssmts.estimators.forecasters.persistence import read_forecaster, write_forecaster
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.estimators.forecasters.stream_buffer import SeriesBuffer, StreamUpdate, observed_rows
from ssmts.estimators.forecasters.stream_observation import in_unit_steps, one_observation
from ssmts.estimators.registry import FORECASTERS
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import following, with_id
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.training.content import interpreting
from ssmts.wording import Described, listed

__all__ = ["ForecastStream", "StreamUpdate"]

_MAX_JUMP = "stream.max_jump"  # beside the parameters of the forecaster in a file


class ForecastStream:
    """Current windows of one series or many, and forecasts from them; made by `model.stream(X)`.

    Forecasts equal those of `model.predict` on the same observations. Memory and update time do not grow with
    the history: a stream keeps one context before the latest observation of each series.

    Methods are thread-safe. An update that raises changes nothing.

    Parameters
    ----------
    fitted : FittedForecaster
    reader : HistoryReader
        Of the same forecaster.
    panel : Panel
        Initial windows.
    name : str
        Class of the forecaster, for `save`.
    params : mapping, optional
        Parameters of the forecaster, for `save`.
    max_jump : float, optional
        How long after the one before it an observation may lie, in the unit of the clock. None: a context.
    """

    def __init__(
        self,
        fitted: FittedForecaster,
        reader: HistoryReader,
        panel: Panel,
        *,
        name: str = "SSMForecaster",
        params: Mapping[str, Any] | None = None,
        max_jump: float | None = None,
    ) -> None:
        self._fitted, self._reader = fitted, reader
        self._name, self._params = name, dict(params or {})
        self._layout: Layout = panel.layout
        self._reach = fitted.model.config.linear.context * fitted.step
        self._max_jump = self._reach if max_jump is None else max_jump
        self._run_in = fitted.run_in * fitted.step
        self._columns = fitted.columns
        self._alone = panel.layout.form != "long" and panel.layout.ndim < 3
        self._buffers = {one.id: self._buffer(one) for one in panel.series}
        self._lock = Lock()

    def _buffer(self, series: Series) -> SeriesBuffer:
        seen, partial = observed_rows(series.values), self._layout.channel_col is not None
        times, values, covariates = series.times[seen], series.values[seen], series.covariates
        if self._columns is not None and covariates is None:
            covariates = read_covariate_row(self._columns, series.times[:1], {})
        return SeriesBuffer(
            series.id,
            times,
            values,
            self._reach,
            max_jump=self._max_jump,
            run_in=self._run_in,
            partial=partial,
            covariates=covariates,
        )

    def __repr__(self) -> str:
        return f"ForecastStream({len(self._buffers)} series, {self._name})"

    @property
    def ids(self) -> list[Hashable | None]:
        """Ids of the series, in order of arrival; [None] for a single series."""
        return list(self._buffers)

    @property
    def ready(self) -> list[Hashable | None]:
        """Ids of the series that can be forecast: two observations or more of every channel.

        With a channel column two observations of one channel are enough.
        """
        with self._lock:
            return [id_ for id_, buffer in self._buffers.items() if buffer.is_ready]

    def update(
        self, time: Any, values: Any = None, *, id: Hashable | None = None, replace: bool = False
    ) -> StreamUpdate:
        """Add new observations.

        Parameters
        ----------
        time : instant, frame or array
            The instant of `values`; or, without `values`, rows of one series or many, as for `predict`. Rows
            of an array follow the last observation in unit steps.
        values : number, sequence, dict or pandas.Series, optional
            One observation: a number for each channel, in order or by name; covariates by name. NaN, None and
            names left out of a dict are not observed.
        id : hashable, optional
            Series of `values`. A new id begins a series.
        replace : bool, default=False
            Whether a value may overwrite another value of the same instant.

        Returns
        -------
        StreamUpdate
            How many rows were accepted, late, unchanged or expired.

        Raises
        ------
        DuplicateTimeError
            If an instant is known with another value, and `replace` is False.
        InstantError
            If an observation lies `max_jump` or a context after the one before it: a time in the future.
        ssmts.errors.SSMTSError
            For rows that `predict` does not accept.

        Notes
        -----
        Late observations within one context of the latest one are inserted. Repeated observations are counted
        and ignored. Channels that arrive one by one are joined at their instant. Covariates take their newest
        value, as weather forecasts are revised. Rows of covariates alone, later than the latest observation,
        are covariates known ahead.
        """
        if values is None:
            if id is not None:
                raise ParameterError("id", id, "given with one observation only; a frame has an id column")
            rows = self._rows_of(time)
        else:
            rows = [one_observation(self._check_id(id), time, values, self._layout, self._columns)]
        with self._lock:
            return self._take(rows, replace=replace)

    def _rows_of(self, X: Any) -> Iterable[Series]:
        panel = self._reader.read(X, layout=self._layout, allow_empty=True)
        if (None in panel.ids) != self._alone:
            raise ParameterError(
                "X",
                Described("without ids" if None in panel.ids else "with ids"),
                "as the data that began the stream",
            )
        return following(panel, {id_: buffer.origin for id_, buffer in self._buffers.items()}).series

    def _check_id(self, id_: Hashable | None) -> Hashable | None:
        if isinstance(id_, np.generic):
            id_ = id_.item()
        try:
            hash(id_)
        except TypeError as error:
            raise ParameterError("id", id_, self._known_ids()) from error
        if (id_ is None) != self._alone:
            allowed = "None: the stream holds a single series" if self._alone else self._known_ids()
            raise ParameterError("id", id_, allowed)
        return id_

    def _known_ids(self) -> str:
        known = f": {listed(self._buffers)}" if self._buffers else ""
        return f"one of the series' ids{known}"

    def _take(self, rows: Iterable[Series], *, replace: bool) -> StreamUpdate:
        """Check all rows, then add them."""
        report, layout = StreamUpdate(), self._layout
        changes: list[Callable[[], None]] = []
        begun: dict[Hashable | None, SeriesBuffer] = {}
        for one in rows:
            buffer = self._buffers.get(one.id)
            if buffer is not None:
                own, change = buffer.taking(one, layout, replace=replace)
                changes.append(change)
                report += own
                continue
            n_seen = int(observed_rows(one.values).sum())
            report += StreamUpdate(accepted=n_seen, unchanged=len(one.times) - n_seen)
            if n_seen:
                layout = with_id(layout, one.id, next(iter(self._buffers), one.id))
                begun[one.id] = self._buffer(one)
            elif one.covariates is not None and not np.isnan(one.covariates.values).all():
                raise CovariateError(
                    f"{one.label} has covariates, but no observation yet. Nothing was updated. Give "
                    "them with its first observation, or after it."
                )
        for change in changes:
            change()
        self._buffers |= begun
        self._layout = layout
        return report

    def retract(self, time: Any, *, id: Hashable | None = None) -> None:
        """Take back the observation of an instant, such as one with a wrong stamp.

        Rows that left the window because of it are still there, as long as no later observation came.
        Covariates stay as they are.

        Parameters
        ----------
        time : instant
        id : hashable, optional
            None for a single series.

        Raises
        ------
        InstantError
            If the series has no observation of this instant, or no other one.
        ParameterError
            If the stream has no such series.
        """
        instant = parse_instant(time, self._layout)
        with self._lock:
            buffer = self._buffers.get(self._check_id(id))
            if buffer is None:
                raise ParameterError("id", id, self._known_ids())
            if not buffer.retract(instant):
                raise InstantError(
                    f"The stream holds no observation at {self._layout.show_instant(instant)}. Its "
                    "observations are in window()."
                )

    def forget(self, id: Hashable | None = None) -> None:
        """Drop the window of a series; its next observation starts a new one.

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
                raise ParameterError("id", id, self._known_ids())

    def predict(
        self,
        *,
        ids: Iterable[Hashable] | None = None,
        horizon: Any = None,
        step: Any = None,
        at: Any = None,
        future: Any = None,
    ) -> Any:
        """Forecast from the latest observation of each series, as `model.predict` does on its window.

        Parameters
        ----------
        ids : iterable, optional
            The series to forecast; all by default. `ready` names those that can be.
        horizon, step, at, future
            As for `model.predict`. Covariates ahead that were given to `update` need not be repeated.

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
        panel = self._reader.with_future(self.panel(ids), future)
        times, values = forecast_panel(self._fitted, panel, horizon=horizon, step=step, at=at)
        return write_forecast(panel.layout, panel.ids, times, values)

    def window(self, *, ids: Iterable[Hashable] | None = None) -> Any:
        """The current window of each series, as data for `model.predict_...` or `plot`.

        Parameters
        ----------
        ids : iterable, optional
            All series by default.

        Returns
        -------
        The kind of data that the stream began with, covariates in the columns behind the channels; in arrays,
        unit steps without an observation are NaN.
        """
        panel = self.panel(ids)
        if panel.layout.kind == "numpy":
            panel = replaced(panel, series=tuple(in_unit_steps(one) for one in panel.series))
        return write_panel(panel, self._columns)

    def panel(self, ids: Iterable[Hashable] | None = None) -> Panel:
        """The windows of some series, all by default."""
        with self._lock:
            wanted = list(self._buffers) if ids is None else [self._check_id(id_) for id_ in ids]
            for id_ in wanted:
                if id_ not in self._buffers:
                    raise ParameterError("ids", id_, self._known_ids())
            if not wanted:
                raise EmptyDataError("The stream holds no series: update() it with observations first.")
            return Panel(tuple(self._buffers[id_].series for id_ in wanted), self._layout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the stream and its model as one safetensors file, whole or not at all.

        Parameters
        ----------
        path : path-like
        """
        with self._lock:
            panel = Panel(tuple(buffer.kept for buffer in self._buffers.values()), self._layout)
        fitted = replaced(self._fitted, tail=panel, layout=panel.layout)
        params = self._params | {_MAX_JUMP: self._max_jump}
        write_forecaster(path, self._name, params, fitted, tail=True, kind="stream")

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
        name, stored, fitted = read_forecaster(path, kind="stream")
        max_jump = stored.pop(_MAX_JUMP, None)  # not in older files
        class_ = FORECASTERS.named(name, path)
        with interpreting(path, "a stream"):
            params = class_(**stored).get_params()  # with defaults newer than the file
            if max_jump is not None and not (is_number(max_jump) and max_jump > 0):
                raise ValueError(f"max_jump is {max_jump!r:.80}, not a positive number")
            reader = HistoryReader.of(fitted, params)
            return cls(fitted, reader, reader.history(None), name=name, params=params, max_jump=max_jump)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())
