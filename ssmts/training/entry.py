"""`train`, the entry point of the training loop."""

import os
from collections.abc import Sequence
from contextlib import ExitStack

from torch import nn

from ssmts.errors import ParameterError
from ssmts.training.callbacks import Callback
from ssmts.training.config import TrainingConfig
from ssmts.training.contracts import Batches, Loss, TrainingResult
from ssmts.training.loop import Loop
from ssmts.training.optimizer import build_optimizer
from ssmts.training.randomness import untouched_generators


def train(
    module: nn.Module,
    training: Batches,
    validation: Batches | None,
    *,
    loss: Loss,
    config: TrainingConfig,
    callbacks: Sequence[Callback] | None = None,
    resume_from: str | os.PathLike[str] | None = None,
    max_batches_per_epoch: int | None = None,
) -> TrainingResult:
    """Train a module with AdamW and leave it with the weights of the lowest validation loss.

    The global random generators of torch, numpy and Python are left as they were. On one CPU, the same
    `random_state` gives the same weights bit for bit, and so does training that was interrupted and resumed
    with the same settings.

    Parameters
    ----------
    module : Module
        Trained in place; it ends in evaluation mode on the device it was trained on.
    training, validation : Batches
        Where examples come from. Without validation data nothing stops early, and the last weights stay.
    loss : callable
        ``loss(module, batch)``, the mean over the batch, a scalar. It must call ``module(...)``, so that
        precision and distribution apply; the module it gets wraps the one above.
    config : TrainingConfig
        Settings.
    callbacks : sequence of Callback, optional
        Watchers, called in order.
    resume_from : path-like, optional
        A checkpoint, or the `checkpoint_dir` of an earlier call. Its seed replaces `random_state`; `max_time`
        counts anew; an epoch that was cut short is trained again from its start.
    max_batches_per_epoch : int, optional
        Most steps an epoch; each epoch then sees a fresh random sample of the training data.

    Returns
    -------
    TrainingResult
        History, best epoch and why it ended.

    Raises
    ------
    ParameterError
        If there is nothing to train on or no such device, or a setting is out of range.
    ModelFileError
        If `resume_from` is no checkpoint of this module.
    NonFiniteLossError
        If a loss is not finite.
    """
    for name, batches in (("training", training), ("validation", validation)):
        if batches is not None and len(batches) == 0:
            raise ParameterError(name, batches, "a source of at least one example")
    watchers = list(callbacks or ())
    for watcher in watchers:
        if not isinstance(watcher, Callback):
            raise ParameterError("callbacks", watcher, "instances of ssmts.training.Callback")
    optimizer = build_optimizer(module, config.learning_rate, config.weight_decay)

    from ssmts.training.machine import launch, quiet_fabric  # Fabric takes a second to import

    with ExitStack() as stack:
        stack.enter_context(quiet_fabric())
        fabric = launch(config)
        stack.enter_context(untouched_generators(fabric.device))
        loop = Loop(fabric, module, optimizer, training, validation, loss, config, max_batches_per_epoch)
        loop.start(resume_from)
        return loop.run(watchers)
