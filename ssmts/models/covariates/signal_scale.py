"""Covariates as signals: numbers in the units of their series, an indicator for each category."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Panel, Series
from ssmts.errors import CovariateError

__all__ = ["SignalScale", "covariates_of"]

_ENOUGH = 8  # values of a covariate that say how much it varies in a series that fit did not see
_MOST_LEVELS = 200  # of a category, those that occur most; the others take the mean


@dataclass(frozen=True)
class SignalScale:
    """Centre and deviation of the numeric covariates, for every training series and for all others.

    Parameters
    ----------
    ids : tuple
        Of the training series.
    center, deviation : ndarray of float64, shape (n_series + 1, n_numeric)
        The last row is for a series that fit did not see, and too short to have a deviation of its own.
    levels : dict
        Codes that have an indicator, of every category with too many of them; all others have one for each.
    """

    ids: tuple[Hashable, ...]
    center: Float
    deviation: Float
    levels: dict[Hashable, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, panel: Panel, columns: CovariateColumns, names: Seq[Hashable]) -> SignalScale:
        """Measured on a training panel; a covariate that is constant in a series has the deviation of all."""
        numeric = [columns.dynamic.index(name) for name in names if name not in columns.categories]
        if not numeric:
            return cls(panel.ids, np.empty((len(panel.series) + 1, 0)), np.empty((len(panel.series) + 1, 0)))
        blocks = [covariates_of(series).values[:, numeric] for series in panel.series]
        center = np.stack([np.nanmean(block, axis=0) for block in blocks])
        variance = np.stack([np.nanvar(block, axis=0) for block in blocks])
        pooled_center, pooled = center.mean(axis=0), variance.mean(axis=0)
        pooled = np.where(pooled > 0, pooled, 1.0)
        tiny = variance <= 1e-24 * np.maximum(center**2, 1e-300)
        deviation = np.sqrt(np.where(tiny, pooled, variance))
        return cls(panel.ids, np.vstack([center, pooled_center]), np.vstack([deviation, np.sqrt(pooled)]))

    def with_frequent_levels(
        self, panel: Panel, columns: CovariateColumns, names: Seq[Hashable]
    ) -> SignalScale:
        """The same with indicators for the levels that occur most, where a category has too many."""
        found = {}
        for name in names:
            n_levels = len(columns.categories.get(name, ()))
            if n_levels > _MOST_LEVELS:
                column = columns.dynamic.index(name)
                codes = np.concatenate([covariates_of(series).values[:, column] for series in panel.series])
                counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=n_levels)
                found[name] = tuple(np.sort(np.argsort(-counts, kind="stable")[:_MOST_LEVELS]).tolist())
        return replace(self, levels=found)

    def owners(self, columns: CovariateColumns, names: Seq[Hashable]) -> Rows:
        """Position among the names of the covariate that each signal is of."""
        numbers = [k for k, name in enumerate(names) if name not in columns.categories]
        categories = [k for k, name in enumerate(names) if name in columns.categories]
        indicators = [k for k in categories for _ in self._codes(columns, names[k])]
        return np.array([*numbers, *indicators], dtype=np.int64)

    def _codes(self, columns: CovariateColumns, name: Hashable) -> Seq[int]:
        """Codes of a category that have an indicator."""
        return self.levels.get(name, range(len(columns.categories[name])))

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
                indicators = (codes == np.array(self._codes(columns, name))).astype(np.float64)
                parts.append(np.where(np.isnan(codes), np.nan, indicators))
        joined = np.concatenate(parts, axis=1)
        return joined, np.arange(joined.shape[1]) >= len(numeric)

    def _standardized(self, series: Series, values: Float) -> Float:
        """Numeric covariates of a series in its own units."""
        row = self.position.get(series.id, -1)
        center, deviation = self.center[row], self.deviation[row]
        if row < 0:  # over the same time as the channels, whose scale is their own as well
            times = covariates_of(series).times
            during = values[(times >= series.times[0]) & (times <= series.origin)]
            for k, own in enumerate(during.T):
                seen = own[~np.isnan(own)]
                if len(seen) >= _ENOUGH and np.ptp(seen) > 0:
                    center, deviation = center.copy(), deviation.copy()
                    center[k], deviation[k] = seen.mean(), seen.std()
        return np.asarray((values - center) / deviation)


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
