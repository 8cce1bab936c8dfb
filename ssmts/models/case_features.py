"""What a classifier reads of a case: how the readouts of a bank are distributed over time, and its levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ssmts.models.arrays import Float
from ssmts.models.case_bank import ReadoutBank
from ssmts.models.case_states import Case, case_states

__all__ = ["BLOCKS", "CaseFeatures", "fit_features"]

BLOCKS = ("readouts", "shape", "levels", "duration")
_N_LEVELS = 4  # thresholds of every readout
_WIDTH = 0.1  # of the ramp around a threshold, in deviations of the readout
_N_COEFFICIENTS = 32  # Legendre coefficients of a whole channel
_N_KNOTS = 17
_QUANTILES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
_MOST_PILOTS = 256  # cases that set scales and thresholds
_CHUNK = 2**16  # readout values held at once


@dataclass(frozen=True)
class CaseFeatures:
    """Features of cases, in blocks.

    Parameters
    ----------
    bank : ReadoutBank
        With readouts of unit root mean square on the training cases.
    thresholds : ndarray of float64, shape (n_scales, 4, n_readouts)
    knots : ndarray of float64, shape (n_knots,)
        Increasing logarithms of durations.
    """

    bank: ReadoutBank
    thresholds: Float
    knots: Float

    def __call__(self, cases: Sequence[Case]) -> tuple[NDArray[Any], ...]:
        """Features of cases, one array (n_cases, n_features) a block of `BLOCKS`.

        ``readouts``: of every readout the share of time above four thresholds, the logarithm of the mean
        square, the mean absolute value, maximum and minimum. ``shape``: Legendre coefficients of each channel
        over the whole case. ``levels``: quantiles, mean, and the logarithms of deviation and slope of each
        channel. ``duration``: how near the case's is to each knot. All are
        time-weighted. A case has the same features whichever cases it comes with.
        """
        n_scales, n_readouts = len(self.bank.A), self.bank.n_readouts
        pooled = np.empty((len(cases), n_scales, _N_LEVELS + 4, n_readouts), dtype=np.float32)
        for number, scales, y in _readouts(cases, self.bank):
            pooled[number, scales] = _pool(y, cases[number].weights, self.thresholds[scales])
        return (
            pooled.reshape(len(cases), -1),
            np.stack([_shape(case) for case in cases]),
            np.stack([_levels(case) for case in cases]),
            np.stack([_hats(np.log(case.times[-1]), self.knots) for case in cases]),
        )


def fit_features(cases: Sequence[Case], bank: ReadoutBank, rng: np.random.Generator) -> CaseFeatures:
    """Scale the readouts of a bank to training cases and draw their thresholds from what they answered.

    Parameters
    ----------
    cases : sequence of Case
    bank : ReadoutBank
    rng : numpy.random.Generator
    """
    picked = np.sort(rng.permutation(len(cases))[:_MOST_PILOTS])
    pilots = [cases[number] for number in picked]
    n_scales, n_readouts = len(bank.A), bank.n_readouts
    squares = np.zeros((n_scales, n_readouts))
    # Each threshold is a quantile of one case, at levels that fill (0, 1) evenly.
    golden = (0.5 * (5.0**0.5 - 1.0) * np.arange(1, _N_LEVELS * n_readouts + 1)) % 1.0
    level = np.broadcast_to(golden.reshape(n_readouts, _N_LEVELS).T, (n_scales, _N_LEVELS, n_readouts))
    of_case = rng.integers(0, len(pilots), level.shape)
    thresholds = np.empty(level.shape)
    for number, scales, y in _readouts(pilots, bank):
        squares[scales] += torch.einsum("l,slr->sr", _tensor(pilots[number].weights), y * y).numpy()
        mine = of_case[scales] == number
        if mine.any():
            rows = np.sort(y.numpy(), axis=1)
            at = np.minimum((level[scales] * rows.shape[1]).astype(int), rows.shape[1] - 1)
            quantiles = np.take_along_axis(rows, at, axis=1)
            thresholds[scales] = np.where(mine, quantiles, thresholds[scales])
    size = np.sqrt(squares / len(pilots))
    size = np.where(size > 1e-6, size, 1.0)
    n_groups = bank.weights.shape[1]
    by_group = size.reshape(n_scales, n_groups, 1, -1)
    scaled = ReadoutBank(bank.A, bank.weights / by_group, bank.mixtures, bank.fold)
    durations = np.log([case.times[-1] for case in cases])
    knots = np.unique(np.quantile(durations, np.linspace(0.0, 1.0, _N_KNOTS)).round(6))
    return CaseFeatures(scaled, thresholds / size[:, None, :], knots)


def _tensor(array: Float) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(torch.float32)


def _readouts(cases: Sequence[Case], bank: ReadoutBank) -> Iterator[tuple[int, slice, torch.Tensor]]:
    """Yield number of the case, slice of scales, and readouts (n_scales, length, n_readouts)."""
    n_scales, n_modes = bank.A.shape
    inputs = [Case(case.times, bank.fold @ case.values) for case in cases]
    weights, mixtures = _tensor(bank.weights), _tensor(bank.mixtures)
    n_groups = weights.shape[1]
    for number, states in case_states(inputs, bank.A.ravel()):
        length, n_inputs = states.shape[:2]
        states = states.reshape(length, n_inputs, n_scales, n_modes)
        u = np.broadcast_to(inputs[number].values.T[:, :, None, None], (*states.shape[:3], 1))
        read = _tensor(np.concatenate([states.real, states.imag[..., 1:], u], axis=-1))
        n_together = max(1, _CHUNK // (length * bank.n_readouts))
        for begin in range(0, n_scales, n_together):
            scales = slice(begin, min(begin + n_together, n_scales))
            mixed = torch.einsum("lisf,sgi->sglf", read[:, :, scales], mixtures[scales])
            y = torch.matmul(mixed, weights[scales])  # (scales, groups, length, readouts of a group)
            yield number, scales, y.transpose(1, 2).reshape(len(y), length, n_groups * y.shape[-1])


def _pool(y: torch.Tensor, weights: Float, thresholds: Float) -> Float:
    """Statistics over time, (n_scales, 8, n_readouts)."""
    share = _tensor(weights)
    out, ramp = [], torch.empty_like(y)
    for threshold in _tensor(thresholds).unbind(1):
        torch.sub(y, threshold[:, None], out=ramp).clamp_(-0.5 * _WIDTH, 0.5 * _WIDTH)
        out.append(torch.matmul(share, ramp) / _WIDTH + 0.5)
    out.append(torch.log(torch.matmul(share, torch.mul(y, y, out=ramp)) + 1e-4))
    out.append(torch.matmul(share, torch.abs(y, out=ramp)))
    out += [y.amax(dim=1), y.amin(dim=1)]
    return torch.stack(out, dim=1).numpy()


def _shape(case: Case) -> Float:
    """Legendre coefficients of every channel over the case, exact for the linear interpolant."""
    place = 2.0 * case.times / case.times[-1] - 1.0
    polynomials = np.polynomial.legendre.legvander(place, _N_COEFFICIENTS + 1).T
    once = _ONCE @ polynomials
    twice = _TWICE @ polynomials
    slopes = np.diff(case.values, axis=1) / np.diff(place)
    ends = case.values[:, -1:] * once[:, -1] - case.values[:, :1] * once[:, 0]
    return np.asarray(ends - slopes @ np.diff(twice, axis=1).T).ravel()


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
