"""Fit of the deep branch on cross-validated residuals of the linear branch, judged on unseen blocks.

Each member is trained without a third of the blocks, on residuals of linear branches that were solved without
the block they are judged on (or the members would learn the linear branch's overfit). The held-out blocks of
all members together are the whole of the data: they say how large a share of the correction to add, and
whether it gains more than its standard error over blocks (docs/decisions/002-deep-path-by-cross-fitting.md).
"""

from __future__ import annotations

import os
from collections.abc import Sequence as Seq
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.data.arrays import Float, Rows
from ssmts.errors import ModelFileError
from ssmts.models.config import DeepConfig
from ssmts.models.deep.ensemble import DeepEnsemble
from ssmts.models.deep.network import DeepPath
from ssmts.models.deep.tokens import (
    TokenEncoder,
    normalized,
    recent_values,
    token_intervals,
)
from ssmts.models.linear.cv_residuals import HeldOutErrors, n_origins, window_errors
from ssmts.models.linear.moments import floored
from ssmts.models.linear.path import LinearFit
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.progress import tracked
from ssmts.training import Callback, TrainingConfig, train

__all__ = ["LOSSES", "DeepFit", "fit_deep"]

_MOST_BYTES = 512 * 2**20
_MOST_WINDOWS = 75_000
_FEWEST_WINDOWS = 200
_STEPS_PER_EPOCH = 150
_JUDGED_SHARE = 1.0 / 3.0
LOSSES = {"smooth_l1": functional.smooth_l1_loss, "mse": functional.mse_loss, "mae": functional.l1_loss}


@dataclass(frozen=True)
class DeepFit:
    """Outcome: the ensemble, or None where it did not earn its place, and the record of the fit.

    `held_out` holds its residuals on windows that neither branch has seen; None without an ensemble.
    """

    ensemble: DeepEnsemble | None
    record: dict[str, Any]
    held_out: HeldOutErrors | None = None


@dataclass
class _Windows:
    """Tokens, residuals (n, horizon + 1) and scales (n, 1 or horizon + 1): `Batches` of the training loop.

    Weights (n, 1) have a mean of 1; None: all the same.
    """

    tokens: Tensor
    intervals: Tensor
    residual: Tensor
    scale: Tensor
    segment: Rows
    weight: Tensor | None
    deviation: Float
    group: Rows

    def __len__(self) -> int:
        return len(self.residual)

    def batch(self, indices: Tensor) -> tuple[Tensor, ...]:
        """Tokens, intervals, residual, scale and, where windows have any, weight."""
        parts = (self.tokens, self.intervals, self.residual, self.scale, self.weight)
        return tuple(part[indices] for part in parts if part is not None)

    def part(self, rows: Rows) -> _Windows:
        tokens, intervals, residual, scale, *weight = self.batch(torch.from_numpy(rows))
        own = weight[0] if weight else None
        return _Windows(
            tokens=tokens,
            intervals=intervals,
            residual=residual,
            scale=scale,
            segment=self.segment[rows],
            weight=own,
            deviation=self.deviation[rows],
            group=self.group[rows],
        )


