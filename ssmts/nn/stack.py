"""A deep stack of state-space layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer, SSMState
from ssmts.nn.s4 import S4
from ssmts.nn.s4d import S4D

__all__ = ["LAYERS", "SSMStack"]

LAYERS: dict[str, type[S4] | type[S4D]] = {"s4": S4, "s4d": S4D}


class SSMStack(nn.Module):
    """Pre-norm residual blocks of one kind of state-space layer, each with a gated linear unit.

    A block is x + GLU(W gelu(SSM(norm(x)))). Everything but the layer acts on one observation at a time, so
    the stack has the layer's three views.

    Parameters
    ----------
    d_model : int
        Features.
    n_layers : int
        Blocks, at least 1.
    layer : {"s4", "s4d"}
        Kind of layer, a key of `LAYERS`.
    d_state : int
        Real state size of each feature's system, even.
    dropout : float
        Share of features dropped after the layer and after the gate, in training.
    layer_options : mapping, optional
        Further keywords of the layer, such as ``{"hold": "zoh"}``.

    Raises
    ------
    ValueError
        If the layer is unknown or n_layers is below 1.
    """

    def __init__(
        self,
        d_model: int,
        n_layers: int = 2,
        *,
        layer: str = "s4d",
        d_state: int = 64,
        dropout: float = 0.1,
        layer_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if layer not in LAYERS:
            raise ValueError(f"layer must be one of {', '.join(map(repr, LAYERS))}, got {layer!r}")
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, got {n_layers}")
        blocks = (
            _Block(LAYERS[layer](d_model, d_state, **(layer_options or {})), dropout) for _ in range(n_layers)
        )
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(d_model)

    @property
    def _blocks(self) -> Iterable[_Block]:
        return cast("Iterable[_Block]", self.blocks)

    def initial_state(self, batch: int) -> list[SSMState]:
        """State of every layer before the first observation of `batch` series."""
        return [block.ssm.initial_state(batch) for block in self._blocks]

    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Convolution view, see :meth:`SSMLayer.forward`.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        rate : float
            Interval of the grid in reference steps.

        Returns
        -------
        Tensor
            (batch, length, d_model).
        """
        for block in self._blocks:
            u = block.mix(u, block.ssm(block.norm(u), rate))
        return cast("Tensor", self.norm(u))

    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: list[SSMState] | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, list[SSMState]]:
        """Recurrent view, see :meth:`SSMLayer.scan`.

        Parameters
        ----------
        u, intervals, lengths
            As the layer's.
        initial_state : list of SSMState, optional
            One state a block, where an earlier scan or step ended.

        Returns
        -------
        y : Tensor
            (batch, length, d_model), 0 in the padding.
        state : list of SSMState
            After each row's last observation.
        """
        states = []
        for block, state in zip(self._blocks, initial_state or self.initial_state(len(u)), strict=True):
            y, moved = block.ssm.scan(block.norm(u), intervals, state, lengths)
            u = block.mix(u, y)
            states.append(moved)
        y = self.norm(u)
        if lengths is not None:
            y = y.masked_fill((torch.arange(u.shape[1], device=u.device) >= lengths[:, None])[..., None], 0)
        return y, states

    def step(self, u: Tensor, interval: Tensor, state: list[SSMState]) -> tuple[Tensor, list[SSMState]]:
        """Streaming view, see :meth:`SSMLayer.step`.

        Parameters
        ----------
        u : Tensor
            (batch, d_model).
        interval : Tensor
            (batch,), time since the previous observation; 0 for the first one.
        state : list of SSMState
            One state a block; not modified.

        Returns
        -------
        y : Tensor
            (batch, d_model).
        state : list of SSMState
            After the observation.
        """
        states = []
        for block, before in zip(self._blocks, state, strict=True):
            y, moved = block.ssm.step(block.norm(u), interval, before)
            u = block.mix(u, y)
            states.append(moved)
        return self.norm(u), states


class _Block(nn.Module):
    def __init__(self, ssm: SSMLayer, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(ssm.d_model)
        self.ssm = ssm
        self.gate = nn.Linear(ssm.d_model, 2 * ssm.d_model)
        self.dropout = nn.Dropout(dropout)

    def mix(self, residual: Tensor, y: Tensor) -> Tensor:
        gated = functional.glu(self.gate(self.dropout(functional.gelu(y))))
        return residual + cast("Tensor", self.dropout(gated))
