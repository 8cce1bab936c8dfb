"""The deep branch: SSM layers over tokens of the stem's states, gated and added to the linear one."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ssmts.models.config import DeepConfig
from ssmts.nn.gated import GatedStack

__all__ = ["DeepPath"]

# The gate is one number among thousands of weights: it moves this many times faster than they do.
_GATE_SPEED = 20.0


class DeepPath(nn.Module):
    """Residual of the linear branch, in units of the window's deviation, from tokens of its states.

    Parameters
    ----------
    config : DeepConfig
    horizon : int
        In reference steps; the output has horizon + 1 leads.

    Notes
    -----
    The gate starts at zero and the output behind it does not: at first the model is the linear one, and yet
    the gate has a gradient.
    """

    def __init__(self, config: DeepConfig, horizon: int) -> None:
        super().__init__()
        self.project = nn.Linear(config.n_components + config.n_recent, config.d_model)
        self.backbone = GatedStack(
            config.d_model,
            config.n_layers,
            layer=config.layer,
            d_state=config.d_state,
            dropout=config.dropout,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.d_model, horizon + 1)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor, intervals: Tensor) -> Tensor:
        """Correction of the linear forecast.

        Parameters
        ----------
        tokens : Tensor
            (batch, n_tokens, n_components + n_recent).
        intervals : Tensor
            (batch, n_tokens), time since the previous token in token strides; 0 for the first.

        Returns
        -------
        Tensor
            (batch, horizon + 1), in units of the window's deviation.
        """
        hidden = self.backbone(self.project(tokens), intervals)
        return cast("Tensor", _GATE_SPEED * self.gate * self.head(self.dropout(hidden[:, -1])))