def fit_deep(
    stacks: Seq[SequenceStack],
    linear: LinearFit,
    config: DeepConfig,
    training: TrainingConfig,
    *,
    loss: str = "smooth_l1",
    callbacks: Seq[Callback] | None = None,
    resume_from: str | os.PathLike[str] | None = None,
) -> DeepFit:
    """Train the members, solve the share of their mean, keep it if it gains.

    Parameters
    ----------
    stacks : sequence of SequenceStack
        Standardised training data, as the linear branch saw it.
    linear : LinearFit
    config : DeepConfig
        n_components and n_members are upper bounds.
    training : TrainingConfig
        `random_state` seeds the members; `max_time` holds for all of them together.
    loss : {"smooth_l1", "mse", "mae"}
    callbacks : sequence of Callback, optional
        Given to the training of each member.
    resume_from : path-like, optional
        The `checkpoint_dir` of an interrupted fit.

    Returns
    -------
    DeepFit
    """
    if resume_from is not None and not any(Path(resume_from).glob("member-*")):
        raise ModelFileError(
            f"resume_from={str(resume_from)!r} holds no checkpoint of a fit. Give the checkpoint_dir of one."
        )
    n_blocks = linear.segments.n_blocks
    config = replace(config, n_members=min(config.n_members, n_blocks))
    collected = _collect(stacks, linear, config)
    if collected is None:
        return DeepFit(None, {"accepted": False, "reason": f"fewer than {_FEWEST_WINDOWS} windows"})
    windows, encoder, config = collected
    generator = torch.Generator()
    if training.random_state is None:
        generator.seed()
    else:
        generator.manual_seed(training.random_state)
    folds = [[b for b in range(n_blocks) if b % config.n_members == k] for k in range(config.n_members)]
    correction = torch.zeros_like(windows.residual)
    members, epochs = [], []
    for k, held in enumerate(tracked(folds, "network")):
        distance = np.abs(windows.segment[:, None] - 2 * np.array(held)).min(axis=1)
        seen, unseen = np.flatnonzero(distance > 1), np.flatnonzero(distance == 0)
        if not len(seen) or not len(unseen):
            continue
        seed = int(torch.randint(2**31, (), generator=generator))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            member = DeepPath(config, linear.path.config.horizon)
        result = train(
            member,
            windows.part(seen),
            windows.part(unseen),
            loss=_Loss(loss),
            config=_for_member(training, k, len(folds), seed),
            callbacks=callbacks,
            resume_from=_checkpoint(resume_from, k),
            max_batches_per_epoch=_STEPS_PER_EPOCH,
        )
        member.eval()
        members.append(member)
        epochs += [{"member": k, **record} for record in result.history]
        correction[unseen] = _predict(member, windows.part(unseen))
    record: dict[str, Any] = {"accepted": False, "epochs": epochs}
    if not members:
        return DeepFit(None, record | {"reason": "no block could be held out"})
    share, gains = _share_and_gains(windows, correction, n_blocks)
    standard_error = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
    record |= {"share": share, "gain": float(np.mean(gains)), "standard_error": standard_error}
    record["spread"] = standard_error  # its name until 0.1, for one release
    if not (share > 0 and record["gain"] > standard_error):
        return DeepFit(None, record | {"reason": "the gain on held-out blocks is within its standard error"})
    ensemble = DeepEnsemble(
        config=replace(config, n_members=len(members)),
        encoder=encoder,
        members=members,
        share=share,
        bank=linear.path.bank,
        context=linear.path.config.context,
    )
    return DeepFit(ensemble, record | {"accepted": True}, _left_over(windows, correction, share))


