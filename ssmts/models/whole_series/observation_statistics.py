r"""What a sparse case says by channel: values, changes, how often and how lately it was observed.

With :math:`w_i = e^{-(t - t_i)/\tau}`, t the end of the case, :math:`\sum w_i` is the state at t of the mode
:math:`-1/\tau` driven by an impulse at every observation, and :math:`\sum w_i x_i / \sum w_i` the ratio of
two such states: a mean that forgets. The same from the start, with :math:`e^{-t_i/\tau}`, remembers how a
case began. The cost is that of the observations, whatever the instants between them.

References
----------
Che et al., "Recurrent Neural Networks for Multivariate Time Series with Missing Values", Scientific Reports
2018, for what the pattern of missing values says.
"""

from __future__ import annotations

import numpy as np

from ssmts.data.arrays import Float
from ssmts.models.whole_series.observed_case import ObservationTable

__all__ = ["MEAN", "N_STATISTICS", "observation_statistics"]

FRACTIONS = np.array([1 / 48, 1 / 12, 1 / 4, 1.0])  # time constants, in typical durations
MEAN = 3  # the statistic that is there exactly where the channel was observed
N_STATISTICS = 13 + 4 * len(FRACTIONS)


def observation_statistics(table: ObservationTable, duration: float) -> Float:
    """Statistics of every channel of every case.

    Parameters
    ----------
    table : ObservationTable
    duration : float
        Of a typical case, in reference steps.

    Returns
    -------
    ndarray of float64, shape (n_cases, n_channels, n_statistics)
        NaN where a channel says nothing: not observed at all, or too seldom for a deviation or a slope.
        Counts are 0 there.
    """
    group, t, x = table.group, table.times, table.values
    n_groups = len(table.elapsed) * table.n_channels
    end = np.repeat(table.elapsed, table.n_channels)

    def total(weights: Float) -> Float:
        return np.bincount(group, weights=weights, minlength=n_groups).astype(np.float64)

    begins = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    ends = np.concatenate([begins[1:], [len(group)]]) - 1
    there = group[begins]

    def placed(observed: Float) -> Float:
        out = np.full(n_groups, np.nan)
        out[there] = observed
        return out

    since_last = end - placed(t[ends])
    # The last channel is seen at every instant: it tells how old the case is.
    since_last[table.n_channels - 1 :: table.n_channels] = table.elapsed
    steps = np.abs(np.diff(x, prepend=x[:1]))
    steps[begins] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        count = np.bincount(group, minlength=n_groups).astype(np.float64)
        mean, first, last = total(x) / count, placed(x[begins]), placed(x[ends])
        low, high = placed(np.minimum.reduceat(x, begins)), placed(np.maximum.reduceat(x, begins))
        repeated = count > 1
        from_mean = x - mean[group]
        mean_time = total(t) / count
        from_mean_time = t - mean_time[group]
        spread_of_times = total(from_mean_time**2)
        sloped = (count > 2) & (spread_of_times > 1e-6 * duration**2)
        columns = [
            count,
            since_last,
            placed(t[begins]),
            mean,
            last,
            first,
            low,
            high,
            np.where(repeated, np.sqrt(total(from_mean**2) / count), np.nan),
            np.where(repeated, high - low, np.nan),
            np.where(repeated, total(steps) / (count - 1), np.nan),
            np.where(sloped, total(from_mean_time * from_mean) / spread_of_times, np.nan),
            np.where(repeated, last - first, np.nan),
        ]
        recent_counts, recent, early, lead = [], [], [], []
        for constant in FRACTIONS * duration:
            weights = np.exp((t - end[group]) / constant)
            mass = total(weights)
            recent_counts.append(mass)
            recent.append(_ratio(total(weights * x), mass, last))
            lead.append(np.where(repeated, recent[-1] - mean, np.nan))
            weights = np.exp(-t / constant)
            early.append(_ratio(total(weights * x), total(weights), first))
    # Count, since the last, until the first, mean, last, first, lowest, highest, deviation, range, roughness,
    # slope, last less first; then by time constant recent counts, recent and early means, recent less mean.
    out = np.stack(columns + recent_counts + recent + early + lead, axis=-1)
    return out.reshape(len(table.elapsed), table.n_channels, N_STATISTICS)


def _ratio(sums: Float, mass: Float, limit: Float) -> Float:
    """Weighted mean; its limit where all weights are too small to be counted."""
    return np.where(mass > 1e-100, sums / mass, limit)
