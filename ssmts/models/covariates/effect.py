"""Covariates that are known ahead: their effect is taken out of the series and added to the forecast."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float, Rows
from ssmts.data.calendar import Calendar, weekdays
from ssmts.data.covariates import CovariateColumns
from ssmts.data.holidays import N_HOLIDAY_KINDS, Holidays
from ssmts.data.series import Layout, Panel, Series, Times
from ssmts.errors import CovariateError
from ssmts.models.covariates.filter_bank import SignalBank
from ssmts.models.covariates.nonlinear import NonlinearTerms, TermInputs
from ssmts.models.covariates.signal_scale import SignalScale, covariates_of
from ssmts.models.sequences.scaling import Scaling
from ssmts.training.files import below

__all__ = ["INDICATOR", "CovariateEffect", "require_covariates"]

_MOST_SPACINGS = 4.0  # median spacings between two values of a covariate that a forecast may lie between
_PHASE, INDICATOR = 1.5, 2.0  # inputs of the random cosines, in deviations of a number
_CYCLE_HARMONICS = 4  # in the products with covariates


@dataclass(frozen=True)
class CovariateEffect:
    """What the covariates that are known ahead do to every channel.

    Parameters
    ----------
    columns : CovariateColumns
    layout : Layout
        Of the training data; its time zone is the calendar's.
    calendar : Calendar or None
    holidays : Holidays or None
    bank : SignalBank
        Of the linear features.
    scale : SignalScale
    usual : ndarray of float64, shape (n_signals,)
        What a covariate is most of the time: contributions are departures from it.
    nonlinear : NonlinearTerms or None
    memory : SignalBank
        Of the numeric signals in the nonlinear terms.
    shared : ndarray of float64, shape (n_channels, n_features)
        Weights for series that fit did not see.
    grouping : {"series", "static", "none"}
        Whether training series or classes of series have weights of their own.
    by_group : ndarray of float64, shape (n_groups, n_channels, n_features)
    """

    columns: CovariateColumns
    layout: Layout
    calendar: Calendar | None
    holidays: Holidays | None
    bank: SignalBank
    scale: SignalScale
    usual: Float
    nonlinear: NonlinearTerms | None
    memory: SignalBank
    shared: Float
    grouping: str
    by_group: Float

    @property
    def used(self) -> bool:
        """Whether any channel takes anything from them."""
        return bool(self.shared.any() or self.by_group.any())

    @property
    def run_in(self) -> float:
        """How long before an instant covariates should be known, in reference steps."""
        return self.bank.run_in if self.nonlinear is None else max(self.bank.run_in, self.memory.run_in)

    @property
    def names(self) -> list[str]:
        """Whom contributions belong to: the covariates, the calendar, holidays."""
        taken = ["calendar", "holidays"]
        known = [str(name) for name in self.columns.future]
        return [f"covariate {name}" if name in taken else name for name in known] + taken

    @property
    def part_names(self) -> list[str]:
        """The names that the model has, in their order."""
        there = [True] * len(self.columns.future) + [self.calendar is not None, self.holidays is not None]
        return [name for name, here in zip(self.names, there, strict=True) if here]

    @property
    def n_cycle(self) -> int:
        """Number of harmonics in the products with covariates, a sine and a cosine counting as two."""
        return 0 if self.calendar is None else len(_cycle_columns(self.calendar))

    @property
    def linear_owners(self) -> Rows:
        """Position among the names of the owner of each linear feature."""
        n_known = len(self.columns.future)
        signals = self.scale.owners(self.columns, self.columns.future)
        counts = [0 if own is None else own.n_features for own in (self.calendar, self.holidays)]
        of_each = np.repeat(signals, self.bank.n_each), np.repeat([n_known, n_known + 1], counts)
        return np.asarray(np.concatenate(of_each), dtype=np.int64)

    @property
    def input_owners(self) -> Rows:
        """Position among the names of the owner of each input of the nonlinear terms."""
        n_known = len(self.columns.future)
        signals = self.scale.owners(self.columns, self.columns.future)
        n_numeric = self.scale.center.shape[1]
        numbers = np.repeat(signals[:n_numeric], self.memory.n_each)
        phases = [] if self.calendar is None else [n_known] * len(_phase_columns(self.calendar))
        days = [] if self.holidays is None else [n_known + 1] * N_HOLIDAY_KINDS
        return np.concatenate([numbers, signals[n_numeric:], phases, days]).astype(np.int64)

    def linear_features(self, series: Series, times: Times, step: float) -> Float:
        """Values, delays and states of the covariates and harmonics of the calendar, (n_instants, n)."""
        parts = []
        if self.columns.future:
            parts.append(self._states(self.bank, series, times, step))
        if self.calendar is not None:
            parts.append(self.calendar.features(times.astype(np.int64), self.layout))
        if self.holidays is not None:
            parts.append(self.holidays.features(times.astype(np.int64), self.layout))
        return np.concatenate(parts, axis=1)

    def inputs(self, series: Series, times: Times, step: float) -> TermInputs:
        """What the nonlinear terms are functions of, at some instants."""
        parts = []
        n_numeric = self.scale.center.shape[1]
        cycle = joint = np.zeros((len(times), 0))
        if self.columns.future:
            states = self._states(self.memory, series, times, step)
            cut = n_numeric * self.memory.n_each
            parts += [states[:, :cut], INDICATOR * states[:, cut :: self.memory.n_each]]
        if self.calendar is not None:
            harmonics = self.calendar.features(times.astype(np.int64), self.layout)
            parts.append(_PHASE * harmonics[:, _phase_columns(self.calendar)])
            cycle = harmonics[:, _cycle_columns(self.calendar)]
            joint = _calendar_products(
                self.calendar, harmonics, weekdays(times.astype(np.int64), self.layout)
            )
        if self.holidays is not None:
            days = self.holidays.features(times.astype(np.int64), self.layout)[:, :N_HOLIDAY_KINDS]
            parts.append(INDICATOR * days)
        return TermInputs(np.concatenate(parts, axis=1), cycle, joint)

    def _states(self, bank: SignalBank, series: Series, times: Times, step: float) -> Float:
        """Features of the signals of a series at some instants."""
        covariates = covariates_of(series)
        start = covariates.times[0]
        signals, held = self.scale.signals(series, self.columns, self.columns.future)
        own, instants = (covariates.times - start) / step, (times - start) / step
        return bank.features(own, signals, held, instants)

    def features(self, series: Series, times: Times, step: float) -> Float:
        """All features at some instants, (n_instants, n_features): linear ones, then nonlinear ones."""
        linear = self.linear_features(series, times, step)
        if self.nonlinear is None:
            return linear
        return np.concatenate([linear, self.nonlinear.features(self.inputs(series, times, step))], axis=1)

    def values(self, series: Series, times: Times, step: float, scaling: Scaling) -> Float:
        """The effect on every channel at some instants, in the units of the channels.

        Parameters
        ----------
        series : Series
            With its covariates and the channels as they are, effect included.
        times : ndarray, shape (n_instants,)
        step : int or float
            Reference step.
        scaling : Scaling

        Returns
        -------
        ndarray of float64, shape (n_instants, n_channels)
        """
        scale, _ = scaling.of_series(series)
        return np.asarray(self.features(series, times, step) @ self._weights(series, scaling).T * scale)

    def contributions(
        self, series: Series, times: Times, step: float, scaling: Scaling
    ) -> tuple[dict[str, Float], Float]:
        """The effect by covariate, each as a departure from what the usual covariates do.

        Parameters
        ----------
        series, times, step, scaling
            As for :meth:`values`.

        Returns
        -------
        by_name : dict of ndarray of float64, each (n_instants, n_channels)
            Of the covariates, the calendar and holidays, where the model has them.
        usual : ndarray of float64, shape (n_channels,)
            What the usual covariates add; all of it together is the effect.
        """
        scale, _ = scaling.of_series(series)
        W = self._weights(series, scaling)
        linear = self.linear_features(series, times, step)
        n_linear, owners = linear.shape[1], self.linear_owners
        usual = np.zeros(n_linear)
        usual[: len(self.usual) * self.bank.n_each] = np.repeat(self.usual, self.bank.n_each)
        parts = np.stack(
            [
                (linear - usual)[:, owners == owner] @ W[:, :n_linear][:, owners == owner].T
                for owner in range(len(self.names))
            ]
        )
        if self.nonlinear is not None:
            parts += self.nonlinear.shares(
                self.inputs(series, times, step),
                W[:, n_linear:],
                self.input_owners,
                len(self.names),
                len(self.columns.future),
            )
        by_name = dict(zip(self.names, parts * scale, strict=True))
        return {name: by_name[name] for name in self.part_names}, W[:, :n_linear] @ usual * scale

    def _weights(self, series: Series, scaling: Scaling) -> Float:
        """Weights of a series, (n_channels, n_features)."""
        number = self.group_of(series, scaling)
        return self.shared if number is None else self.by_group[number]

    def group_of(self, series: Series, scaling: Scaling) -> int | None:
        """Number of the group of a series; None: it takes the shared weights."""
        if self.grouping == "series":
            number = scaling.position.get(series.id, len(self.by_group))
            return number if number < len(self.by_group) else None  # partial_fit may have added it
        return scaling.class_of(series) if self.grouping == "static" else None

    def without(self, panel: Panel, step: float, scaling: Scaling) -> Panel:
        """The panel minus the effect: what the window alone has to forecast."""
        return replace(
            panel,
            series=tuple(
                replace(series, values=series.values - self.values(series, series.times, step, scaling))
                for series in panel.series
            ),
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted that :meth:`to_dict` does not say, by name."""
        arrays = {
            "shared": self.shared,
            "by_group": self.by_group,
            "center": self.scale.center,
            "spread": self.scale.deviation,
            "usual": self.usual,
        }
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        terms = {} if self.nonlinear is None else self.nonlinear.to_tensors()
        return tensors | {f"nonlinear.{name}": tensor for name, tensor in terms.items()}

    def to_dict(self) -> dict[str, Any]:
        """What the features are, as JSON can hold it."""
        return {
            "calendar": None if self.calendar is None else self.calendar.to_dict(),
            "holidays": None if self.holidays is None else self.holidays.to_dict(),
            "bank": self.bank.to_dict(),
            "memory": self.memory.to_dict(),
            "levels": [[name, list(codes)] for name, codes in self.scale.levels.items()],
            "grouping": self.grouping,
        }

    @classmethod
    def rebuilt(
        cls,
        state: dict[str, Any],
        tensors: dict[str, Tensor],
        columns: CovariateColumns,
        layout: Layout,
        ids: tuple[Hashable, ...],
    ) -> CovariateEffect:
        """From what :meth:`to_dict` and :meth:`to_tensors` gave."""
        terms = below("nonlinear.", tensors)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        calendar, holidays = state["calendar"], state.get("holidays")  # older files know no holidays
        levels = {name: tuple(codes) for name, codes in state.get("levels", [])}
        # partial_fit may have added series that were not there
        scale = SignalScale(ids[: len(arrays["center"]) - 1], arrays["center"], arrays["spread"], levels)
        nothing = np.zeros(len(scale.owners(columns, columns.future)))
        return cls(
            columns=columns,
            layout=layout,
            calendar=None if calendar is None else Calendar(**calendar),
            holidays=None if holidays is None else Holidays.from_dict(holidays),
            bank=SignalBank(*map(tuple, state["bank"].values())),
            scale=scale,
            usual=arrays.get("usual", nothing),
            nonlinear=NonlinearTerms.from_tensors(terms) if terms else None,
            memory=SignalBank(*map(tuple, state.get("memory", {"lags": (), "time_constants": ()}).values())),
            shared=arrays["shared"],
            grouping=state["grouping"],
            by_group=arrays["by_group"],
        )


