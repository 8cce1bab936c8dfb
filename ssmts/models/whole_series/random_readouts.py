r"""Random readouts of the recent past at many time scales: the features that a series is classified by.

What a linear system with a finite memory knows of its input is the recent past; a readout of it here is a
weighted sum of the input at nine delays, as a kernel of ROCKET is. The delays are times, not counts of
samples: at another sampling rate or at irregular instants the same readout answers the same, up to what the
observations do not show.

References
----------
Dempster, Petitjean and Webb, "ROCKET", Data Mining and Knowledge Discovery 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float

__all__ = ["GROUP", "N_DELAYS", "ReadoutBank", "draw_bank"]

GROUP = 8  # readouts that share a mixture of channels
N_DELAYS = 9
_PER_OCTAVE = 2  # time scales
_MOST_CHANNELS = 32


@dataclass(frozen=True)
class ReadoutBank:
    """Delays by time scale, and random readouts of the input, and of its change, at them.

    Parameters
    ----------
    spacings : ndarray of float64, shape (n_scales,)
        Time between neighbouring delays, in reference steps.
    weights : ndarray of float64, shape (n_scales, 2, n_groups, GROUP, N_DELAYS)
        Of the delays, the most recent last; first of the input, then of its change over a reference step.
    mixtures : ndarray of float64, shape (n_scales, 2, n_groups, n_inputs)
        How the inputs are summed before a group reads them.
    fold : ndarray of float64, shape (n_inputs, n_channels)
        Inputs from channels: the identity, unless there are very many channels.
    """

    spacings: Float
    weights: Float
    mixtures: Float
    fold: Float

    @property
    def n_readouts(self) -> int:
        """Readouts of one kind and scale."""
        return int(self.weights.shape[2]) * GROUP


def draw_bank(n_channels: int, duration: float, n_readouts: int, rng: np.random.Generator) -> ReadoutBank:
    """Draw a bank.

    Parameters
    ----------
    n_channels : int
    duration : float
        Of a typical case, in reference steps: the widest delays span it, the narrowest are a step apart,
        half an octave lies between two scales.
    n_readouts : int
        Readouts of each kind and scale, at least; a multiple of 8 comes out.
    rng : numpy.random.Generator

    Returns
    -------
    ReadoutBank
    """
    octaves = np.log2(max(duration / (N_DELAYS - 1), 1.0))
    spacings = 2.0 ** (np.arange(int(_PER_OCTAVE * octaves + 1e-9) + 1) / _PER_OCTAVE)
    n_groups = -(-n_readouts // GROUP)
    n_inputs = min(n_channels, _MOST_CHANNELS)
    fold = np.eye(n_channels)
    if n_channels > n_inputs:
        fold = np.zeros((n_inputs, n_channels))
        signs = rng.choice([-1.0, 1.0], n_channels)
        fold[rng.permutation(n_channels) % n_inputs, np.arange(n_channels)] = signs
        fold /= np.sqrt(np.maximum(np.count_nonzero(fold, axis=1), 1))[:, None]
    weights = rng.normal(size=(len(spacings), 2, n_groups, GROUP, N_DELAYS))
    weights -= weights.mean(axis=-1, keepdims=True)  # no response to a constant
    weights /= np.linalg.norm(weights, axis=-1, keepdims=True)
    mixtures = np.zeros((len(spacings), 2, n_groups, n_inputs))
    for mixture in mixtures.reshape(-1, n_inputs):
        count = int(2.0 ** rng.uniform(0.0, np.log2(min(n_inputs, 9) + 1)))
        picked = rng.choice(n_inputs, min(count, n_inputs), replace=False)
        mixture[picked] = rng.choice([-1.0, 1.0], len(picked)) / np.sqrt(len(picked))
    if n_inputs == 1:
        mixtures = np.ones_like(mixtures)
    return ReadoutBank(spacings, weights, mixtures, fold)
