"""Types shared by the training loop and its caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

from torch import Tensor, nn


class Batches(Protocol):
    """A source of examples, read in batches."""

    def __len__(self) -> int:
        """Return the number of examples."""

    def batch(self, indices: Tensor) -> Any:
        """Return the examples of these indices.

        Parameters
        ----------
        indices : Tensor of shape (batch,), int64
            On the CPU, in [0, len(self)).

        Returns
        -------
        dict, tuple or Tensor
            Tensors on the CPU, in any nesting; the loop moves them to the device. Random draws belong to
            torch's global generator: the loop seeds it and gives it back.
        """


Loss = Callable[[nn.Module, Any], Tensor]


class EpochRecord(TypedDict):
    """One row of a training history.

    Parameters
    ----------
    epoch : int
        From 1.
    train_loss : float
        Mean over the training examples, each evaluated at its own step.
    validation_loss : float or None
        With the weights at the end of the epoch; None without validation data.
    seconds : float
        Wall-clock time of training and validation.
    learning_rate : float
        Of the last step, before the bounds of SSM parameters.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    seconds: float
    learning_rate: float


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training.

    Parameters
    ----------
    history : list of EpochRecord
        One record per epoch, those before a resume included.
    initial_validation : float or None
        Validation loss of the weights before training; None without validation data.
    best_epoch : int
        The epoch whose weights the module holds; 0 stands for the initial weights.
    best_validation : float or None
        Validation loss of that epoch; None without validation data.
    stopped_by : {"patience", "max_epochs", "max_steps", "max_time", "callback"}
        What ended the training.
    """

    history: list[EpochRecord]
    initial_validation: float | None
    best_epoch: int
    best_validation: float | None
    stopped_by: str