def _phase_columns(calendar: Calendar) -> Rows:
    """Columns of the calendar's features that say where in each cycle an instant is."""
    return np.concatenate([calendar.columns(unit, 1) for unit in ("day", "week", "year")])


def _cycle_columns(calendar: Calendar) -> Rows:
    """Columns of the first harmonics of the shortest cycle that the data have."""
    for unit in ("day", "week", "year"):
        if len(found := calendar.columns(unit, _CYCLE_HARMONICS)):
            return found
    return np.zeros(0, dtype=np.int64)


def _calendar_products(calendar: Calendar, harmonics: Float, weekday: Rows) -> Float:
    """A daily profile for every day of the week, and one that changes over the year."""
    day, week = calendar.columns("day", calendar.day), calendar.columns("week", 1)
    if not len(day):
        return np.zeros((len(harmonics), 0))
    factors = [(harmonics[:, calendar.columns("year", 2)], harmonics[:, calendar.columns("day", 3)])]
    if len(week):
        profile = np.concatenate([np.ones((len(harmonics), 1)), harmonics[:, day]], axis=1)
        factors.append((np.eye(7)[weekday], profile))
    products = [(a[:, :, None] * b[:, None, :]).reshape(len(a), -1) for a, b in factors]
    return np.concatenate(products, axis=1)


