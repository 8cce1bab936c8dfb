"""Callbacks: watch, log or stop a training."""

from dataclasses import dataclass

from torch import nn

from ssmts.training.contracts import EpochRecord


@dataclass(frozen=True)
class TrainingState:
    """State of a training, as a callback sees it.

    Parameters
    ----------
    epoch, step : int
        Finished epochs and optimizer steps.
    history : tuple of EpochRecord
        One record an epoch so far.
    best_epoch : int
        The epoch with the lowest validation loss so far; 0 stands for the initial weights.
    best_validation : float or None
        Its validation loss; None without validation data.
    module : Module
        The module in training, with its current weights.
    stopped_by : str or None
        Why training ended; None while it runs, and at `on_fit_end` after an exception.
    """

    epoch: int
    step: int
    history: tuple[EpochRecord, ...]
    best_epoch: int
    best_validation: float | None
    module: nn.Module
    stopped_by: str | None = None


class Callback:
    """Base class of callbacks; override the methods you need.

    With several processes, only the first one calls them. An exception in a method ends the training and
    reaches the caller.
    """

    def on_fit_start(self, state: TrainingState) -> None:
        """Called before the first epoch, also of a resumed training."""

    def on_epoch_end(self, state: TrainingState) -> bool | None:
        """Called after every epoch, its validation and its checkpoint; return True to end the training."""

    def on_fit_end(self, state: TrainingState) -> None:
        """Called once when training ends, even by an exception; the module holds its final weights."""
