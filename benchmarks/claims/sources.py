"""What a contest trains on: sequences of one task, drawn anew for every batch or kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ssmts.training import Batches
from ssmts_datasets import SequenceTask

MakeTask = Callable[[int, int], SequenceTask]
"""(sequences, seed) -> task."""


class FreshData:
    """A source that makes new sequences for every batch, from torch's generator that the loop seeds."""

    def __init__(self, make: MakeTask, size: int) -> None:
        self.make, self.size = make, size

    def __len__(self) -> int:
        return self.size

    def batch(self, indices: Tensor) -> tuple[Tensor, ...]:
        """As many sequences as indices."""
        return tensors(self.make(len(indices), int(torch.randint(2**31, ()))))


def of_drawn_lengths(make: Callable[[int, int, int], SequenceTask], shortest: int, longest: int) -> MakeTask:
    """Sequences of one length, drawn log-uniformly at every call of `make(sequences, seed, length)`."""

    def drawn(n: int, seed: int) -> SequenceTask:
        share = np.random.default_rng(seed).random()
        return make(n, seed, round(shortest ** (1 - share) * longest**share))

    return drawn


class FixedData:
    """A source over the sequences of one task."""

    def __init__(self, task: SequenceTask) -> None:
        self.tensors = tensors(task)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: Tensor) -> tuple[Tensor, ...]:
        """The sequences of these indices."""
        return tuple(part[indices] for part in self.tensors)


class OneOf:
    """A source whose every batch is from one of several, drawn evenly, as are its sequences."""

    def __init__(self, sources: Sequence[Batches]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def batch(self, indices: Tensor) -> tuple[Tensor, ...]:
        """As many sequences as indices."""
        source = self.sources[int(torch.randint(len(self.sources), ()))]
        return source.batch(torch.randint(len(source), (len(indices),)))


def tensors(task: SequenceTask) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, lengths and targets (n, n_answers)."""
    targets = task.targets.reshape(len(task), -1)
    return tuple(torch.from_numpy(np.ascontiguousarray(v)) for v in (task.inputs, task.lengths, targets))  # type: ignore[return-value]
