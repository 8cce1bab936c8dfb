"""Settings of a training, checked before it starts."""

import math
import os
from dataclasses import dataclass
from datetime import timedelta
from numbers import Integral, Real
from typing import Any

from ssmts.errors import ParameterError

PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of `train`; the names are those of the estimators.

    Parameters
    ----------
    max_epochs : int, default=50
        Most passes over the training data (each at most `max_batches_per_epoch` steps).
    max_steps : int, optional
        Most optimizer steps.
    max_time : float, str or timedelta, optional
        Most time this call may train: seconds, or a duration such as ``"10min"``.
    batch_size : int, default=256
        Examples an optimizer step, over all devices together.
    learning_rate : float, default=1e-3
        Learning rate of AdamW. The parameters of a layer's state equation take 1e-3 at most.
    weight_decay : float, default=1e-2
        Decoupled weight decay, of matrices only: vectors, scalars and the parameters of a layer's state
        equation are not decayed.
    patience : int or None, default=5
        Stop after so many epochs in a row without a new lowest validation loss; None never stops.
    device : str or torch.device, default="auto"
        ``"auto"`` (CUDA when there is one, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
    devices : int, list of int or "auto", default=1
        How many devices (or processes, on the CPU), or which; as Lightning Fabric takes it.
    strategy : str or Strategy, default="auto"
        Distribution strategy; as Lightning Fabric takes it.
    precision : {"32-true", "64-true", "bf16-mixed", "16-mixed"}, default="32-true"
        Arithmetic. Inputs keep their dtype, so that float64 times stay exact; "64-true" makes all float64.
    random_state : int or None, default=None
        Seed of batch order and dropout; global generators are left as they were. None draws a fresh seed.
    verbose : int, default=0
        With 1, a progress bar on stderr; with 0, nothing is printed.
    checkpoint_dir : path-like, optional
        Folder that receives ``checkpoint.safetensors`` after every epoch.

    Raises
    ------
    ParameterError
        If a value is out of range or of the wrong type.
    """

    max_epochs: int = 50
    max_steps: int | None = None
    max_time: float | str | timedelta | None = None
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    patience: int | None = 5
    device: Any = "auto"
    devices: Any = 1
    strategy: Any = "auto"
    precision: str = "32-true"
    random_state: int | None = None
    verbose: int = 0
    checkpoint_dir: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        _check_integer("max_epochs", self.max_epochs)
        _check_integer("batch_size", self.batch_size)
        for name in ("max_steps", "patience"):
            if getattr(self, name) is not None:
                _check_integer(name, getattr(self, name))
        if self.random_state is not None:
            _check_integer("random_state", self.random_state, least=0)
        for name, value, zero in (
            ("learning_rate", self.learning_rate, False),
            ("weight_decay", self.weight_decay, True),
        ):
            _check_positive(name, value, zero=zero)
        if not isinstance(self.precision, str) or self.precision not in PRECISIONS:
            raise ParameterError("precision", self.precision, f"one of {', '.join(PRECISIONS)}")
        self.max_seconds  # noqa: B018 (raises when it is not a time)

    @property
    def max_seconds(self) -> float:
        """`max_time` in seconds; infinite when there is no limit."""
        value = self.max_time
        if value is None:
            return math.inf
        if isinstance(value, str):
            from pandas import Timedelta

            try:
                value = Timedelta(value)
            except ValueError as error:
                raise ParameterError(
                    "max_time", self.max_time, "seconds or a duration such as '10min'"
                ) from error
        if isinstance(value, timedelta):  # pandas' Timedelta is one
            value = value.total_seconds()
        _check_positive("max_time", value)
        return float(value)


def _check_integer(name: str, value: Any, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ParameterError(name, value, f"an integer >= {least}")


def _check_positive(name: str, value: Any, *, zero: bool = False) -> None:
    bound = ">= 0" if zero else "> 0"
    if (
        isinstance(value, bool)
        or not isinstance(value, Real)
        or not math.isfinite(value)
        or value < 0
        or (value == 0 and not zero)
    ):
        raise ParameterError(name, value, f"a finite number {bound}")
