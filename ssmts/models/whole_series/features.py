"""Features of a case: distribution of random readouts over time, shape, quantiles, duration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.random_readouts import N_DELAYS, ReadoutBank
from ssmts.progress import tracked

__all__ = ["BLOCKS", "MOST_INSTANTS", "CaseFeatures", "fit_features"]

Values = NDArray[np.float32]

BLOCKS = ("readouts", "shape", "levels", "duration")
_WIDTH = 0.1  # of the ramp around a threshold, in deviations of the readout
_RARE = 1e-4  # fraction of time below which a height above a threshold is treated as none
_N_COEFFICIENTS = 32  # Legendre coefficients of a whole channel
_N_KNOTS = 17
_QUANTILES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
_MOST_PILOTS, _FEWEST_PILOTS = 256, 48  # cases that set scales and thresholds
_PILOT_INSTANTS = 100_000  # of all pilots
MOST_INSTANTS = 2048  # of a case at which the readouts of a scale are evaluated: their standard error is 1%
_TOGETHER = 2**17  # numbers that are pooled at once: they stay in the processor's cache


@dataclass(frozen=True)
class CaseFeatures:
    """Features of cases, in blocks.

    Parameters
    ----------
    bank : ReadoutBank
        With readouts of unit root mean square on the training cases.
    thresholds : ndarray of float64, shape (n_scales, 2, n_readouts)
    knots : ndarray of float64, shape (n_knots,)
        Increasing logarithms of durations.
    """

    bank: ReadoutBank
    thresholds: Float
    knots: Float

    def __call__(self, cases: Sequence[Case]) -> tuple[NDArray[Any], ...]:
        """Features of cases, one array (n_cases, n_features) a block of `BLOCKS`.

        ``readouts``: of every readout the fraction of time above a threshold, and the mean height above it
        during that time. ``shape``: Legendre coefficients of each channel over the whole case. ``levels``:
        quantiles, mean, and the logarithms of deviation and slope of each channel. ``duration``: how near the
        case's is to each knot. All are time-weighted. A case has the same features whichever cases it comes
        with.
        """
        n_scales, n_readouts = len(self.bank.spacings), self.bank.n_readouts
        pooled = np.empty((len(cases), n_scales, 2, 2, n_readouts), dtype=np.float32)
        for number, scale, kind, y, time_weights in _readouts(cases, self.bank, self.thresholds):
            pooled[number, scale, kind] = _pool(y, time_weights)
        return (
            pooled.reshape(len(cases), -1),
            _shapes(cases),
            np.stack([_levels(case) for case in cases]),
            np.stack([_hats(np.log(case.times[-1]), self.knots) for case in cases]),
        )


def fit_features(
    cases: Sequence[Case], bank: ReadoutBank, rng: np.random.Generator, usual: NDArray[np.bool_]
) -> CaseFeatures:
    """Scale the readouts of a bank to training cases and draw their thresholds from what they answered.

    Parameters
    ----------
    cases : sequence of Case
    bank : ReadoutBank
    rng : numpy.random.Generator
    usual : ndarray of bool, shape (n_cases,)
        Cases that may set scales and thresholds.
    """
    order = rng.permutation(len(cases))
    length = min(float(np.mean([len(case.times) for case in cases])), MOST_INSTANTS)
    most = int(np.clip(_PILOT_INSTANTS / length, _FEWEST_PILOTS, _MOST_PILOTS))
    picked = np.sort(order[usual[order]][:most])
    pilots = [cases[number] for number in picked]
    shape = (len(bank.spacings), 2, bank.n_readouts)
    squares, thresholds = np.zeros(shape), np.empty(shape)
    # Each threshold is a quantile of one case, at orders that fill (0, 1) evenly.
    orders = (0.5 * (5.0**0.5 - 1.0) * np.arange(1, bank.n_readouts + 1)) % 1.0
    of_case = rng.integers(0, len(pilots), shape)
    for number, scale, kind, y, time_weights in _readouts(pilots, bank):
        squares[scale, kind] += (y * y) @ time_weights
        mine = np.flatnonzero(of_case[scale, kind] == number)
        rows = np.sort(y[mine], axis=1)
        at = np.minimum((orders[mine] * rows.shape[1]).astype(int), rows.shape[1] - 1)
        thresholds[scale, kind, mine] = rows[np.arange(len(mine)), at]
    size = np.sqrt(squares / len(pilots))
    size = np.where(size > 1e-6, size, 1.0)
    scaled = ReadoutBank(
        bank.spacings,
        bank.weights / size.reshape(bank.weights.shape[:-1])[..., None],
        bank.mixtures,
        bank.fold,
    )
    durations = np.log([case.times[-1] for case in cases])
    knots = np.unique(np.quantile(durations, np.linspace(0.0, 1.0, _N_KNOTS)).round(6))
    return CaseFeatures(scaled, thresholds / size, knots)


def _readouts(
    cases: Sequence[Case], bank: ReadoutBank, thresholds: Float | None = None
) -> Iterator[tuple[int, int, int, Values, Values]]:
    """Yield number of the case, scale, kind, readouts (n_readouts, n_instants), and weights of the instants.

    Readouts are counted from their `thresholds` (n_scales, 2, n_readouts), or from 0. The instants are the
    observations; of long cases, every k-th one, another set of them at every scale.
    """
    # NumPy, not PyTorch: arrays this small gain nothing from threads, which wait where cores are busy.
    mixtures = bank.mixtures.astype(np.float32)
    # One more delay, at which every signal is -1, takes the thresholds off in the same product.
    weights = np.zeros((*bank.weights.shape[:-1], N_DELAYS + 1), dtype=np.float32)
    weights[..., :-1] = bank.weights
    if thresholds is not None:
        weights[..., -1] = thresholds.reshape(weights.shape[:-1])
    ahead = (np.arange(N_DELAYS) - N_DELAYS // 2) * bank.spacings[:, None]
    n_inputs, times = len(bank.fold), np.empty(0)
    places: list[tuple[_Places, Values]] = []
    for number, case in enumerate(tracked(cases)):
        if not np.array_equal(case.times, times):
            times = case.times
            places = [_instants(case, scale, own) for scale, own in enumerate(ahead)]
            before = _Places.of(times, (times - 1.0)[None])
        inputs = bank.fold @ case.values
        change = np.where(before.within, inputs - before(inputs)[:, 0], 0.0)
        for scale, (own, time_weights) in enumerate(places):
            for kind, signal in enumerate((inputs, change)):
                delayed = own(signal)  # (n_inputs, N_DELAYS, n_instants)
                mixed = np.full(
                    (1 if n_inputs == 1 else len(mixtures[scale, kind]), N_DELAYS + 1, len(time_weights)),
                    -1.0,
                    dtype=np.float32,
                )
                if n_inputs == 1:
                    mixed[:, :-1] = delayed
                    y = weights[scale, kind].reshape(-1, N_DELAYS + 1) @ mixed[0]
                else:
                    mixed[:, :-1] = np.tensordot(mixtures[scale, kind], delayed.astype(np.float32), 1)
                    y = (weights[scale, kind] @ mixed).reshape(-1, len(time_weights))
                yield number, scale, kind, y, time_weights


def _instants(case: Case, scale: int, ahead: Float) -> tuple[_Places, Values]:
    """Where the delays of a scale lie at the instants of its readouts, and the weights of these instants."""
    stride = -(-len(case.times) // MOST_INSTANTS)
    instants = case.times[scale % stride :: stride]
    # Each stands for the observations of its stretch.
    weights = np.add.reduceat(case.weights, np.arange(len(instants)) * stride)
    return _Places.of(case.times, instants + ahead[:, None]), weights.astype(np.float32)


@dataclass(frozen=True)
class _Places:
    """Where instants lie among observations, and how to read a signal there.

    Parameters
    ----------
    row : ndarray of int64, shape (n, length)
        Of the observation before.
    fraction : ndarray of float64, shape (n, length)
        Weight of the one after; that of the one before is the rest.
    within : ndarray of bool, shape (n, length)
        Whether the case covers the instant; beyond it a signal is 0, the mean of training.
    """

    row: NDArray[np.int64]
    fraction: Float
    within: NDArray[np.bool_]

    @classmethod
    def of(cls, times: Float, instants: Float) -> _Places:
        """Of instants (n, length) among times (length,)."""
        at = np.interp(instants, times, np.arange(len(times), dtype=np.float64))
        row = np.minimum(at.astype(np.int64), len(times) - 2)
        slack = 1e-9 * max(times[-1], 1.0)
        return cls(row, at - row, (instants >= -slack) & (instants <= times[-1] + slack))

    def __call__(self, signal: Float) -> Float:
        """Signal (n_inputs, length) there, (n_inputs, n, length)."""
        found, first = np.take(signal, self.row + 1, axis=1), np.take(signal, self.row, axis=1)
        found -= first
        found *= self.fraction
        found += first
        found[:, ~self.within] = 0.0
        return np.asarray(found)


def _pool(y: Values, time_weights: Values) -> Values:
    """Fraction of time above 0 and mean height above it, (2, n_readouts); y is overwritten."""
    out = np.empty((2, len(y)), dtype=np.float32)
    together = max(1, _TOGETHER // y.shape[1])
    # NumPy's maximum takes a third of the time beside an array that it takes beside a number.
    zeros = np.zeros((min(together, len(y)), y.shape[1]), dtype=np.float32)
    ramp = np.empty_like(zeros)
    for begin in range(0, len(y), together):
        own = y[begin : begin + together]
        n_rows = len(own)
        # A ramp: a step makes the fraction jump with the last bit of a product.
        np.clip(own, -0.5 * _WIDTH, 0.5 * _WIDTH, out=ramp[:n_rows])
        above = ramp[:n_rows] @ time_weights / _WIDTH + 0.5
        height = np.maximum(own, zeros[:n_rows], out=own) @ time_weights / (above + _RARE)
        out[0, begin : begin + together], out[1, begin : begin + together] = above, height
    return out


def _shapes(cases: Sequence[Case]) -> Float:
    """Legendre coefficients of every channel over each case, exact for the linear interpolant."""
    out, times = [], np.empty(0)
    for case in cases:
        if not np.array_equal(case.times, times):
            times = case.times
            place = 2.0 * times / times[-1] - 1.0
            polynomials = np.polynomial.legendre.legvander(place, _N_COEFFICIENTS + 1).T
            once, steps = _ONCE @ polynomials, np.diff(place)
            twice = np.diff(_TWICE @ polynomials, axis=1).T
        slopes = np.diff(case.values, axis=1) / steps
        ends = case.values[:, -1:] * once[:, -1] - case.values[:, :1] * once[:, 0]
        out.append((ends - slopes @ twice).ravel())
    return np.stack(out)


def _hats(value: float, knots: Float) -> Float:
    """Linear interpolation's weights of the knots."""
    return np.array([np.interp(value, knots, one) for one in np.eye(len(knots))])


