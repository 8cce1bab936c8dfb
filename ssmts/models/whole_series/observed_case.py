"""Cases as lists of observations: nothing is put between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Series
from ssmts.models.whole_series.case import Case, make_case, require_near

__all__ = ["ObservationInput", "ObservationTable", "ObservedCase", "fit_observation_input"]

_TAIL = 1e-3  # fraction of a channel's values that is clipped on either side
_FEWEST = 1000  # observations of a channel from which on its tails are known


@dataclass(frozen=True)
class ObservedCase:
    """One case, as it was observed.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        From 0, in reference steps.
    values : ndarray of float64, shape (length, n_channels)
        Standardised and clipped; NaN where a channel was not observed.
    """

    times: Float
    values: Float

    @property
    def elapsed(self) -> float:
        """Time from the first observation to the last, in reference steps."""
        return float(self.times[-1])

    @property
    def interval(self) -> float:
        """Median interval in reference steps."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0

    @cached_property
    def filled(self) -> Case:
        """The same case on lines between its observations."""
        return make_case(self.times, self.values)

    def until(self, elapsed: float) -> ObservedCase:
        """The case as it was known a time after its first observation."""
        length = max(1, int(np.searchsorted(self.times, elapsed * (1.0 + 1e-12), side="right")))
        return ObservedCase(self.times[:length], self.values[:length])


@dataclass(frozen=True)
class ObservationInput:
    """How the values of a case are standardised.

    Parameters
    ----------
    level, scale : ndarray of float64, shape (n_channels,)
        Mean and deviation of the clipped values over all training cases.
    lowest, highest : ndarray of float64, shape (n_channels,)
        Values beyond are clipped.
    step : int or float
        Reference step in the unit of the clock.
    """

    level: Float
    scale: Float
    lowest: Float
    highest: Float
    step: int | float

    def __call__(self, series: Sequence[Series], rate: float = 1.0) -> list[ObservedCase]:
        """Cases in reference steps; `rate` stretches the times."""
        cases = []
        for one in series:
            times = (one.times - one.times[0]) * (rate / self.step)
            with np.errstate(over="ignore"):
                values = (np.clip(one.values, self.lowest, self.highest) - self.level) / self.scale
            require_near(values, one)
            cases.append(ObservedCase(np.asarray(times, dtype=np.float64), values))
        return cases


def fit_observation_input(series: Sequence[Series], step: int | float) -> ObservationInput:
    """Bounds, mean and deviation of every channel over the observed values of all cases."""
    n_channels = series[0].values.shape[1]
    level, scale = np.zeros(n_channels), np.ones(n_channels)
    lowest, highest = np.full(n_channels, -np.inf), np.full(n_channels, np.inf)
    for channel in range(n_channels):
        values = np.concatenate([one.values[:, channel] for one in series])
        values = values[~np.isnan(values)]
        if len(values) >= _FEWEST:
            lowest[channel], highest[channel] = np.quantile(values, [_TAIL, 1.0 - _TAIL])
            values = np.clip(values, lowest[channel], highest[channel])
        if len(values):
            level[channel], deviation = values.mean(), values.std()
            if deviation > 1e-12 * max(abs(level[channel]), 1e-300):
                scale[channel] = deviation
    return ObservationInput(level=level, scale=scale, lowest=lowest, highest=highest, step=step)


@dataclass(frozen=True)
class ObservationTable:
    """All observations of several cases, by case, then channel, then time.

    A last channel is added: at every instant of a case the number of channels that were observed.

    Parameters
    ----------
    group : ndarray of int64, shape (n_observations,)
        Case times the number of channels, plus the channel.
    times, values : ndarray of float64, shape (n_observations,)
    elapsed : ndarray of float64, shape (n_cases,)
    n_channels : int
        With the added one.
    """

    group: Rows
    times: Float
    values: Float
    elapsed: Float
    n_channels: int

    @classmethod
    def of(cls, cases: Sequence[ObservedCase]) -> ObservationTable:
        """Table of cases of the same channels."""
        n_channels = cases[0].values.shape[1] + 1
        groups, times, values = [], [], []
        for number, case in enumerate(cases):
            seen = ~np.isnan(case.values)
            channel, row = np.nonzero(seen.T)
            groups += [number * n_channels + channel, np.full(len(seen), (number + 1) * n_channels - 1)]
            times += [case.times[row], case.times]
            values += [case.values[row, channel], seen.sum(axis=1).astype(np.float64)]
        elapsed = np.array([case.elapsed for case in cases])
        return cls(
            group=np.concatenate(groups),
            times=np.concatenate(times),
            values=np.concatenate(values),
            elapsed=elapsed,
            n_channels=n_channels,
        )
