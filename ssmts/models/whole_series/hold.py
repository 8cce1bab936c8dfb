"""How a case is read between its observations where lines miss much: by conditional expectation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.series import Series
from ssmts.models.irregular.autocovariance import Autocovariance, covariance_modes, fit_autocovariance
from ssmts.models.irregular.kriging import conditional
from ssmts.models.sequences.sequence import Sequence as Observations
from ssmts.models.sequences.sequence import stack_sequences
from ssmts.models.state_space.modes import make_bank

__all__ = ["CaseHold", "fit_case_hold", "has_gaps"]

_N_MODES = 64
_FINER = 2.0  # lags of a covariance, and rows, per reference step: the median interval hides finer ones
_WHOLE = 1.0 + 1e-6  # reference steps


def has_gaps(times: Float, values: Float) -> bool:
    """Whether a channel (length, n_channels) goes unobserved for more than a reference step."""
    missing = np.isnan(values).any()
    return bool(missing) or (len(times) > 1 and float(np.diff(times).max()) > _WHOLE)


@dataclass(frozen=True)
class CaseHold:
    """Autocovariance of every channel.

    Parameters
    ----------
    duration : float
        Of the bank whose modes the covariances are made of, in their lags.
    weights : ndarray of float64, shape (n_channels, n_modes + 1)
        Weights of the modes, then the nugget; NaN where training said too little.
    """

    duration: float
    weights: Float

    def filled(self, times: Float, values: Float) -> tuple[Float, Float]:
        """A case every half reference step.

        Parameters
        ----------
        times : ndarray of float64, shape (length,)
            From 0, in reference steps.
        values : ndarray of float64, shape (length, n_channels)
            Standardised; NaN where missing. A channel that was not observed is 0, its training mean.

        Returns
        -------
        times, values
            As they came where the case is shorter than half a reference step.
        """
        grid = np.arange(0.0, times[-1] + 1e-6, 1.0 / _FINER)
        if len(grid) < 2:
            return times, values
        modes = covariance_modes(make_bank(self.duration, _N_MODES), self.duration)
        out = np.zeros((len(grid), values.shape[1]))
        for channel, own in enumerate(self.weights):
            seen = ~np.isnan(values[:, channel])
            if not seen.any():
                continue
            at, observed = times[seen], values[seen, channel]
            if np.isnan(own).any() or len(at) < 2:
                out[:, channel] = np.interp(grid, at, observed)
                continue
            covariance = Autocovariance(modes, own[:-1], float(own[-1]))
            mean, _ = conditional(covariance, _FINER * at, observed[None], _FINER * grid)
            out[:, channel] = mean[0]
        return grid, out


def fit_case_hold(series: Sequence[Series], step: float, mean: Float, scale: Float) -> CaseHold:
    """Fit the autocovariance of every channel to training cases.

    Parameters
    ----------
    series : sequence of Series
    step : int or float
        Reference step in the unit of the clock.
    mean, scale : ndarray of float64, shape (n_channels,)
        Training mean and standard deviation.
    """
    longest = max(float((one.times[-1] - one.times[0]) / step) for one in series)
    duration = _FINER * max(longest, 2.0)
    bank = make_bank(duration, _N_MODES)
    weights = np.full((len(mean), len(covariance_modes(bank, duration)) + 1), np.nan)
    for channel in range(len(mean)):
        observations = []
        for one in series:
            seen = ~np.isnan(one.values[:, channel])
            if seen.sum() > 1:
                times = _FINER * (one.times[seen] - one.times[seen][0]) / step
                values = (one.values[seen, channel] - mean[channel]) / scale[channel]
                observations.append(Observations(np.asarray(times, dtype=np.float64), values))
        found = fit_autocovariance(stack_sequences(observations), bank, duration) if observations else None
        if found is not None:
            weights[channel] = np.append(found.weights, found.nugget)
    return CaseHold(duration, weights)