def _require_no_gap(name: str, who: str, own: Times, instants: Times, panel: Panel) -> None:
    """Raise if an instant of a forecast lies in a gap of a covariate that its own spacing does not explain.

    The line across such a gap says nothing: values of another year would be taken for those of tomorrow.
    """
    if len(own) < 2:
        return
    after = np.clip(np.searchsorted(own, instants), 1, len(own) - 1)
    gap = own[after] - own[after - 1]
    inside = (own[after - 1] < instants) & (instants < own[after])
    lost = inside & (gap > _MOST_SPACINGS * np.median(np.diff(own)))
    if lost.any():
        first = int(np.flatnonzero(lost)[0])
        show = panel.layout.show_instant
        raise CovariateError(
            f"Covariate {name!r}{who} is not known at {show(instants[first])}: it has no value between "
            f"{show(own[after[first] - 1])} and {show(own[after[first]])}. Give in predict(future=...) the "
            "values from the end of X on, at its own spacing."
        )


def require_covariates(
    panel: Panel, columns: CovariateColumns, times: Seq[Times], *, fitting: bool = False
) -> None:
    """Raise unless every covariate of every series is known as far as the instants given.

    A number is known up to its last value, a category one interval longer: it lasts until the next one. In
    fitting the last interval counts for numbers as well.

    Raises
    ------
    CovariateError
        Names column, series and the first instant that is not covered.
    """
    for series, instants in zip(panel.series, times, strict=True):
        who = series.whose
        for k, name in enumerate(columns.future):
            covariates = covariates_of(series)
            own = covariates.times[~np.isnan(covariates.values[:, k])]
            if not len(own):
                raise CovariateError(
                    f"Covariate {name!r}{who} has no value at all. Give it in X or in predict(future=...)."
                )
            last = own[-1]
            if (fitting or name in columns.categories) and len(own) > 1:
                last = last + np.median(np.diff(own)) * (1 - 1e-9)
            if not fitting:
                _require_no_gap(name, who, own, instants, panel)
            beyond = instants[instants > last]
            if len(beyond):
                show = panel.layout.show_instant
                raise CovariateError(
                    f"Covariate {name!r}{who} is not known at {show(beyond.min())}: its last value is that "
                    f"of {show(own[-1])}, and the forecast goes to {show(instants.max())}. Give its future "
                    "values in predict(future=...) or as rows of X with missing targets, or ask for a "
                    "shorter horizon."
                )
