"""The training loop: seeded, bounded in time, stopped early on validation data, resumable bit for bit."""

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from tqdm import tqdm

from ssmts.errors import ParameterError
from ssmts.progress import advance
from ssmts.training.callbacks import Callback, TrainingState
from ssmts.training.config import TrainingConfig
from ssmts.training.contracts import Batches, Loss, TrainingResult
from ssmts.training.errors import NonFiniteLossError
from ssmts.training.optimizer import warm_up
from ssmts.training.progress import CHECKPOINT_NAME, Progress, load_checkpoint, save_checkpoint
from ssmts.training.randomness import Randomness, draw_seed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MAX_GRADIENT_NORM = 1.0


class Loop:
    """One training of one module; `train` documents the arguments."""

    def __init__(
        self,
        fabric: "Fabric",
        module: nn.Module,
        optimizer: AdamW,
        training: Batches,
        validation: Batches | None,
        loss: Loss,
        config: TrainingConfig,
        max_batches_per_epoch: int | None,
    ) -> None:
        self.fabric, self.config, self.loss = fabric, config, loss
        self.module, self.optimizer = module, optimizer
        self.wrapped, self.stepper = fabric.setup(module, optimizer)
        self.training, self.validation = training, validation
        self.deadline = time.monotonic() + config.max_seconds
        whole, rest = divmod(len(training), config.batch_size)
        self.n_batches = whole + (rest >= fabric.world_size)  # every process must take every step
        if min(config.batch_size, len(training)) < fabric.world_size:
            raise ParameterError(
                "devices", config.devices, "at most batch_size, and at most the number of examples"
            )
        if max_batches_per_epoch is not None:
            self.n_batches = min(self.n_batches, max_batches_per_epoch)
        self.n_steps = min(config.max_epochs * self.n_batches, config.max_steps or 2**62)
        self.checkpoint = None
        if config.checkpoint_dir is not None and fabric.is_global_zero:
            self.checkpoint = Path(config.checkpoint_dir) / CHECKPOINT_NAME
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)

    def start(self, resume_from: str | os.PathLike[str] | None) -> None:
        """Begin at epoch 0, or where a checkpoint left off."""
        if resume_from is not None:
            self.progress, precision = load_checkpoint(resume_from, self.module, self.optimizer)
            self.fabric.strategy.precision.load_state_dict(precision)
        else:
            seed = draw_seed() if self.config.random_state is None else int(self.config.random_state)
            self.progress = Progress(self.fabric.broadcast(seed))
        self.randomness = Randomness(self.progress.seed, self.fabric.device, self.fabric.global_rank)
        if resume_from is None:
            self.randomness.start_epoch(0)
            self.progress.initial_validation = self.validate()
            self.progress.keep_if_best(self.module, self.progress.initial_validation)
            self.save()

    def run(self, watchers: Sequence[Callback]) -> TrainingResult:
        """Train epoch after epoch until something says stop."""
        progress = self.progress
        stopped_by: str | None = None
        watchers = watchers if self.fabric.is_global_zero else ()
        for watcher in watchers:
            watcher.on_fit_start(self.state())
        try:
            with self.bar() as bar:
                while (stopped_by := self.limit()) is None:
                    stopped_by = self.epoch(bar)
                    wanted = [watcher.on_epoch_end(self.state()) for watcher in watchers]
                    if self.fabric.broadcast(any(wanted)):
                        stopped_by = stopped_by or "callback"
                    if stopped_by:
                        break
            if progress.best_weights:
                self.module.load_state_dict(progress.best_weights)
        finally:
            self.module.zero_grad()
            self.module.eval()
            for watcher in watchers:
                watcher.on_fit_end(self.state(stopped_by))
        return TrainingResult(
            history=progress.history,
            initial_validation=progress.initial_validation,
            best_epoch=progress.best_epoch,
            best_validation=progress.best_validation,
            stopped_by=stopped_by,
        )

    def limit(self) -> str | None:
        """Say which limit a whole number of epochs has reached."""
        progress, config = self.progress, self.config
        if config.patience is not None and progress.epoch - progress.best_epoch >= config.patience:
            return "patience"
        if progress.epoch >= config.max_epochs:
            return "max_epochs"
        return self.limit_within_epoch()

    def limit_within_epoch(self) -> str | None:
        """Say which limit the last step has reached."""
        if self.config.max_steps is not None and self.progress.step >= self.config.max_steps:
            return "max_steps"
        if self.config.max_time is not None and self.fabric.broadcast(time.monotonic() >= self.deadline):
            return "max_time"
        return None

    def epoch(self, bar: "tqdm[Any]") -> str | None:
        """Train one epoch, validate, record; return the limit that cut it short, if one did."""
        progress, config = self.progress, self.config
        begun = time.monotonic()
        cut = None
        progress.epoch += 1
        bar.set_description(f"epoch {progress.epoch}/{config.max_epochs}")
        order = torch.randperm(len(self.training), generator=self.randomness.start_epoch(progress.epoch))
        losses: list[Tensor] = []
        sizes: list[int] = []
        self.wrapped.train()
        for indices in torch.split(order, config.batch_size)[: self.n_batches]:
            own = indices[self.fabric.global_rank :: self.fabric.world_size]
            losses.append(self.step(own))
            sizes.append(len(own))
            # One step late, so that a GPU never waits for the next batch to be gathered.
            if len(losses) > 1:
                self.check_finite("training", losses[-2].item(), progress.step - 1)
            bar.update()
            advance(progress.step / self.n_steps, f"epoch {progress.epoch}/{config.max_epochs}")
            cut = self.limit_within_epoch()
            if cut is not None:
                break
        self.check_finite("training", losses[-1].item(), progress.step)
        validation_loss = self.validate()
        progress.keep_if_best(self.module, validation_loss)
        progress.history.append(
            {
                "epoch": progress.epoch,
                "train_loss": float(self.fabric.all_reduce(_mean(losses, sizes))),  # type: ignore[arg-type]
                "validation_loss": validation_loss,
                "seconds": time.monotonic() - begun,
                "learning_rate": max(group["lr"] for group in self.optimizer.param_groups),
            }
        )
        if validation_loss is not None:
            bar.set_postfix_str(f"validation {validation_loss:.4g}, best {progress.best_validation:.4g}")
        if len(losses) == self.n_batches:
            self.save()
        return cut

    def step(self, indices: Tensor) -> Tensor:
        """Take one optimizer step on these examples and return their loss, still on its device."""
        factor = warm_up(self.progress.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        batch = self.fabric.to_device(self.training.batch(indices))
        value = self.loss(self.wrapped, batch)
        self.stepper.zero_grad()
        self.fabric.backward(value)
        self.fabric.clip_gradients(
            self.wrapped, self.stepper, max_norm=MAX_GRADIENT_NORM, error_if_nonfinite=False
        )
        self.stepper.step()
        self.progress.step += 1
        return value.detach()

    @torch.no_grad()
    def validate(self) -> float | None:
        """Return the mean loss over the validation examples.

        Every process computes all of it, so that none waits for another; the first one's value counts.
        """
        if self.validation is None:
            return None
        self.wrapped.eval()
        losses, sizes = [], []
        for indices in torch.split(torch.arange(len(self.validation)), self.config.batch_size):
            losses.append(self.loss(self.wrapped, self.fabric.to_device(self.validation.batch(indices))))
            sizes.append(len(indices))
        value: float = self.fabric.broadcast(_mean(losses, sizes).item())
        self.check_finite("validation", value, self.progress.step)
        return value

    def check_finite(self, what: str, value: float, step: int) -> None:
        """Raise unless a loss is finite."""
        if not math.isfinite(value):
            raise NonFiniteLossError(what, value, self.progress.epoch, step, self.checkpoint)

    def save(self) -> None:
        """Write a checkpoint, if one is wanted and this is the first process."""
        if self.checkpoint is not None:
            precision = self.fabric.strategy.precision.state_dict()
            save_checkpoint(self.checkpoint, self.progress, self.module, self.optimizer, precision)

    def state(self, stopped_by: str | None = None) -> TrainingState:
        """Return what callbacks see."""
        progress = self.progress
        return TrainingState(
            epoch=progress.epoch,
            step=progress.step,
            history=tuple(progress.history),
            best_epoch=progress.best_epoch,
            best_validation=progress.best_validation,
            module=self.module,
            stopped_by=stopped_by,
        )

    def bar(self) -> "tqdm[Any]":
        """Return a bar over optimizer steps; it shows the time left and prints to stderr."""
        silent = not (self.config.verbose and self.fabric.is_global_zero)
        return tqdm(
            total=self.n_steps, initial=self.progress.step, unit="step", disable=silent, dynamic_ncols=True
        )


def _mean(losses: list[Tensor], sizes: list[int]) -> Tensor:
    """Average over examples from averages over batches."""
    weights = torch.tensor(sizes, dtype=losses[0].dtype, device=losses[0].device)
    return torch.dot(torch.stack(losses), weights) / weights.sum()
