"""The adding problem."""

import numpy as np

from ._sampling import Seed, check_sizes
from .sequence_task import SequenceTask, complete


def make_adding(n: int = 1000, *, length: int = 1000, random_state: Seed = None) -> SequenceTask:
    """Numbers and marks; the target is the sum of the two marked numbers.

    Channel 0 is uniform in [0, 1); channel 1 is 1 at one position of each half, else 0. The constant answer
    1 has a mean squared error of 1/6, the variance of the sum.

    Parameters
    ----------
    n : int
        Sequences.
    length : int
        Positions, from 2.
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, length, 2), targets (n,).

    Raises
    ------
    ValueError
        If n is no whole number from 1, or length below 2.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 1997, experiment 4; in this
    form Arjovsky, Shah and Bengio, "Unitary evolution recurrent neural networks", ICML 2016, section 5.2.
    """
    check_sizes(n=n, length=length)
    if length < 2:
        raise ValueError(f"length must be at least 2, got {length}.")
    rng = np.random.default_rng(random_state)
    inputs = np.zeros((n, length, 2), dtype=np.float32)
    inputs[..., 0] = rng.random((n, length), dtype=np.float32)
    rows, half = np.arange(n), length // 2
    first, second = rng.integers(half, size=n), rng.integers(half, length, size=n)
    inputs[rows, first, 1] = inputs[rows, second, 1] = 1
    targets = inputs[rows, first, 0] + inputs[rows, second, 0]
    return SequenceTask("adding", inputs, targets, complete(inputs), None, None, 1 / 6, {"length": length})