def _collect(
    stacks: Seq[SequenceStack], linear: LinearFit, config: DeepConfig
) -> tuple[_Windows, TokenEncoder, DeepConfig] | None:
    """Windows of an even share of all origins, as the members read them; None if there are too few."""
    horizon, bank = linear.path.config.horizon, linear.path.bank
    n_all = n_origins(stacks, linear)
    if n_all < _FEWEST_WINDOWS:
        return None
    row_bytes = 8 * (horizon + 1 + config.n_tokens * (bank.n_features + config.n_recent))
    stride = int(np.ceil(n_all / min(_MOST_WINDOWS, _MOST_BYTES // row_bytes)))
    token_stride = config.token_stride if config.n_tokens > 1 else None
    irregular = any(stack.interval is None or stack.interval > 1.0 for stack in stacks)
    found: list[tuple[Any, ...]] = []
    for window in window_errors(stacks, linear, stride, token_stride):
        stack, rows, known = window.stack, window.rows, window.observed
        instants = stack.times[rows, None] + window.token_times
        recent = recent_values(
            stack.times, stack.values[window.member], instants, window.begin, config.n_recent
        )
        features, recent = normalized(window.features, recent, window.mean, window.deviation)
        residual, scale = window.errors, floored(window.deviation)[:, None]
        if known is not None:  # an unobserved lead has neither residual nor correction
            residual, scale = residual * known, scale * known
        elif irregular:
            scale = np.broadcast_to(scale, residual.shape)
        group = np.full(len(rows), stack.groups[window.member])
        weight = np.ones(len(rows)) if stack.weights is None else stack.weights[window.member, rows]
        own = (residual, scale, window.segment, weight, window.deviation, group)
        found.append((features, recent, window.token_times, *own))
    features, recent, token_times, *joined = map(np.concatenate, zip(*found))
    residual, scale, segment, weight, deviation, group = joined
    same = np.ptp(weight) == 0.0
    config = replace(config, n_components=min(config.n_components, bank.n_features))
    encoder = TokenEncoder.fit(features[:, -1], config.n_components)
    windows = _Windows(
        tokens=encoder.encode(features, recent),
        intervals=token_intervals(token_times, config.token_stride),
        residual=torch.from_numpy(residual.astype(np.float32)),
        scale=torch.from_numpy(scale.astype(np.float32)),
        segment=segment,
        weight=None if same else torch.from_numpy((weight / weight.mean()).astype(np.float32))[:, None],
        deviation=deviation,
        group=group,
    )
    return windows, encoder, config


class _Loss:
    """Loss of the correction in standardised units, (tokens, intervals, residual, scale) a batch.

    Out of training a member is judged at a third of its correction, about the share that will be added: at
    the whole of it early stopping would take the weights of the first epochs.
    """

    def __init__(self, name: str) -> None:
        self.function = LOSSES[name]

    def __call__(self, module: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        tokens, intervals, residual, scale, *weight = batch
        share = 1.0 if module.training else _JUDGED_SHARE
        correction = share * module(tokens, intervals) * scale
        if weight:
            return (self.function(correction, residual, reduction="none") * weight[0]).mean()
        return self.function(correction, residual)


def _for_member(training: TrainingConfig, k: int, n_members: int, seed: int) -> TrainingConfig:
    folder = None if training.checkpoint_dir is None else Path(training.checkpoint_dir) / f"member-{k}"
    seconds = None if np.isinf(training.max_seconds) else training.max_seconds / n_members
    return replace(training, random_state=seed, checkpoint_dir=folder, max_time=seconds)


def _checkpoint(resume_from: str | os.PathLike[str] | None, k: int) -> Path | None:
    """Checkpoint of a member that had begun, None for one that had not."""
    if resume_from is None:
        return None
    folder = Path(resume_from) / f"member-{k}"
    return folder if folder.exists() else None


@torch.no_grad()
def _predict(member: DeepPath, windows: _Windows) -> Tensor:
    """Correction of windows in standardised units, on the CPU."""
    device = member.gate.device
    parts = []
    for rows in torch.split(torch.arange(len(windows)), 8192):
        tokens, intervals, _, scale, *_ = windows.batch(rows)
        parts.append(member(tokens.to(device), intervals.to(device)).cpu() * scale)
    return torch.cat(parts)


def _left_over(windows: _Windows, correction: Tensor, share: float) -> HeldOutErrors:
    """Errors of both paths together on the held-out windows."""
    held = windows.segment % 2 == 0
    if windows.weight is not None:
        held &= windows.weight[:, 0].numpy() > 0
    held = np.flatnonzero(held)
    chosen = torch.from_numpy(held)
    errors = (windows.residual[chosen] - share * correction[chosen]).numpy()
    errors[np.broadcast_to(windows.scale[chosen].numpy() == 0, errors.shape)] = np.nan
    return HeldOutErrors(errors, windows.deviation[held], windows.group[held])


def _share_and_gains(windows: _Windows, correction: Tensor, n_blocks: int) -> tuple[float, Float]:
    """Least-squares share of the correction on held-out windows, and its gain in MSE in each block."""
    held = torch.from_numpy(windows.segment % 2 == 0)
    weight = torch.ones(len(windows), 1) if windows.weight is None else windows.weight
    energy = float((weight * correction**2)[held].sum())
    product = float((weight * correction * windows.residual)[held].sum())
    share = min(max(product / energy, 0.0), 1.0) if energy > 0 else 0.0
    gain = (windows.residual**2 - (windows.residual - share * correction) ** 2).mean(dim=1)
    weight = weight[:, 0]
    blocks = [torch.from_numpy(windows.segment == 2 * b) for b in range(n_blocks)]
    blocks = [block for block in blocks if weight[block].sum() > 0]
    return share, np.array([float((weight * gain)[b].sum() / weight[b].sum()) for b in blocks])
