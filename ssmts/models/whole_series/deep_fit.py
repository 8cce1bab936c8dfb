"""Fit of the deep branch, accepted by its error on cases that it has not seen.

Three networks are trained, each without a third of the cases. Their answers to that third and the
leave-one-out answers of the linear branch decide whether, and with which factors, both are added
(docs/decisions/072-deep-classifier-by-cross-fitting.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmts.data.arrays import Float, Rows
from ssmts.data.duration import parse_duration
from ssmts.errors import ParameterError
from ssmts.models.whole_series.network import (
    CaseDeepConfig,
    CaseEnsemble,
    CaseNetwork,
    padded,
)
from ssmts.models.whole_series.octave_weights import Loss, OctaveWeights
from ssmts.models.whole_series.tokens import fit_tokens
from ssmts.models.whole_series.training_cases import TrainingCases
from ssmts.progress import tracked
from ssmts.training import Callback, EpochRecord, TrainingConfig, train

__all__ = ["N_MEMBERS", "DeepFitter", "DeepOutcome"]

N_MEMBERS = 3
_STEPS_PER_EPOCH = 200
_FEWEST_CASES = 100  # from which on networks are tried
_COARSER = 1.25  # times the coarsest training case: sampling that the linear branch has not seen
_TOKENS = 64  # in a case of median duration, unless a stride is given


@dataclass(frozen=True)
class DeepOutcome:
    """Trained networks.

    Parameters
    ----------
    ensemble : CaseEnsemble
    unseen : ndarray of float64, shape (n_cases, n_targets)
        Answers to each case by the networks that were trained without it.
    record : dict
        Of the training, as JSON can hold it.
    always : bool
        Whether they are kept whatever they gain.
    coarsest : float or None
        Median interval in reference steps above which the linear branch has no say; None: it always has.
    """

    ensemble: CaseEnsemble
    unseen: Float
    record: dict[str, Any]
    always: bool
    coarsest: float | None = None


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

    def answers(self, member: CaseNetwork, rows: Rows, carried: NDArray[np.bool_] | None) -> Float:
        """A network's answers to some cases, (n_rows, n_targets), of the features that a band carries."""
        device, blocks = member.head.weight.device, []
        with torch.no_grad():
            for own in np.array_split(rows, -(-len(rows) // 256)):
                values, *rest = (part[torch.from_numpy(own)].to(device) for part in self.tokens)
                if carried is not None:
                    values = values * torch.from_numpy(carried).to(values)
                blocks.append(member(values, *rest).cpu().numpy())
        return np.concatenate(blocks)


class _Weighted:
    """Mean of a loss over cases by their weights."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    def __call__(self, module: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        answers = module(batch["tokens"], batch["intervals"], batch["lengths"])
        return (self.loss(answers, batch["targets"]) * batch["weights"]).mean()


@dataclass(frozen=True)
class DeepFitter:
    """Training of the deep branch.

    Parameters
    ----------
    config : CaseDeepConfig
        `n_features` and `n_targets` are filled in.
    training : TrainingConfig
        `max_time` holds for all members together.
    n_modes : int
        Modes of the stem, over all channels together.
    token_stride : duration or None
        Length of a token. None: a 64th of the median duration of the cases.
    band_dropout : bool
        Train with the modes above a random frequency left out, as a coarser sampling leaves them out, and put
        a closed form beside the networks that is solved for the bands of every octave of rates.
    always : bool
        Keep the networks whatever they gain, and train them on few cases as well.
    seed : int
    callbacks : sequence of Callback or None
    """

    config: CaseDeepConfig
    training: TrainingConfig
    n_modes: int
    token_stride: Any
    band_dropout: bool
    always: bool
    seed: int
    callbacks: Sequence[Callback] | None

    def __call__(self, training: TrainingCases, targets: Any, strata: Rows, loss: Loss) -> DeepOutcome | str:
        """Train the members; the reason where there are too few cases.

        Parameters
        ----------
        training : TrainingCases
            With the targets of the linear branch, (n_cases, n_targets).
        targets : ndarray, shape (n_cases, ...)
            As the loss reads them.
        strata : ndarray of int64, shape (n_cases,)
            Each third holds a part of every stratum; a case and its copies fall into the same third.
        loss : callable
            From answers and targets to one number a case.

        Raises
        ------
        ParameterError
            If the token stride is shorter than a reference step.
        """
        fewest = 2 * N_MEMBERS if self.always else _FEWEST_CASES
        if len(training.cases) < fewest:
            return f"fewer than {fewest} distinct cases"
        cases, answers, weights = training.cases, training.targets, training.weights
        of_case, seed = training.of_case, self.seed
        encoder = fit_tokens(cases, self.n_modes, self._stride(training))
        config = replace(self.config, n_features=encoder.n_features, n_targets=answers.shape[1])
        tokens, band, octaves = encoder(cases), None, None
        if self.band_dropout:
            means = np.zeros(len(encoder.fold))
            band = torch.from_numpy(np.concatenate([np.repeat(encoder.A.imag, len(encoder.fold)), means]))
            intervals = np.array([case.interval for case in cases])
            octaves = OctaveWeights(
                encoder,
                tokens,
                intervals=intervals,
                answers=answers,
                weights=weights,
                of_case=of_case,
                seed=seed,
            )
        whole = _Cases(
            padded(tokens, torch.float32),
            torch.from_numpy(targets),
            torch.from_numpy((weights / weights.mean()).astype(np.float32)),
            band,
        )
        fold_of = _folds(of_case, strata, config.n_members)
        cuts = [None] if octaves is None else [octaves.bands.carried(k) for k in range(octaves.n_cuts)]
        unseen = np.zeros((len(cuts), len(cases), config.n_targets))
        members, epochs = nn.ModuleList(), []
        for k in tracked(range(config.n_members), "network"):
            held = np.flatnonzero(fold_of == k)
            member, history = self._train_member(k, config, whole, fold_of, loss)
            epochs += [{"member": k, **record} for record in history]
            members.append(member)
            for cut, carried in enumerate(cuts):
                unseen[cut, held] = whole.answers(member, held, carried)
        ensemble = CaseEnsemble(config, encoder, members.double())
        if octaves is None:
            return DeepOutcome(ensemble, unseen[0], {"epochs": epochs}, self.always)
        factors, together = octaves.factors(unseen, whole.targets, loss)
        ensemble = replace(ensemble, bands=octaves.bands, factors=factors)
        record = {"epochs": epochs, "shares_by_interval": octaves.record(factors)}
        coarsest = _COARSER * max(case.interval for case in cases)
        return DeepOutcome(
            ensemble=ensemble, unseen=together, record=record, always=self.always, coarsest=coarsest
        )

    def _stride(self, training: TrainingCases) -> float:
        """Length of a token in reference steps."""
        if self.token_stride is None:
            return max(1.0, float(np.median([case.times[-1] for case in training.cases])) / _TOKENS)
        stride = float(parse_duration(self.token_stride, training.layout.clock) / training.step)
        if stride < 1:
            raise ParameterError("token_stride", self.token_stride, "at least one reference step")
        return stride

    def _train_member(
        self, k: int, config: CaseDeepConfig, whole: _Cases, fold_of: Rows, loss: Loss
    ) -> tuple[CaseNetwork, list[EpochRecord]]:
        """Member k, trained on all folds but its own, and its losses by epoch."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed + k)
            member = CaseNetwork(config)
        seconds = self.training.max_seconds / config.n_members
        result = train(
            member,
            whole.part(np.flatnonzero(fold_of != k), band=True),
            whole.part(np.flatnonzero(fold_of == k), band=False),
            loss=_Weighted(loss),
            config=replace(
                self.training, random_state=self.seed + k, max_time=None if np.isinf(seconds) else seconds
            ),
            callbacks=self.callbacks,
            max_batches_per_epoch=_STEPS_PER_EPOCH,
        )
        return member.eval(), result.history


def _folds(of_case: Rows, strata: Rows, n_folds: int) -> Rows:
    """Fold of every case: each holds a part of every stratum, a case and its copies lie in one."""
    _, originals = np.unique(of_case, return_index=True)
    fold_of = np.empty(len(originals), dtype=np.int64)
    fold_of[np.argsort(strata[originals], kind="stable")] = np.arange(len(originals)) % n_folds
    return np.asarray(fold_of[of_case])
