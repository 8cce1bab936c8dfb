"""Covariates that are known ahead: their effect is taken out of the series and added to the forecast."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.data.calendar import Calendar
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Layout, Panel, Series, Times
from ssmts.errors import CovariateError
from ssmts.models.covariates.filter_bank import SignalBank
from ssmts.models.sequences.scaling import Scaling

__all__ = ["CovariateEffect", "SignalScale", "require_covariates"]

_MOST_SPACINGS = 4.0  # median spacings between two values of a covariate that a forecast may lie between


_ENOUGH = 8  # values of a covariate that say how much it varies in a series that fit did not see


@dataclass(frozen=True)
class SignalScale:
    """Centre and spread of the numeric covariates, for every training series and for all others.

    Parameters
    ----------
    ids : tuple
        Of the training series.
    center, spread : ndarray of float64, shape (n_series + 1, n_numeric)
        The last row is for a series that fit did not see, and too short to have a spread of its own.
    """

    ids: tuple[Hashable, ...]
    center: Float
    spread: Float

    @classmethod
    def of(cls, panel: Panel, columns: CovariateColumns, names: Seq[Hashable]) -> SignalScale:
        """Measured on a training panel; a covariate that is constant in a series has the spread of all."""
        numeric = [columns.dynamic.index(name) for name in names if name not in columns.categories]
        if not numeric:
            return cls(panel.ids, np.empty((len(panel.series) + 1, 0)), np.empty((len(panel.series) + 1, 0)))
        blocks = [covariates_of(series).values[:, numeric] for series in panel.series]
        center = np.stack([np.nanmean(block, axis=0) for block in blocks])
        variance = np.stack([np.nanvar(block, axis=0) for block in blocks])
        pooled_center, pooled = center.mean(axis=0), variance.mean(axis=0)
        pooled = np.where(pooled > 0, pooled, 1.0)
        tiny = variance <= 1e-24 * np.maximum(center**2, 1e-300)
        spread = np.sqrt(np.where(tiny, pooled, variance))
        return cls(panel.ids, np.vstack([center, pooled_center]), np.vstack([spread, np.sqrt(pooled)]))

    @cached_property
    def position(self) -> dict[Hashable, int]:
        """Row of each training series."""
        return {id_: number for number, id_ in enumerate(self.ids)}

    def signals(
        self, series: Series, columns: CovariateColumns, names: Seq[Hashable]
    ) -> tuple[Float, NDArray[np.bool_]]:
        """Covariates of a series as signals.

        Returns
        -------
        signals : ndarray of float64, shape (length, n_signals)
            Numbers in units of the series, then an indicator of every category.
        held : ndarray of bool, shape (n_signals,)
            Which of them keep their newest value.
        """
        values = covariates_of(series).values
        position = {name: columns.dynamic.index(name) for name in names}
        numeric = [position[name] for name in names if name not in columns.categories]
        parts = [self._standardized(series, values[:, numeric])]
        for name in names:
            if name in columns.categories:
                codes = values[:, position[name], None]
                indicators = (codes == np.arange(len(columns.categories[name]))).astype(np.float64)
                parts.append(np.where(np.isnan(codes), np.nan, indicators))
        joined = np.concatenate(parts, axis=1)
        return joined, np.arange(joined.shape[1]) >= len(numeric)

    def _standardized(self, series: Series, values: Float) -> Float:
        """Numeric covariates of a series in its own units."""
        row = self.position.get(series.id, -1)
        center, spread = self.center[row], self.spread[row]
        if row < 0:  # over the same time as the channels, whose scale is their own as well
            times = covariates_of(series).times
            during = values[(times >= series.times[0]) & (times <= series.origin)]
            for k, own in enumerate(during.T):
                seen = own[~np.isnan(own)]
                if len(seen) >= _ENOUGH and np.ptp(seen) > 0:
                    center, spread = center.copy(), spread.copy()
                    center[k], spread[k] = seen.mean(), seen.std()
        return np.asarray((values - center) / spread)


@dataclass(frozen=True)
class CovariateEffect:
    """What the covariates that are known ahead do to every channel.

    Parameters
    ----------
    columns : CovariateColumns
    layout : Layout
        Of the training data; its time zone is the calendar's.
    calendar : Calendar or None
    bank : SignalBank
    scale : SignalScale
    shared : ndarray of float64, shape (n_channels, n_features)
        Weights for series that fit did not see.
    grouping : {"series", "static", "none"}
        Whether training series or classes of series have weights of their own.
    by_group : ndarray of float64, shape (n_groups, n_channels, n_features)
    """

    columns: CovariateColumns
    layout: Layout
    calendar: Calendar | None
    bank: SignalBank
    scale: SignalScale
    shared: Float
    grouping: str
    by_group: Float

    @property
    def used(self) -> bool:
        """Whether any channel takes anything from them."""
        return bool(self.shared.any() or self.by_group.any())

    def features(self, series: Series, times: Times, step: float) -> Float:
        """Features of the covariates at some instants, (n_instants, n_features)."""
        parts = []
        if self.columns.future:
            covariates = covariates_of(series)
            start = covariates.times[0]
            signals, held = self.scale.signals(series, self.columns, self.columns.future)
            own, instants = (covariates.times - start) / step, (times - start) / step
            parts.append(self.bank.features(own, signals, held, instants))
        if self.calendar is not None:
            parts.append(self.calendar.features(times.astype(np.int64), self.layout))
        return np.concatenate(parts, axis=1)

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
        number = self.group_of(series, scaling)
        W = self.shared if number is None else self.by_group[number]
        return np.asarray(self.features(series, times, step) @ W.T * scale)

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
            "spread": self.scale.spread,
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def to_dict(self) -> dict[str, Any]:
        """What the features are, as JSON can hold it."""
        calendar = None if self.calendar is None else self.calendar.to_dict()
        return {"calendar": calendar, "bank": self.bank.to_dict(), "grouping": self.grouping}

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
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        calendar = None if state["calendar"] is None else Calendar(**state["calendar"])
        bank = SignalBank(**{name: tuple(values) for name, values in state["bank"].items()})
        # partial_fit may have added series that were not there
        scale = SignalScale(ids[: len(arrays["center"]) - 1], arrays["center"], arrays["spread"])
        return cls(
            columns, layout, calendar, bank, scale, arrays["shared"], state["grouping"], arrays["by_group"]
        )


def covariates_of(series: Series) -> Any:
    """Covariates of a series, provided that they are there.

    Raises
    ------
    CovariateError
        If they are not.
    """
    if series.covariates is None:
        raise CovariateError(
            "This forecaster was fitted with covariates, and they are not known here. Call predict or score "
            "on a frame that holds them, or fit without covariates."
        )
    return series.covariates


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
        who = "" if series.id is None else f" of series {series.id!r}"
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
