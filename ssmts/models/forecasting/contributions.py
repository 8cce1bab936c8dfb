"""Contributions of bands of modes to a forecast: an exact split of the linear branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.moments import floored
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank

__all__ = ["Band", "Contributions", "bands", "contributions"]

_DECAY_RATIO = 8.0  # decay times of one band
_PERIOD_RATIO = 2.0


@dataclass(frozen=True)
class Band:
    """Modes of similar time scale.

    Parameters
    ----------
    kind : {"decay", "cycle"}
        Real modes, by decay time; complex ones, by period.
    shortest, longest : float
        Decay times or periods, in reference steps.
    features : ndarray of int64
        Positions of their features.
    """

    kind: Literal["decay", "cycle"]
    shortest: float
    longest: float
    features: Rows


@dataclass(frozen=True)
class Contributions:
    """Parts of the forecasts of windows at lead times 0, 1, ..., horizon; they sum to the forecast.

    Parameters
    ----------
    level : ndarray of float64, shape (n, horizon + 1)
        Mean of each window.
    by_band : ndarray of float64, shape (n_bands, n, horizon + 1)
    constant : ndarray of float64, shape (n, horizon + 1)
        A multiple of the standard deviation of the window.
    extra : ndarray of float64, shape (n, horizon + 1), or None
        Contribution of other channels and past covariates.
    deep : ndarray of float64, shape (n, horizon + 1), or None
        Contribution of the deep branch.
    """

    level: Float
    by_band: Float
    constant: Float
    extra: Float | None
    deep: Float | None


def bands(bank: ModeBank) -> list[Band]:
    """The modes of a bank in bands: decay times within a factor of 8, periods within an octave."""
    n_modes, n_real = len(bank.A), bank.n_real
    modes = np.arange(n_modes)
    decay, period = -1.0 / bank.A.real[:n_real], 2.0 * np.pi / bank.A.imag[n_real:]
    found = []
    for number in _groups(decay, _DECAY_RATIO):
        own = decay[number]
        found.append(Band("decay", float(own.min()), float(own.max()), modes[:n_real][number]))
    for number in _groups(period, _PERIOD_RATIO):
        own, complex_modes = period[number], modes[n_real:][number]
        both = np.concatenate([complex_modes, n_modes + complex_modes - n_real])
        found.append(Band("cycle", float(own.min()), float(own.max()), both))
    return found


def _groups(scales: Float, ratio: float) -> list[Rows]:
    """Positions of scales grouped by powers of a ratio to the longest one, shortest first."""
    if not len(scales):
        return []
    below = np.floor(np.log(scales.max() / scales) / np.log(ratio) + 1e-6)
    return [np.flatnonzero(below == number) for number in np.unique(below)[::-1]]


def contributions(model: ForecastModel, windows: SequenceStack) -> Contributions:
    """Split the forecasts of windows.

    Parameters
    ----------
    model : ForecastModel
    windows : SequenceStack
        As for :meth:`ForecastModel.forecast`.

    Returns
    -------
    Contributions
        Bands in the order of :func:`bands`.
    """
    windows, features, mean, deviation = model.summary(windows)
    linear, own_bands = model.linear, bands(model.bank)
    shape = (len(mean), linear.config.horizon + 1)
    by_band, constant = np.empty((len(own_bands), *shape)), np.empty(shape)
    extra = None if windows.extra is None else np.empty(shape)
    for group in np.unique(windows.groups):
        members = windows.groups == group
        W = linear.weights_of(int(group))
        for number, band in enumerate(own_bands):
            by_band[number, members] = features[np.ix_(members, band.features)] @ W[band.features]
        constant[members] = floored(deviation[members])[:, None] * W[-1]
        if extra is not None and windows.extra is not None:
            extra[members] = windows.extra[members, -1] @ W[features.shape[1] : -1]
    deep = None if model.deep is None else model.deep.correct_last(windows, features, mean, deviation)
    return Contributions(
        level=np.broadcast_to(mean[:, None], shape),
        by_band=by_band,
        constant=constant,
        extra=extra,
        deep=deep,
    )