def _antiderivatives(times: int) -> Float:
    """Legendre coefficients of the repeated antiderivatives of the Legendre polynomials, one a row."""
    unit = np.eye(_N_COEFFICIENTS)
    integrated = np.polynomial.legendre.legint(unit, m=times, axis=1)
    return np.pad(integrated, ((0, 0), (0, 2 - times)))


_ONCE, _TWICE = _antiderivatives(1), _antiderivatives(2)


def _levels(case: Case) -> Float:
    """Distribution of every channel's values over time, and its roughness."""
    weights = case.weights
    mean = case.values @ weights
    deviation = np.sqrt(((case.values - mean[:, None]) ** 2) @ weights)
    steps = np.diff(case.times)
    slope = np.sqrt((np.diff(case.values, axis=1) ** 2 / steps).sum(axis=1) / case.times[-1])
    order = np.argsort(case.values, axis=1, kind="stable")
    rows = np.take_along_axis(case.values, order, axis=1)
    below = np.cumsum(weights[order], axis=1) - 0.5 * weights[order]
    quantiles = [np.interp(_QUANTILES, own, row) for own, row in zip(below, rows)]
    logs = [np.log(deviation + 1e-6), np.log(slope + 1e-6)]
    return np.concatenate([np.concatenate(quantiles), mean, *logs])
