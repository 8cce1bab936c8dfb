"""What a caller may do while a module is trained: watch it, log it, stop it."""

from dataclasses import dataclass

from torch import nn

from ssmts.training.contracts import EpochRecord


@dataclass(frozen=True)
class TrainingState:
    """What a callback sees.

    Parameters
    ----------
    epoch, step : int
        Finished epochs and optimizer steps.
    history : tuple of EpochRecord
        One record an epoch so far.
    best_epoch : int
        The epoch with the lowest validation loss so far; 0 are the weights before training.
    best_validation : float or None
        Its validation loss; None without validation data.
    module : Module
        The module in training, with the weights of now.
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
    """Base class of callbacks; override what is needed.

    With several processes, the first one alone calls them. An exception that a method raises ends the
    training and reaches the caller.
    """

    def on_fit_start(self, state: TrainingState) -> None:
        """Before the first epoch (of this call, when it resumes another)."""

    def on_epoch_end(self, state: TrainingState) -> bool | None:
        """After every epoch, its validation and its checkpoint; True ends the training."""

    def on_fit_end(self, state: TrainingState) -> None:
        """Once, when training ends, also by an exception; the module then holds what it will keep."""
