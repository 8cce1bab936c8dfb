"""The covariate system: a covariate's value, its recent past and low-pass states of it, at any instant.

Each signal drives a small bank of real modes on its own clock, past the origin as far as it is known. Numbers
are linear between their observations (first-order hold), indicators of categories keep the newest one. The
response of a linear time-invariant system to a covariate is a weighted sum of these features.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.models.state_space.hold_scan import hold_scan, weights_by_interval
from ssmts_kernels.hold import Hold

__all__ = ["SignalBank", "make_signal_bank"]

_LAGS = (1.0, 2.0, 3.0)
_TIME_CONSTANTS = (2.0, 6.0, 18.0, 54.0)
_MOST_FEATURES = 160


@dataclass(frozen=True)
class SignalBank:
    """What is computed of every signal.

    Parameters
    ----------
    lags : tuple of float
        Delays, in reference steps.
    time_constants : tuple of float
        Of low-pass systems of unit gain, in reference steps.
    """

    lags: tuple[float, ...]
    time_constants: tuple[float, ...]

    @property
    def n_each(self) -> int:
        """Features of one signal: its value, delayed values, low-pass states."""
        return 1 + len(self.lags) + len(self.time_constants)

    @property
    def levels(self) -> Rows:
        """How much memory each feature of a signal asks for: 0 its value, 1 delays, 2 low-pass states."""
        return np.repeat([0, 1, 2], [1, len(self.lags), len(self.time_constants)])

    @property
    def run_in(self) -> float:
        """How long before an instant a signal should be known for its features, in reference steps."""
        return max(self.lags, default=0.0) + 2.0 * max(self.time_constants, default=0.0)

    def features(self, times: Float, signals: Float, held: NDArray[np.bool_], instants: Float) -> Float:
        """Features of signals at some instants.

        Before its first observation a signal is taken to have stood at that value for ever, after its last
        one it stays there: who may not ask that far has to check it before.

        Parameters
        ----------
        times : ndarray of float64, shape (length,)
            In reference steps, increasing.
        signals : ndarray of float64, shape (length, n_signals)
            NaN where a signal was not observed; each was at least once.
        held : ndarray of bool, shape (n_signals,)
            Which of them keep their newest value; the others are linear between observations.
        instants : ndarray of float64, shape (n_instants,)

        Returns
        -------
        ndarray of float64, shape (n_instants, n_signals * n_each)
            Signal by signal.
        """
        out = np.empty((len(instants), signals.shape[1], self.n_each))
        seen = ~np.isnan(signals)
        patterns, which = np.unique(np.vstack([seen, held]), axis=1, return_inverse=True)
        for k, pattern in enumerate(patterns.T):
            members, rows = np.flatnonzero(which.ravel() == k), pattern[:-1]
            own = _Held(times[rows], signals[rows][:, members], bool(pattern[-1]))
            out[:, members, 0] = own.at(instants)
            for i, lag in enumerate(self.lags, start=1):
                out[:, members, i] = own.at(instants - lag)
            if self.time_constants:
                states = own.states(np.array(self.time_constants), instants)
                out[:, members, 1 + len(self.lags) :] = states
        return out.reshape(len(instants), -1)

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)


def make_signal_bank(n_signals: int, context: float) -> SignalBank:
    """The bank for a number of signals: the more there are, the less memory each may have.

    Parameters
    ----------
    n_signals : int
    context : float
        In reference steps; time constants stay below a quarter of it: what lies before hardly counts.
    """
    slow = tuple(tau for tau in _TIME_CONSTANTS if tau <= max(context / 4.0, _TIME_CONSTANTS[0]))
    for lags, constants in ((_LAGS, slow), (_LAGS[:1], slow[:2]), ((), slow[:1])):
        if n_signals * (1 + len(lags) + len(constants)) <= _MOST_FEATURES:
            return SignalBank(lags, constants)
    return SignalBank((), ())


class _Held:
    """Signals of one clock (length, n), continuous in time by a hold."""

    def __init__(self, times: Float, values: Float, keeps: bool) -> None:
        self.times, self.values, self.keeps = times, values, keeps

    def _newest(self, instants: Float) -> Rows:
        """Row of the newest observation, -1 before the first."""
        rows: Rows = np.searchsorted(self.times, instants + 1e-9, side="right") - 1
        return rows

    def at(self, instants: Float) -> Float:
        """Values at some instants, (n_instants, n)."""
        if self.keeps:
            return np.asarray(self.values[np.maximum(self._newest(instants), 0)])
        return np.stack([np.interp(instants, self.times, own) for own in self.values.T], axis=1)

    def states(self, time_constants: Float, instants: Float) -> Float:
        """States of low-pass systems of unit gain at some instants, (n_instants, n, n_constants)."""
        A = -1.0 / time_constants
        row = np.maximum(self._newest(instants), 0)
        since = np.maximum(instants - self.times[row], 0.0)[:, None]
        if self.keeps:  # over an interval stands the value at its beginning
            older = np.concatenate([self.values[:1], self.values[:-1]])
            newer = self.values[row]
            hold: Hold = "zoh"
        else:
            older, newer, hold = self.values, self.at(instants), "foh"
        at_rest = self.values[0, :, None] * time_constants
        states = hold_scan(A, np.diff(self.times)[:, None], older, at_rest, hold)
        decay, previous, current = weights_by_interval(A, since, hold)
        own = decay * states[row] + previous * self.values[row][..., None] + current * newer[..., None]
        return np.asarray(own / time_constants)
