"""Progress of a training, and its checkpoint on disk."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ssmts.errors import ModelFileError
from ssmts.training.content import checked_fields, interpreting, require_finite
from ssmts.training.contracts import EpochRecord
from ssmts.training.files import read_safetensors, write_safetensors_atomic

CHECKPOINT_NAME = "checkpoint.safetensors"
_KIND = "training checkpoint"


@dataclass
class Progress:
    """State of a training between epochs, beside the weights and the optimizer.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    epoch, step : int
        Finished epochs, and optimizer steps within them.
    history : list of EpochRecord
        One record an epoch.
    initial_validation, best_validation : float or None
        Validation loss before training, and the lowest so far; None without validation data.
    best_epoch : int
        Where it was lowest; 0 is before training.
    best_weights : dict of str to Tensor
        State dict of that epoch; empty without validation data.
    """

    seed: int
    epoch: int = 0
    step: int = 0
    history: list[EpochRecord] = field(default_factory=list)
    initial_validation: float | None = None
    best_validation: float | None = None
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def keep_if_best(self, module: nn.Module, validation_loss: float | None) -> None:
        """Copy the weights of a module if its validation loss is the lowest so far.

        Parameters
        ----------
        module : Module
            In training.
        validation_loss : float or None
            Its loss on the validation data; None, without any, makes the newest epoch the best.
        """
        if validation_loss is None:
            self.best_epoch = self.epoch
        elif self.best_validation is None or validation_loss < self.best_validation:
            self.best_epoch, self.best_validation = self.epoch, validation_loss
            self.best_weights = {name: value.detach().clone() for name, value in module.state_dict().items()}


def save_checkpoint(
    path: Path, progress: Progress, module: nn.Module, optimizer: Optimizer, precision: dict[str, Any]
) -> None:
    """Write everything that a bit-exact resume needs.

    Parameters
    ----------
    path : Path
        File to write, whole or not at all.
    progress : Progress
        After a whole epoch.
    module, optimizer : Module, Optimizer
        Their present state.
    precision : dict
        State of the gradient scaler; empty without one. JSON.
    """
    tensors = {f"module/{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in progress.best_weights.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in state.items()}
    scalars = {name: value for name, value in vars(progress).items() if name != "best_weights"}
    write_safetensors_atomic(path, tensors, {"progress": scalars, "precision": precision}, kind=_KIND)


def load_checkpoint(
    path: str | os.PathLike[str], module: nn.Module, optimizer: Optimizer
) -> tuple[Progress, dict[str, Any]]:
    """Bring a module and its optimizer to the state that `save_checkpoint` wrote.

    Parameters
    ----------
    path : path-like
        The file, or the folder that holds it.
    module, optimizer : Module, Optimizer
        Changed in place; learning rates and weight decay of the optimizer stay.

    Returns
    -------
    progress : Progress
        As it was saved.
    precision : dict
        State of the gradient scaler.

    Raises
    ------
    ModelFileError
        If it is no checkpoint, or one of another module.
    """
    path = Path(os.fsdecode(path))
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on a name too long)
        path = path / CHECKPOINT_NAME
    tensors, metadata = read_safetensors(path, kind=_KIND)
    with interpreting(path, f"a {_KIND}"):
        require_finite(tensors)
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "best": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = tensor
        _check_weights(path, module, parts["module"])
        if parts["best"]:
            _check_weights(path, module, parts["best"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts["optimizer"].items():
            index, _, key = name.partition("/")
            state.setdefault(int(index), {})[key] = tensor
        _check_moments(optimizer, state)
        device = next(module.parameters()).device
        best = {name: tensor.to(device) for name, tensor in parts["best"].items()}
        progress = checked_fields(Progress(**metadata["progress"], best_weights=best))
        if min(progress.seed, progress.epoch, progress.step, progress.best_epoch) < 0:
            raise ValueError("seed, epoch, step and best epoch are not all 0 or more")
        precision: dict[str, Any] = metadata["precision"]
        if not isinstance(precision, dict):
            raise TypeError(f"the state of the gradient scaler is {precision!r:.80}")
        module.load_state_dict(parts["module"])
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    return progress, precision


def _check_weights(path: Path, module: nn.Module, weights: dict[str, Tensor]) -> None:
    own = {name: value.shape for name, value in module.state_dict().items()}
    saved = {name: value.shape for name, value in weights.items()}
    if own != saved:
        differing = sorted(name for name in own.keys() | saved.keys() if own.get(name) != saved.get(name))
        raise ModelFileError(
            f"{path} is the checkpoint of another model: {', '.join(differing[:3])} differ; "
            "resume with the parameters of the first fit"
        )


def _check_moments(optimizer: Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """Moments have the shapes of their parameters, and there are both or, before a step, none."""
    parameters = [value for group in optimizer.param_groups for value in group["params"]]
    for index, own in state.items():
        shapes = {"step": torch.Size([]), "exp_avg": parameters[index].shape}
        shapes["exp_avg_sq"] = shapes["exp_avg"]
        if {name: value.shape for name, value in own.items()} != shapes:
            raise ValueError(f"the optimizer's state of parameter {index} is not that of AdamW")
