"""GRU-D on hourly means: the usual recurrent network for stays with missing values.

Che et al., "Recurrent Neural Networks for Multivariate Time Series with Missing Values", Scientific
Reports 2018.
A parameter that is not observed decays from its last value to its mean, at a rate that is learnt; so does the
hidden state. A seventh of the training stays says when to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

__all__ = ["GRUD", "fit_gru_d"]

_HOURS = 48
_BATCH = 64


class GRUD(nn.Module):
    """One logit a stay.

    Parameters
    ----------
    n_channels, d_hidden : int
    dropout : float
    """

    def __init__(self, n_channels: int, d_hidden: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.zeros(n_channels))
        self.offset = nn.Parameter(torch.zeros(n_channels))
        self.hidden_decay = nn.Linear(n_channels, d_hidden)
        self.cell = nn.GRUCell(2 * n_channels, d_hidden)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(d_hidden, 1))

    def forward(self, values: Tensor, seen: Tensor) -> Tensor:
        """Standardised values (batch, hours, channels), 0 where not seen; seen likewise, 1 or 0."""
        hidden = values.new_zeros(len(values), self.cell.hidden_size)
        last, since = torch.zeros_like(values[:, 0]), torch.zeros_like(values[:, 0])
        for hour in range(values.shape[1]):
            since = since + 1.0
            kept = torch.exp(-torch.relu(self.decay * since + self.offset))
            own = seen[:, hour] * values[:, hour] + (1.0 - seen[:, hour]) * kept * last
            hidden = hidden * torch.exp(-torch.relu(self.hidden_decay(since)))
            hidden = self.cell(torch.cat([own, seen[:, hour]], dim=1), hidden)
            last = torch.where(seen[:, hour] > 0, values[:, hour], last)
            since = since * (1.0 - seen[:, hour])
        logit: Tensor = self.head(hidden)[:, 0]
        return logit


def fit_gru_d(train: pd.DataFrame, y: pd.Series, seconds: float) -> Callable[[pd.DataFrame], Any]:
    """Train for some CPU seconds; the answer gives probabilities of a frame's stays."""
    spent = time.process_time()
    bounded = train.groupby("parameter", observed=False)["value"]
    low, high = bounded.quantile(0.001), bounded.quantile(0.999)

    def tensors(rows: pd.DataFrame) -> tuple[Any, Any]:
        names = rows["parameter"]
        own = rows["value"].clip(names.map(low).astype(float), names.map(high).astype(float))
        hour = np.minimum(rows["minute"].to_numpy() // 60, _HOURS - 1)
        stays = rows["record"].unique()
        code = pd.Categorical(rows["record"], categories=stays).codes.astype(np.int64)
        cell = (code * _HOURS + hour) * len(low) + pd.Categorical(names, categories=low.index).codes
        size = len(stays) * _HOURS * len(low)
        count = np.bincount(cell, minlength=size)
        mean = np.bincount(cell, weights=own, minlength=size) / np.maximum(count, 1)
        shape = (len(stays), _HOURS, len(low))
        return mean.reshape(shape), (count > 0).reshape(shape)

    values, seen = tensors(train)
    count = np.maximum(seen.sum(axis=(0, 1)), 1)
    level = values.sum(axis=(0, 1)) / count
    scale = np.sqrt((seen * (values - level) ** 2).sum(axis=(0, 1)) / count) + 1e-6

    def ready(parts: tuple[Any, Any]) -> tuple[Tensor, Tensor]:
        own = np.where(parts[1], (parts[0] - level) / scale, 0.0)
        return torch.from_numpy(own.astype(np.float32)), torch.from_numpy(parts[1].astype(np.float32))

    X, M = ready((values, seen))
    target = torch.from_numpy(y.to_numpy().astype(np.float32))
    torch.manual_seed(0)
    learn, check = train_test_split(np.arange(len(target)), test_size=1 / 7, stratify=y, random_state=0)
    model = GRUD(X.shape[2])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    best, kept, rng = -1.0, model.state_dict(), np.random.default_rng(0)
    while time.process_time() - spent < seconds:
        model.train()
        for rows in np.array_split(rng.permutation(learn), len(learn) // _BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(model(X[rows], M[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            score = float(roc_auc_score(target[check], model(X[check], M[check])))
        if score > best:
            best, kept = score, {name: own.clone() for name, own in model.state_dict().items()}
    model.load_state_dict(kept)
    model.eval()

    def predict(rows: pd.DataFrame) -> Any:
        with torch.no_grad():
            return torch.sigmoid(model(*ready(tensors(rows)))).numpy().astype(np.float64)

    return predict
