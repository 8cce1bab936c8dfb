from types import SimpleNamespace

import pytest
import torch
from torch import nn


class Regression:
    """Noisy linear data, gathered from tensors."""

    def __init__(self, n, seed):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(n, 4, generator=generator)
        noise = torch.randn(n, 1, generator=generator)
        self.y = self.x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]]) + 0.1 * noise
        self.seen = []

    def __len__(self):
        return len(self.x)

    def batch(self, indices):
        self.seen.append(indices)
        return {"x": self.x[indices], "y": self.y[indices]}


def _module(seed=0, dropout=0.2):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 16), nn.Dropout(dropout), nn.Tanh(), nn.Linear(16, 1))


def _loss(module, batch):
    return nn.functional.mse_loss(module(batch["x"]), batch["y"])


@pytest.fixture
def toy():
    """A module maker, data and a loss; 200 training examples, 60 to validate on."""
    return SimpleNamespace(
        module=_module, training=Regression(200, 0), validation=Regression(60, 1), loss=_loss
    )


@pytest.fixture
def same_weights():
    def compare(a, b):
        return all(
            torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
        )

    return compare
