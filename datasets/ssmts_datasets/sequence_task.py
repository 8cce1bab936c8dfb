"""A task on whole sequences: inputs, targets at the end, and the score of a guess."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SequenceTask:
    """Sequences with targets at their ends.

    Attributes
    ----------
    name : str
    inputs : ndarray, shape (n, length) of int64 or (n, length, n_channels) of float32
        Tokens from 0 to `n_tokens` - 1, or values.
    targets : ndarray, shape (n,) or (n, n_answers)
        Classes (int64) or values (float32). `n_answers` answers belong to the last `n_answers` positions,
        in order; one answer to the last position, or to the sequence.
    lengths : ndarray of int64, shape (n,)
        Valid positions of each sequence; padding follows (token 0, value 0).
    n_tokens, n_classes : int or None
        None for numeric inputs or answers.
    chance : float
        Score of the best constant answer.
    best : float
        Score of the right answer: 1 for an accuracy, 0 for a squared error.
    metric : {"accuracy", "mse"}
    parameters : mapping of str to object
        All arguments.
    """

    name: str
    inputs: "NDArray[Any]" = field(repr=False)
    targets: "NDArray[Any]" = field(repr=False)
    lengths: "NDArray[np.int64]" = field(repr=False)
    n_tokens: int | None
    n_classes: int | None
    chance: float
    parameters: Mapping[str, Any] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def metric(self) -> Literal["accuracy", "mse"]:
        """Kind of score."""
        return "mse" if self.n_classes is None else "accuracy"

    @property
    def best(self) -> float:
        """Score of the right answers."""
        return 0.0 if self.n_classes is None else 1.0

    @property
    def n_answers(self) -> int:
        """Number of answers of a sequence."""
        return 1 if self.targets.ndim == 1 else self.targets.shape[1]

    def score(self, answers: "NDArray[Any]") -> float:
        """Accuracy, or mean squared error.

        Parameters
        ----------
        answers : ndarray
            Of the shape of `targets`.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the shape differs.
        """
        if answers.shape != self.targets.shape:
            raise ValueError(f"answers must have shape {self.targets.shape}, got {answers.shape}.")
        if self.n_classes is None:
            return float(np.square(answers - self.targets).mean())
        return float((answers == self.targets).mean())


def complete(inputs: "NDArray[Any]") -> "NDArray[np.int64]":
    """Lengths of sequences without padding."""
    return np.full(len(inputs), inputs.shape[1], dtype=np.int64)


def majority(labels: "NDArray[np.int64]") -> float:
    """Frequency of the most frequent class."""
    return float(np.bincount(labels).max() / len(labels))
