"""Other channels and past covariates as further features of a window: a few components of their states."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Panel, Series
from ssmts.errors import CovariateError
from ssmts.models.covariates.signal_scale import SignalScale, covariates_of
from ssmts.models.sequences.last_windows import LastWindows
from ssmts.models.sequences.scaling import Scaling
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank, make_bank
from ssmts.models.state_space.window_states import window_states

__all__ = ["Mixing", "fit_mixing"]

_N_MODES = 24
_MOST_COMPONENTS = 32
_MOST_SERIES = 200  # whose states the components are taken from
_MOST_ROWS = 500  # of each of them


@dataclass(frozen=True)
class Mixing:
    """Components of the states of every source at the end of a window.

    Parameters
    ----------
    context : float
        In reference steps.
    period : float or None
        Of the bank, in reference steps.
    step : int or float
        Reference step in the unit of the clock.
    scaling : Scaling
    with_channels : bool
        Whether all channels of a series are sources for each of them.
    columns : CovariateColumns
        Their past covariates are sources, too.
    scale : SignalScale
    projection : ndarray of float64, shape (n_sources * n_features, n_components)
    """

    context: float
    period: float | None
    step: float
    scaling: Scaling
    with_channels: bool
    columns: CovariateColumns
    scale: SignalScale
    projection: Float

    @property
    def bank(self) -> ModeBank:
        """The small bank that every source drives."""
        return make_bank(self.context, _N_MODES, self.period)

    def features(self, series: Series, instants: Any) -> Float:
        """Components at some instants, from the observations up to them, (n_instants, n_components)."""
        return self.states(series, instants) @ self.projection

    def states(self, series: Series, instants: Any) -> Float:
        """Features of every source's window that ends at or before some instants; 0 where there is none."""
        bank, zero = self.bank, series.times[0]
        until = (np.asarray(instants) - zero) / self.step + 1e-6
        out = []
        for times, values in self._sources(series):
            relative = (times - zero) / self.step
            own = np.zeros((len(values), len(until), bank.n_features))
            row = np.searchsorted(relative, until, side="right") - 1
            rows = np.unique(row[row > 0])
            stack = SequenceStack(
                times=relative,
                values=values,
                starts=np.zeros(len(values)),
                groups=np.zeros(len(values), dtype=np.int64),
            )
            for block in window_states(stack, bank, self.context, rows):
                # Every instant whose newest observation is one of the block's rows.
                at = np.flatnonzero(np.isin(row, block.rows))
                where = np.searchsorted(block.rows, row[at])
                own[np.ix_(block.members, at)] = bank.features(block.final)[:, where]
            out.append(own.transpose(1, 0, 2).reshape(len(until), -1))
        return np.concatenate(out, axis=1)

    def _sources(self, series: Series) -> list[tuple[Any, Float]]:
        """Times and standardised values (n, length) of all sources, in a fixed order."""
        found = []
        if self.with_channels:
            scale, _ = self.scaling.of_series(series)
            found += _by_clock(series.times, series.values / scale)
        if self.columns.past:
            signals, _ = self.scale.signals(series, self.columns, self.columns.past)
            found += _by_clock(covariates_of(series).times, signals)
        return found

    def extend(self, group: LastWindows, panel: Panel) -> SequenceStack:
        """The last windows of a panel with the components at their ends.

        Raises
        ------
        CovariateError
            If a past covariate has no value in the context.
        """
        extra = np.empty((len(group.series), 1, self.projection.shape[1]))
        for number in np.unique(group.series):
            own = group.series == number
            series = panel.series[number]
            self._require_past(series, panel)
            ends = series.origin - group.age[own] * self.step
            extra[own, 0] = self.features(series, ends)
        return replace(group.stack, extra=extra)

    def _require_past(self, series: Series, panel: Panel) -> None:
        origin = series.origin
        for k, name in enumerate(self.columns.past, start=len(self.columns.future)):
            covariates = covariates_of(series)
            seen = covariates.times[~np.isnan(covariates.values[:, k])]
            if not ((seen <= origin) & (seen > origin - self.context * self.step)).any():
                raise CovariateError(
                    f"Past covariate {name!r}{series.whose} has no value in the context before the origin, "
                    f"{panel.layout.show_instant(origin)}. Give more recent rows, or fit without it."
                )

    def to_dict(self) -> dict[str, Any]:
        """What the tensors do not say, as JSON can hold it."""
        return {"context": self.context, "period": self.period, "with_channels": self.with_channels}

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        arrays = {"projection": self.projection, "center": self.scale.center, "spread": self.scale.deviation}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    @classmethod
    def rebuilt(
        cls,
        state: dict[str, Any],
        tensors: dict[str, Tensor],
        columns: CovariateColumns,
        scaling: Scaling,
        step: float,
    ) -> Mixing:
        """From what :meth:`to_dict` and :meth:`to_tensors` gave."""
        center = tensors["center"].numpy()
        # partial_fit may have added series that were not there
        scale = SignalScale(scaling.ids[: len(center) - 1], center, tensors["spread"].numpy())
        projection = tensors["projection"].numpy()
        return cls(step=step, scaling=scaling, columns=columns, scale=scale, projection=projection, **state)


def fit_mixing(
    panel: Panel,
    scaling: Scaling,
    context: float,
    period: float | None,
    step: float,
    columns: CovariateColumns,
    *,
    channels: bool,
) -> Mixing:
    """Find the components of largest variance of the sources' states.

    Parameters
    ----------
    panel : Panel
        Training data.
    scaling : Scaling
    context, period : float
        Of the linear branch, in reference steps.
    step : int or float
        Reference step.
    columns : CovariateColumns
    channels : bool
        Whether channels are sources for each other.
    """
    scale = SignalScale.of(panel, columns, columns.past)
    blank = Mixing(
        context=context,
        period=period,
        step=step,
        scaling=scaling,
        with_channels=channels,
        columns=columns,
        scale=scale,
        projection=np.empty((0, 0)),
    )
    some = np.unique(np.linspace(0, len(panel.series) - 1, min(len(panel.series), _MOST_SERIES)).astype(int))
    second: Any = 0.0
    for number in some.tolist():
        series = panel.series[number]
        rows = np.unique(np.linspace(0, len(series.times) - 1, _MOST_ROWS).astype(int))
        states = blank.states(series, series.times[rows])
        second = second + states.T @ states
    values, vectors = np.linalg.eigh(second)
    n_kept = min(_MOST_COMPONENTS, int(np.count_nonzero(values > 1e-12 * values[-1])))
    return replace(blank, projection=np.ascontiguousarray(vectors[:, ::-1][:, :n_kept]))


def _by_clock(times: Any, values: Float) -> list[tuple[Any, Float]]:
    """Columns of values (length, n) as (times, values (1, length)), those of one clock computed together.

    Neighbouring columns of the same clock go together, so that the order of the columns is kept.
    """
    out: list[tuple[Any, Float]] = []
    before: Hashable = None
    for own in values.T:
        seen = ~np.isnan(own)
        key = seen.tobytes()
        if key == before:
            out[-1] = (out[-1][0], np.concatenate([out[-1][1], own[seen][None]]))
        else:
            out.append((times[seen], own[seen][None]))
        before = key
    return out
