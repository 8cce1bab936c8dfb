"""Fit of the deep path over cases, with every claim made on cases that it has not seen.

Three networks are trained, each without a third of the cases; what they say of that third, beside what the
closed form says of each case without having seen it, decides whether, and by how much, they are added
(docs/decisions/072-deep-classifier-by-cross-fitting.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssmts.data.arrays import Float, Rows
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.network import (
    CaseDeepConfig,
    CaseEnsemble,
    CaseNetwork,
    padded,
)
from ssmts.models.whole_series.octave_weights import Loss, OctaveWeights
from ssmts.models.whole_series.tokens import fit_tokens
from ssmts.training import Callback, TrainingConfig, train

__all__ = ["DeepOutcome", "Loss", "fit_case_deep"]

N_MEMBERS = 3
_STEPS_PER_EPOCH = 200


@dataclass(frozen=True)
class DeepOutcome:
    """Networks, what they say of cases that they have not seen (n_cases, n_targets), and the record."""

    ensemble: CaseEnsemble
    unseen: Float
    record: dict[str, Any]


@dataclass(frozen=True)
class _Cases:
    """Tokens, targets and weights: `Batches` of the training loop."""

    tokens: tuple[Tensor, Tensor, Tensor]
    targets: Tensor
    weights: Tensor
    band: Tensor | None

    def __len__(self) -> int:
        return len(self.targets)

    def batch(self, indices: Tensor) -> dict[str, Tensor]:
        values, intervals, lengths = (part[indices] for part in self.tokens)
        longest = int(lengths.max())
        values, intervals = values[:, :longest], intervals[:, :longest]
        if self.band is not None:
            # Every case is read up to a frequency of its own, half of them to the end.
            cut = self.band.max() * torch.exp2(-3.0 * torch.rand(len(indices)))
            cut = torch.where(torch.rand(len(indices)) < 0.5, torch.inf, cut)
            values = values.masked_fill((self.band > cut[:, None])[:, None, :], 0.0)
        return {
            "tokens": values,
            "intervals": intervals,
            "lengths": lengths,
            "targets": self.targets[indices],
            "weights": self.weights[indices],
        }

    def part(self, rows: Rows, *, band: bool) -> _Cases:
        own = torch.from_numpy(rows)
        values, intervals, lengths = self.tokens
        tokens = values[own], intervals[own], lengths[own]
        return _Cases(tokens, self.targets[own], self.weights[own], self.band if band else None)


class _Weighted:
    """Mean of a loss over cases by their weights."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def __call__(self, module: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        answers = module(batch["tokens"], batch["intervals"], batch["lengths"])
        return (self.loss(answers, batch["targets"]) * batch["weights"]).mean()


def fit_case_deep(
    cases: Sequence[Case],
    targets: Float,
    answers: Float,
    weights: Float,
    groups: Rows,
    of_case: Rows,
    config: CaseDeepConfig,
    training: TrainingConfig,
    *,
    loss: Loss,
    n_modes: int,
    stride: float,
    band_dropout: bool,
    seed: int,
    callbacks: Sequence[Callback] | None,
) -> DeepOutcome:
    """Train the members.

    Parameters
    ----------
    cases : sequence of Case
    targets : ndarray of float64, shape (n_cases, ...)
        As the loss reads them.
    answers : ndarray of float64, shape (n_cases, n_targets)
        As the closed form reads them.
    weights : ndarray of float64, shape (n_cases,)
    groups : ndarray of int64, shape (n_cases,)
        Each third has its share of every group.
    of_case : ndarray of int64, shape (n_cases,)
        Number of the case that each is, or is a copy of: all of them fall into the same third.
    config : CaseDeepConfig
        `n_features` is filled in.
    training : TrainingConfig
        `max_time` holds for all members together.
    loss : callable
        (answers, targets) to one number a case.
    n_modes, stride
        As for `fit_tokens`.
    band_dropout : bool
        Train with the modes above a random frequency left out, as a coarser sampling leaves them out, and put
        a closed form beside the networks that is solved for the bands of every octave of rates.
    seed : int
    callbacks : sequence of Callback, optional
    """
    encoder = fit_tokens(cases, n_modes, stride)
    config = replace(config, n_features=encoder.n_features)
    tokens, band, octaves = encoder(cases), None, None
    if band_dropout:
        levels = np.zeros(len(encoder.fold))
        band = torch.from_numpy(np.concatenate([np.repeat(encoder.A.imag, len(encoder.fold)), levels]))
        intervals = np.array([case.interval for case in cases])
        octaves = OctaveWeights(encoder, tokens, intervals, answers, weights, of_case, seed)
    whole = _Cases(
        padded(tokens, torch.float32),
        torch.from_numpy(targets),
        torch.from_numpy((weights / weights.mean()).astype(np.float32)),
        band,
    )
    _, originals = np.unique(of_case, return_index=True)
    fold_of = np.empty(len(originals), dtype=np.int64)
    fold_of[np.argsort(groups[originals], kind="stable")] = np.arange(len(originals)) % config.n_members
    fold_of = fold_of[of_case]
    cuts = [None] if octaves is None else [octaves.bands.carried(k) for k in range(octaves.n_cuts)]
    unseen = np.zeros((len(cuts), len(cases), config.n_targets))
    members, epochs = nn.ModuleList(), []
    for k in range(config.n_members):
        seen, held = np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + k)
            member = CaseNetwork(config)
        seconds = None if np.isinf(training.max_seconds) else training.max_seconds / config.n_members
        result = train(
            member,
            whole.part(seen, band=True),
            whole.part(held, band=False),
            loss=_Weighted(loss),
            config=replace(training, random_state=seed + k, max_time=seconds),
            callbacks=callbacks,
            max_batches_per_epoch=_STEPS_PER_EPOCH,
        )
        epochs += [{"member": k, **record} for record in result.history]
        members.append(member.eval())
        with torch.no_grad():
            device = member.head.weight.device
            for rows in np.array_split(held, -(-len(held) // 256)):
                values, *rest = (part[torch.from_numpy(rows)].to(device) for part in whole.tokens)
                for cut, carried in enumerate(cuts):
                    own = values if carried is None else values * torch.from_numpy(carried).to(values)
                    unseen[cut, rows] = member(own, *rest).cpu().numpy()
    ensemble = CaseEnsemble(config, encoder, members.double())
    if octaves is None:
        return DeepOutcome(ensemble, unseen[0], {"epochs": epochs})
    shares, together = octaves.shares(unseen, whole.targets, loss)
    ensemble = replace(ensemble, bands=octaves.bands, shares=shares)
    return DeepOutcome(ensemble, together, {"epochs": epochs, "shares_by_interval": octaves.record(shares)})
