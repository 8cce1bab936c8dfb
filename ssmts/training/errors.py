"""Errors of the training loop."""

from pathlib import Path

from ssmts.errors import SSMTSError


class NonFiniteLossError(SSMTSError, ValueError):
    """A loss became NaN or infinite.

    Parameters
    ----------
    what : str
        ``"training"`` or ``"validation"``.
    value : float
        The loss.
    epoch, step : int
        Where: epoch from 1 (0 before training), optimizer steps done.
    checkpoint : Path or None
        The checkpoint of the last whole epoch, when there is one.
    """

    def __init__(self, what: str, value: float, epoch: int, step: int, checkpoint: Path | None) -> None:
        super().__init__(what, value, epoch, step, checkpoint)
        self.what, self.value, self.epoch, self.step, self.checkpoint = what, value, epoch, step, checkpoint

    def __str__(self) -> str:
        if self.epoch == 0:
            remedy = "The weights or the data are at fault: look for missing or huge values in the batches."
        else:
            remedy = "Lower learning_rate, set precision='32-true', or look for huge values in the data."
        kept = f" The epoch before it is kept in {self.checkpoint}." if self.checkpoint else ""
        return f"The {self.what} loss is {self.value} in epoch {self.epoch}, step {self.step}. {remedy}{kept}"
