r"""A rate change by the step Δ alone, as the S4 paper has it: the baseline that knows nothing of the hold.

A layer of S4 is a sampled kernel, :math:`K_j = C \bar A^j \bar B` with
:math:`\bar A = e^{\Delta A}, \bar B = A^{-1}(e^{\Delta A} - 1)`, convolved with the values as if they lay one
step apart; for data sampled r times as far apart Δ is multiplied by r. That is the zero-order hold at every
rate: a value counts for the whole interval before it, so that the input is late by half an interval, and the
lateness grows with r while the weights were fitted at r = 1. To be fair to it, the weights here are fitted
with the same zero-order hold (the same bank, normalisation and cross-validated ridge as the model's linear
path), and the gain of each mode is scaled with r as well.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.arrays import Float, Rows
from ssmts.models.config import LinearConfig
from ssmts.models.linear.moments import Moments, floored
from ssmts.models.linear.path import LinearPath
from ssmts.models.linear.ridge import choose_penalties, solve
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.state_space.modes import ModeBank
from ssmts_kernels import hold_weights

__all__ = ["DeltaOnly", "kernel_weights"]

_STRIDE = 8  # between training origins
_N_BLOCKS = 7


def kernel_weights(bank: ModeBank, rate: float, length: int) -> Float:
    """Weights of a window's values in its features, (length, n_features): the sampled kernels, reversed."""
    A_bar, _, B_bar = hold_weights(torch.from_numpy(bank.A), torch.tensor([rate], dtype=torch.float64), "zoh")
    powers = A_bar.numpy() ** np.arange(length - 1, -1, -1)[:, None]
    return bank.features(powers * B_bar.numpy())


class DeltaOnly:
    """A linear branch over sampled kernels.

    Parameters
    ----------
    config : LinearConfig
        Context, horizon and bank of the model to compare with.
    """

    def __init__(self, config: LinearConfig) -> None:
        self.config = config

    def fit(self, values: Float) -> DeltaOnly:
        """Solve on (length, n_channels) standardised values at the reference step."""
        context, horizon = round(self.config.context), self.config.horizon
        bank = LinearPath(self.config, np.empty(0), np.empty(0)).bank
        rows = np.arange(context - 1, len(values) - horizon, _STRIDE)
        segments = BlockedFolds.over(float(rows[0]), float(rows[-1]), horizon, _N_BLOCKS)
        which = segments.of(rows.astype(np.float64))
        n_channels = values.shape[1]
        moments = Moments.zeros(len(segments), n_channels, bank.n_features + 1, horizon + 1)
        for channel, series in enumerate(values.T):
            features, mean, deviation = self._features(bank, series, rows, 1.0)
            constant = floored(deviation)[:, None]
            future = np.lib.stride_tricks.sliding_window_view(series, horizon + 1)[rows] - mean[:, None]
            for segment in np.unique(which):
                inside = which == segment
                augmented = np.hstack([features[inside], constant[inside]])
                moments.add(int(segment), channel, augmented, future[inside])
        weights = solve(moments, choose_penalties(moments, segments, horizon), horizon)
        self.path_ = LinearPath(self.config, *weights)
        return self

    def forecast(self, series: Float, rows: Rows, channel: int, rate: float) -> Float:
        """Forecast one channel.

        Parameters
        ----------
        series : ndarray of float64, shape (length,)
            Sampled every `rate` reference steps.
        rows : ndarray of int64, shape (n_windows,)
            Of the origins.
        channel : int
        rate : float

        Returns
        -------
        ndarray of float64, shape (n_windows, horizon + 1)
            At leads 0, 1, ... reference steps.
        """
        features, mean, deviation = self._features(self.path_.bank, series, rows, rate)
        return self.path_.forecast(features, mean, deviation, np.full(len(rows), channel))

    def _features(self, bank: ModeBank, series: Float, rows: Rows, rate: float) -> tuple[Float, Float, Float]:
        length = round(self.config.context / rate)
        windows = np.lib.stride_tricks.sliding_window_view(series, length)[rows - length + 1]
        mean = windows.mean(axis=1)
        centred = windows - mean[:, None]
        return centred @ kernel_weights(bank, rate, length), mean, centred.std(axis=1)
