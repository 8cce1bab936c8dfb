"""The mode bank: the fixed continuous-time modes whose states summarise a window (the stem)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Complex, Float

__all__ = ["ModeBank", "make_bank"]


_N_REAL = 12  # time constants from half a step to twice the context
_N_DECAYS = 8  # decay times of every frequency


@dataclass(frozen=True)
class ModeBank:
    """Modes ``a`` of ``x' = a x + u``, one state each, with the scale that makes their kernels comparable.

    Parameters
    ----------
    A : ndarray of complex128, shape (n_modes,)
        Per reference step, Re A <= 0; a complex mode stands for a conjugate pair and has Im A > 0. Real modes
        come first.
    scale : ndarray of float64, shape (n_modes,)
        One over the norm of ``exp(a t)`` on the context: a ridge penalty then means the same for all modes.
    """

    A: Complex
    scale: Float

    @property
    def n_real(self) -> int:
        """Number of real modes; a real mode has one feature, a complex one two."""
        return int(np.count_nonzero(self.A.imag == 0.0))

    @property
    def n_features(self) -> int:
        """Number of real numbers that describe the states of one window."""
        return 2 * len(self.A) - self.n_real

    def features(self, states: Complex) -> Float:
        """Scaled real and imaginary parts of states.

        Parameters
        ----------
        states : ndarray of complex128, shape (..., n_modes)

        Returns
        -------
        ndarray of float64, shape (..., n_features)
            All real parts, then the imaginary parts of the complex modes.
        """
        n_modes, n_real = len(self.A), self.n_real
        out = np.empty((*states.shape[:-1], self.n_features))
        np.multiply(states.real, self.scale, out=out[..., :n_modes])
        np.multiply(states.imag[..., n_real:], self.scale[n_real:], out=out[..., n_modes:])
        return out


def make_bank(context: float, n_modes: int, period: float | None = None) -> ModeBank:
    """Lay out a bank for a context and, if the data has one, a fundamental period.

    Real modes have time constants spaced evenly in the logarithm from half a step to twice the context.
    Complex modes lie on the harmonics of the period, from the first to the fastest that the reference step
    can carry, each with eight decay times from an eighth of the period to four contexts (nearly undamped).
    Without a period the frequencies are spaced evenly in the logarithm, from one cycle a context to one in
    two steps.

    Parameters
    ----------
    context : float
        Time that the model sees, in reference steps.
    n_modes : int
        The most modes to use; fewer where the harmonics end earlier.
    period : float, optional
        Fundamental period in reference steps.

    Returns
    -------
    ModeBank
    """
    n_real = min(_N_REAL, max(1, n_modes // 4))
    n_decays = min(_N_DECAYS, n_modes - n_real)
    n_frequencies = (n_modes - n_real) // n_decays if n_decays else 0
    real = -1.0 / np.geomspace(0.5, max(2.0 * context, 1.0), n_real)

    if period is None:
        frequencies = np.geomspace(1.0 / max(context, 4.0), 0.45, n_frequencies)
        shortest = 0.25 / frequencies
    else:
        frequencies = _harmonics(int(period / 2 + 1e-6), n_frequencies) / period
        shortest = np.full(len(frequencies), period / 8.0)
    longest = np.maximum(4.0 * context, 2.0 * shortest)
    decay_times = [np.geomspace(low, high, n_decays) for low, high in zip(shortest, longest)]
    pairs = [
        -1.0 / decay + 2j * np.pi * frequency
        for frequency, decays in zip(frequencies, decay_times)
        for decay in decays
    ]
    A = np.concatenate([real.astype(np.complex128), np.array(pairs, dtype=np.complex128)])
    return ModeBank(A=A, scale=_unit_norm(A, context))


def _harmonics(fastest: int, count: int) -> Float:
    """Numbers of the harmonics: all up to `fastest` if there are `count`, else ever sparser towards it."""
    if fastest <= count:
        return np.arange(1, max(fastest, 1) + 1)[:count].astype(np.float64)
    for dense in range(count, 0, -1):  # the longest unbroken run that leaves room for steps of at most 3/2
        sparse = np.geomspace(dense, fastest, count - dense + 1)[1:]
        if len(sparse) and sparse[0] / dense <= 1.5:
            return np.unique(np.round(np.concatenate([np.arange(1.0, dense + 1.0), sparse])))
    return np.unique(np.round(np.geomspace(1.0, fastest, count)))


def _unit_norm(A: Complex, context: float) -> Float:
    decay = -2.0 * A.real * context
    with np.errstate(invalid="ignore", divide="ignore"):
        energy = context * np.where(decay > 1e-9, -np.expm1(-decay) / decay, 1.0)
    return np.asarray(1.0 / np.sqrt(energy), dtype=np.float64)
