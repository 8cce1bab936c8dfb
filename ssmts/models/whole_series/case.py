"""Cases as continuous inputs, and the states that a bank of modes takes through each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Complex, Float
from ssmts.data.series import Series
from ssmts.errors import InfiniteValueError
from ssmts.models.state_space.hold_scan import hold_scan
from ssmts.wording import shown

__all__ = ["Case", "case_states", "make_case", "require_near"]

_FARTHEST = 1e12  # standard deviations: readouts are squared in single precision
_BLOCK_BYTES = 64 * 2**20  # states held at once


@dataclass(frozen=True)
class Case:
    """One case, linear between its observations.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        From 0, in reference steps; at least two.
    values : ndarray of float64, shape (n_channels, length)
        Without missing values.
    """

    times: Float
    values: Float

    @property
    def interval(self) -> float:
        """Median interval in reference steps."""
        return float(np.median(np.diff(self.times)))

    @property
    def filled(self) -> Case:
        """The case itself: it has no gaps."""
        return self

    @property
    def weights(self) -> Float:
        """Fraction of the time around each observation: half of the interval on either side."""
        halves = 0.5 * np.diff(self.times)
        weights = np.concatenate([halves, [0.0]]) + np.concatenate([[0.0], halves])
        return np.asarray(weights / self.times[-1])

    def until(self, age: float) -> Case:
        """The case as it was known at an age in reference steps; its first observation at the least."""
        n = max(int(np.searchsorted(self.times, age, side="right")), 1)
        return make_case(self.times[:n], self.values[:, :n].T)


def make_case(times: Float, values: Float) -> Case:
    """Fill by the first-order hold what a channel misses.

    Parameters
    ----------
    times : ndarray of float64, shape (length,)
        In reference steps.
    values : ndarray of float64, shape (length, n_channels)
        Standardised; NaN where missing. A channel is held flat before its first and after its last
        observation; one that was not observed at all stays at 0, its training mean.
    """
    times, own = times - times[0], values.T
    missing = np.isnan(own)
    if missing.any():
        own = own.copy()
        for channel in np.flatnonzero(missing.any(axis=1)):
            seen = ~missing[channel]
            own[channel] = np.interp(times, times[seen], own[channel, seen]) if seen.any() else 0.0
    if len(times) == 1:  # held for a reference step
        return Case(np.array([0.0, 1.0]), np.repeat(own, 2, axis=1))
    return Case(times, np.ascontiguousarray(own))


def case_states(cases: Sequence[Case], A: Complex) -> Iterator[tuple[int, Complex]]:
    """States of every case under the first-order hold, after an input that was constant before it began.

    Parameters
    ----------
    cases : sequence of Case
    A : ndarray of complex128, shape (n_modes,)
        Re A < 0.

    Yields
    ------
    number : int
        Of the case; every case comes once, those of similar length together.
    states : ndarray of complex128, shape (length, n_channels, n_modes)
    """
    lengths = np.array([len(case.times) for case in cases])
    order = np.argsort(lengths, kind="stable")
    row_bytes = 16 * len(A) * len(cases[0].values) if len(cases) else 1
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * lengths[order[end]] * row_bytes <= _BLOCK_BYTES:
            end += 1
        together = order[begin:end]
        states = _scan([cases[number] for number in together], A)
        for place, number in enumerate(together):
            yield int(number), states[: lengths[number], place]
        begin = end


def _scan(cases: Sequence[Case], A: Complex) -> Complex:
    """States of a block, (longest, n_cases, n_channels, n_modes); a shorter case stays as it ended."""
    longest = max(len(case.times) for case in cases)
    values = np.stack([np.pad(c.values, ((0, 0), (0, longest - len(c.times))), mode="edge") for c in cases])
    times = np.stack([np.pad(c.times, (0, longest - len(c.times)), mode="edge") for c in cases])
    inputs = np.ascontiguousarray(values.transpose(2, 0, 1))
    own = [np.diff(case.times) for case in cases]
    if all(np.ptp(intervals) < 1e-9 * max(float(intervals[0]), 1.0) for intervals in own):
        # What follows the end of a case is never read: it may move on at the same interval.
        regular = np.array([intervals[0] for intervals in own])
        by_row = (regular[:1] if np.ptp(regular) == 0.0 else regular)[None]
    else:
        by_row = np.diff(times, axis=1).T
    return hold_scan(A, by_row[..., None], inputs, inputs[0][..., None] * (-1.0 / A))


def require_near(standardised: Float, one: Series) -> None:
    """Raise where a case holds values too far from those of training to be computed with.

    Parameters
    ----------
    standardised : ndarray of float64, shape (length, n_channels)
        The values of the case in standard deviations of training; NaN where not observed.
    one : Series

    Raises
    ------
    InfiniteValueError
    """
    beyond = np.abs(standardised) > _FARTHEST  # False for NaN
    if beyond.any():
        row, channel = np.argwhere(beyond)[0]
        raise InfiniteValueError(
            f"Case {shown(one.id)} holds {one.values[row, channel]:.3g} in channel {channel}, more than "
            f"{_FARTHEST:.0e} standard deviations of the training data from their mean: a value too "
            "large to be computed with. Correct it, or make it NaN if it was not observed."
        )
