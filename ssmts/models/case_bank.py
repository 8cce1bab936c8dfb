r"""Random readouts of state-space models at many time scales: the features that a series is classified by.

At every time scale τ a small system remembers the last τ of the input (the modes of HiPPO-LegT, of window
τ). A readout of its states is a convolution with a kernel of that length; the readouts are drawn at random,
as the kernels of ROCKET are, but they live in time: at another sampling rate or at irregular instants the
same readout answers the same, up to what the observations do not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.models.arrays import Complex, Float

__all__ = ["GROUP", "ReadoutBank", "draw_bank"]

GROUP = 8  # readouts of each kind that share a mixture of channels
_ORDER = 9  # of HiPPO-LegT: nine states span as many kernels as nine taps do
_SHORTEST = 2.0  # window of the finest scale, in reference steps
_MOST_CHANNELS = 32


@dataclass(frozen=True)
class ReadoutBank:
    """Modes by time scale, and random readouts of their states.

    Parameters
    ----------
    A : ndarray of complex128, shape (n_scales, n_modes)
        Per reference step; the real mode first, then one of each conjugate pair.
    weights : ndarray of float64, shape (n_scales, n_groups, n_states + 1, 2 * GROUP)
        Of the real parts, the imaginary parts (of the complex modes) and the input. The first half of the
        readouts is blind to the level of the input, the second half are such readouts of its derivative.
    mixtures : ndarray of float64, shape (n_scales, n_groups, n_inputs)
        How the inputs are summed before a group reads them.
    fold : ndarray of float64, shape (n_inputs, n_channels)
        Inputs from channels: the identity, unless there are very many channels.
    """

    A: Complex
    weights: Float
    mixtures: Float
    fold: Float

    @property
    def n_readouts(self) -> int:
        """Readouts of one scale."""
        return int(self.weights.shape[1]) * 2 * GROUP


def draw_bank(n_channels: int, duration: float, n_readouts: int, rng: np.random.Generator) -> ReadoutBank:
    """Draw a bank.

    Parameters
    ----------
    n_channels : int
    duration : float
        Of a typical case, in reference steps: the longest window is three quarters of it, the shortest two
        steps, an octave apart.
    n_readouts : int
        Readouts of each kind and scale, at least; a multiple of 8 comes out.
    rng : numpy.random.Generator

    Returns
    -------
    ReadoutBank
    """
    longest = max(0.75 * duration, 1.5 * _SHORTEST)
    windows = np.geomspace(_SHORTEST, longest, max(2, round(np.log2(longest / _SHORTEST)) + 1))
    modes = _window_modes(_ORDER)
    basis, gain = _orthonormal(modes)
    n_groups = -(-n_readouts // GROUP)
    n_inputs = min(n_channels, _MOST_CHANNELS)
    fold = np.eye(n_channels)
    if n_channels > n_inputs:
        fold = np.zeros((n_inputs, n_channels))
        signs = rng.choice([-1.0, 1.0], n_channels)
        fold[rng.permutation(n_channels) % n_inputs, np.arange(n_channels)] = signs
        fold /= np.sqrt(np.maximum(np.count_nonzero(fold, axis=1), 1))[:, None]
    weights = np.empty((len(windows), n_groups, 2 * len(modes), 2 * GROUP))
    mixtures = np.zeros((len(windows), n_groups, n_inputs))
    for scale, window in enumerate(windows):
        level = _blind(rng.normal(size=(n_groups * GROUP, len(gain))), gain) @ basis / np.sqrt(window)
        slope = _of_derivative(rng.normal(size=(n_groups * GROUP, len(gain))) @ basis, modes / window)
        both = [np.pad(level, ((0, 0), (0, 1))), slope]
        for half, drawn in enumerate(both):
            own = drawn.reshape(n_groups, GROUP, -1).transpose(0, 2, 1)
            weights[scale, :, :, half * GROUP : (half + 1) * GROUP] = own
        for group in range(n_groups):
            count = int(2.0 ** rng.uniform(0.0, np.log2(min(n_inputs, 9) + 1)))
            picked = rng.choice(n_inputs, min(count, n_inputs), replace=False)
            drawn = rng.normal(size=len(picked)) if n_inputs > 1 else np.ones(1)
            mixtures[scale, group, picked] = drawn / np.sqrt(len(picked))
    return ReadoutBank(modes / windows[:, None], weights, mixtures, fold)


def _window_modes(order: int) -> Complex:
    """Eigenvalues of HiPPO-LegT for a window of 1, the real one first, one of each conjugate pair.

    References
    ----------
    Gu et al., "HiPPO: Recurrent Memory with Optimal Polynomial Projections", NeurIPS 2020, appendix D.1.
    """
    n = np.arange(order)
    root = np.sqrt(2.0 * n + 1.0)
    sign = np.where(n[:, None] >= n, 1.0, (-1.0) ** (n[:, None] - n))
    modes = np.linalg.eigvals(-sign * root[:, None] * root)
    modes = modes[modes.imag > -1e-9]
    modes = modes[np.argsort(modes.imag)]
    return np.where(modes.imag < 1e-9, modes.real, modes).astype(np.complex128)


def _orthonormal(modes: Complex) -> tuple[Float, Float]:
    """Readouts whose kernels are orthonormal over [0, ∞), and the stationary gain of each.

    Returns
    -------
    basis : ndarray of float64, shape (n_states, n_states)
        One readout a row, over real parts and the imaginary parts of the complex modes.
    gain : ndarray of float64, shape (n_states,)
    """
    pairs = slice(1, None)
    with_conjugate = -1.0 / (modes[:, None] + modes.conj())
    with_itself = -1.0 / (modes[:, None] + modes)
    real = 0.5 * (with_conjugate + with_itself).real
    imaginary = 0.5 * (with_conjugate - with_itself).real
    mixed = 0.5 * (with_itself - with_conjugate).imag
    gram = np.block([[real, mixed[:, pairs]], [mixed.T[pairs], imaginary[pairs, pairs]]])
    eigenvalues, vectors = np.linalg.eigh(gram)
    basis = (vectors / np.sqrt(eigenvalues)).T
    response = -1.0 / modes
    return basis, basis @ np.concatenate([response.real, response.imag[pairs]])


def _blind(drawn: Float, gain: Float) -> Float:
    """Readouts of unit norm without a response to a constant input."""
    drawn = drawn - np.outer(drawn @ gain, gain) / (gain @ gain)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def _of_derivative(readouts: Float, modes: Complex) -> Float:
    """Readouts of the states that u' drives, z = a x + u, as readouts of x and u; one input weight more."""
    n_modes = len(modes)
    real, imaginary = readouts[:, :n_modes], readouts[:, n_modes:]
    pairs = modes[1:]
    of_real, of_imaginary = real * modes.real, imaginary * pairs.real
    of_real[:, 1:] += imaginary * pairs.imag
    of_imaginary -= real[:, 1:] * pairs.imag
    return np.concatenate([of_real, of_imaginary, real.sum(axis=1, keepdims=True)], axis=1)
