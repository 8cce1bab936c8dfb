"""Models of equal size trained for equal time on one task of sequences."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.claims.cells import Row
from benchmarks.claims.entries import Entry
from benchmarks.claims.sources import FixedData, tensors
from ssmts.nn import SSMLayer
from ssmts.training import Batches, Callback, TrainingConfig, TrainingState, train
from ssmts_datasets import SequenceTask

STEPS_AN_EPOCH = 100  # at most; fewer where they take longer than a share of the time
SHARES = 20  # of the time: an epoch takes one at most, and a model whose step takes longer is not trained
# (share of the time at which a phase ends, learning rates in multiples of the entry's)
Phases = tuple[tuple[float, float], ...]
PHASES: Phases = ((0.7, 1.0), (1.0, 0.1))


class SequenceModel(nn.Module):
    """Embedding, backbone, and a linear answer at the last positions or of the mean over positions.

    Numbers are embedded by a small network, one position at a time: what two channels of one position mean
    together, a number and its mark, no model has to find through its memory.
    """

    def __init__(
        self, task: SequenceTask, backbone: Callable[[int], nn.Module], d_model: int, pool: str
    ) -> None:
        super().__init__()
        n_channels = task.inputs.shape[-1]
        self.embed: nn.Module = (
            nn.Sequential(nn.Linear(n_channels, 2 * d_model), nn.GELU(), nn.Linear(2 * d_model, d_model))
            if task.n_tokens is None
            else nn.Embedding(task.n_tokens, d_model)
        )
        self.backbone = backbone(d_model)
        self.head = nn.Linear(d_model, task.n_classes or 1)
        self.n_answers, self.pool = task.n_answers, pool

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Logits or values, (batch, n_answers, n_classes or 1)."""
        y = self.backbone(self.embed(inputs))
        if self.pool == "mean":
            valid = (torch.arange(y.shape[1]) < lengths[:, None])[..., None]
            y = (y * valid).sum(1, keepdim=True) / lengths[:, None, None]
        else:
            y = y[:, -self.n_answers :]
        return cast("Tensor", self.head(y))


def sized(task: SequenceTask, entry: Entry, parameters: int, pool: str) -> SequenceModel:
    """The model whose width, a multiple of 8, brings its parameters nearest to the number given."""
    best: tuple[float, SequenceModel] | None = None
    for width in range(8, 512, 8):
        model = SequenceModel(task, entry.backbone, width, pool)
        off = abs(count(model) - parameters)
        if best is not None and off > best[0]:
            break
        best = (off, model)
    assert best is not None
    return best[1]


def count(model: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Cross-entropy of classes, squared error of values."""
    inputs, lengths, targets = batch
    y = model(inputs, lengths)
    if targets.is_floating_point():
        return functional.mse_loss(y[..., 0], targets)
    return functional.cross_entropy(y.flatten(0, 1), targets.flatten())


class StopWhenSolved(Callback):
    """End training once the validation loss is as good as nothing, or the processor time is used up.

    Parameters
    ----------
    enough : float
        Validation loss below which a task is solved.
    seconds : float
        Processor time of training and validation, all phases together.
    """

    def __init__(self, enough: float, seconds: float) -> None:
        self.enough, self.seconds = enough, seconds
        self.begun, self.share, self.used, self.solved = time.process_time(), 1.0, 0.0, False
        self.curve: list[tuple[float, float]] = []  # (seconds, validation loss) after every epoch

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Whether the lowest validation loss is low enough, or no time is left."""
        self.used = time.process_time() - self.begun
        loss = state.history[-1]["validation_loss"]
        self.curve.append((round(self.used, 1), round(loss if loss is not None else math.nan, 4)))
        self.solved = state.best_validation is not None and state.best_validation < self.enough
        return self.solved or self.used > self.share * self.seconds


def contend(
    entry: Entry,
    training: Batches,
    validation: SequenceTask,
    *,
    parameters: int,
    seconds: float,
    seed: int = 0,
    batch_size: int = 32,
    pool: str = "last",
    enough: float = 0.0,
    phases: Phases = PHASES,
    afterwards: Batches | None = None,
) -> tuple[SequenceModel, Row]:
    """Train one model; its row says its size, its steps, its time and its validation score.

    The learning rate falls from phase to phase, to a tenth for the last part of the time by default;
    `afterwards` takes the place of the training data after the first phase. A model whose training step takes
    more than 1 / `SHARES` of the time is left as it is, and its row says so.
    """
    torch.manual_seed(seed)
    model = sized(validation, entry, parameters, pool)
    row: Row = {"parameters": count(model), "chance": validation.chance}
    row["step_seconds"] = step = _seconds_a_step(model, training, batch_size, seconds / SHARES)
    if seconds and step > seconds / SHARES:
        return model, {**row, "trained": False, "steps": 0, "seconds": 0.0, "solved": False}
    steps = max(1, min(STEPS_AN_EPOCH, int(seconds / SHARES / step)))
    stop = StopWhenSolved(enough, seconds)
    epochs = 0
    for phase, (stop.share, rate) in enumerate(phases):
        for layer in model.modules():
            if isinstance(layer, SSMLayer):
                layer.system_rate = rate * SSMLayer.system_rate
        config = TrainingConfig(
            max_epochs=100_000, batch_size=batch_size, learning_rate=rate * entry.learning_rate,
            weight_decay=0.0, patience=None, random_state=seed + 1000 * phase, device="cpu",
        )  # fmt: skip
        source = afterwards if phase and afterwards is not None else training
        result = train(
            model, source, FixedData(validation), loss=loss, config=config, callbacks=[stop],
            max_batches_per_epoch=steps,
        )  # fmt: skip
        epochs += len(result.history)
        if stop.solved:
            break
    return model, {
        **row,
        "trained": True,
        "steps": epochs * steps,
        "seconds": stop.used,
        "solved": stop.solved,
        "training_loss": result.history[-1]["train_loss"],
        "validation_loss": result.best_validation,
        "validation": score(model, validation),
        "curve": stop.curve,
    }


def _seconds_a_step(model: SequenceModel, training: Batches, batch_size: int, limit: float) -> float:
    """Processor time of a training step, that of one sequence where it alone is above the limit.

    A step above the limit gets a second try: the first one of a process compiles and allocates.
    """
    for size in (1, min(batch_size, len(training))):
        batch = training.batch(torch.arange(size))
        for _ in range(2):
            begun = time.process_time()
            loss(model, batch).backward()
            seconds = time.process_time() - begun
            if seconds <= limit:
                break
        else:
            break
    model.zero_grad()
    return seconds


@torch.no_grad()
def score(model: SequenceModel, task: SequenceTask, batch_size: int = 64) -> float:
    """Accuracy or squared error of a trained model."""
    model.eval()
    inputs, lengths, _ = tensors(task)
    parts = []
    for rows in torch.split(torch.arange(len(task)), max(1, min(batch_size, 2**20 // inputs.shape[1]))):
        y = model(inputs[rows], lengths[rows])
        parts.append(y[..., 0] if task.n_classes is None else y.argmax(-1))
    answers = torch.cat(parts).numpy()
    return task.score(answers.reshape(task.targets.shape))
