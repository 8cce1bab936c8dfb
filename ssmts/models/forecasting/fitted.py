"""What a fitted forecaster knows beyond its model: layout, scale, unit of time, end of the training data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data import CovariateColumns, Layout, Panel, Series, covariates_since, merge_covariates
from ssmts.errors import InstantError, ParameterError
from ssmts.models.covariates.channel_mixing import Mixing
from ssmts.models.covariates.effect import CovariateEffect
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.moments import Moments
from ssmts.models.linear.ridge import Penalties
from ssmts.models.sequences.last_windows import window_rows
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import Sequence
from ssmts.models.sequences.training_sequences import RowWeights, training_sequences

__all__ = [
    "FittedForecaster",
    "TrainingMemory",
    "continued",
    "following",
    "tail_of",
    "with_id",
]


@dataclass(frozen=True)
class TrainingMemory:
    """Sums over all windows seen, and the rows that windows to come begin in.

    Parameters
    ----------
    sums : Moments
        One segment; by group.
    rare : ndarray of bool, shape (horizon + 1,)
        Leads that take interpolated values.
    penalties : Penalties
    tail : Panel
        A context and a horizon of every series: windows whose future is still to come.
    weights : mapping of id to ndarray, or None
        Of the rows of the tail; None: all 1.
    """

    sums: Moments
    rare: NDArray[np.bool_]
    penalties: Penalties
    tail: Panel
    weights: RowWeights | None


@dataclass(frozen=True)
class FittedForecaster:
    """A fitted forecaster.

    Parameters
    ----------
    model : ForecastModel
    layout : Layout
        Of the training data.
    scaling : Scaling
    step : int or float
        Reference step in nanoseconds, or in the unit of a number clock.
    horizon : int or float
        Longest forecast, likewise.
    tail : Panel or None
        The last context of every training series.
    history : dict
        What fit chose and measured, as JSON can hold it.
    columns : CovariateColumns or None
        The covariates that fit was given.
    effect : CovariateEffect or None
        What those that are known ahead do; None where there are none, or held-out blocks saw no gain.
    mixing : Mixing or None
        What past covariates and other channels add to a window; likewise.
    memory : TrainingMemory or None
        What `partial_fit` needs; None for a model from a file that was saved without it.
    """

    model: ForecastModel
    layout: Layout
    scaling: Scaling
    step: int | float
    horizon: int | float
    tail: Panel | None
    history: dict[str, Any]
    columns: CovariateColumns | None = None
    effect: CovariateEffect | None = None
    mixing: Mixing | None = None
    memory: TrainingMemory | None = None

    @property
    def run_in(self) -> float:
        """How long before a window its covariates begin to matter, in reference steps."""
        return 0.0 if self.effect is None else self.effect.bank.run_in

    def sequences(
        self,
        panel: Panel,
        *,
        weights: RowWeights | None = None,
        ends: Mapping[Hashable | None, float] | None = None,
    ) -> list[Sequence]:
        """What the model reads of a panel, window by window; see :func:`training_sequences`."""
        extra = None if self.mixing is None else self.mixing.features
        panel = self.without_effect(panel)
        return training_sequences(panel, self.scaling, self.step, extra, weights=weights, ends=ends)

    def without_effect(self, panel: Panel) -> Panel:
        """A panel minus what its covariates do: what the model forecasts."""
        return panel if self.effect is None else self.effect.without(panel, self.step, self.scaling)


def tail_of(panel: Panel, context: float, step: float, run_in: float = 0.0) -> Panel:
    """All that a forecast from the end of every series reads, copied.

    Covariates begin `run_in` reference steps earlier, and go on as far as they are known.
    """
    series, reach = [], context * step * (1 - 1e-9)
    for one in panel.series:
        stop = int(np.searchsorted(one.times, one.origin, side="right"))
        begin = int(np.searchsorted(one.times, one.origin - reach, side="right"))
        rows = [window_rows(one, channel, begin, stop, step, context) for channel in range(panel.n_channels)]
        begin = min([begin, *(int(own[0]) for own in rows if len(own))])
        series.append(
            Series(
                one.id,
                one.times[begin:].copy(),
                one.values[begin:].copy(),
                covariates_since(one.covariates, one.times[begin] - run_in * step),
            )
        )
    return replace(panel, series=tuple(series))


def continued(panel: Panel, later: Panel, what: str) -> Panel:
    """A panel with later data appended to the series of the same id; new ids are new series.

    Raises
    ------
    InstantError
        If later data of a series does not begin after its earlier data ends.
    """
    by_id = {series.id: series for series in panel.series}
    for series in later.series:
        known = by_id.get(series.id)
        if known is None:
            by_id[series.id] = series
            continue
        if series.times[0] <= known.times[-1]:
            show = panel.layout.show_instant
            name = "" if series.id is None else f" of series {series.id!r}"
            raise InstantError(
                f"{what}{name} begins at {show(series.times[0])}, not after the end of the training data at "
                f"{show(known.times[-1])}. Give later rows."
            )
        by_id[series.id] = Series(
            series.id,
            np.concatenate([known.times, series.times]),
            np.concatenate([known.values, series.values]),
            None
            if known.covariates is None or series.covariates is None
            else merge_covariates(known.covariates, series.covariates),
        )
    return replace(panel, series=tuple(by_id.values()))


def following(panel: Panel, ends: Mapping[Hashable | None, float]) -> Panel:
    """A panel whose arrays, which count their rows from 0, follow in unit steps what ended at `ends`."""
    if panel.layout.kind != "numpy":
        return panel
    series = []
    for one in panel.series:
        shift = ends[one.id] + 1.0 if one.id in ends else 0.0
        series.append(Series(one.id, np.asarray(one.times + shift, dtype=np.float64), one.values))
    return replace(panel, series=tuple(series))


def with_id(layout: Layout, id_: Hashable | None, known: Hashable | None) -> Layout:
    """A layout that can hold one more id.

    Raises
    ------
    ParameterError
        If the id is text where ids are numbers, or the reverse.
    """
    if isinstance(id_, str) != isinstance(known, str):
        raise ParameterError("id", id_, f"of the kind of the other ids, such as {known!r}")
    if layout.id_categories is None or id_ in layout.id_categories:
        return layout
    return replace(layout, id_categories=(*layout.id_categories, id_))
