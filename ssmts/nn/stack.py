"""A deep stack of state-space layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer, SSMState
from ssmts.nn.lssl import LSSL
from ssmts.nn.mamba import Mamba
from ssmts.nn.mamba2 import Mamba2
from ssmts.nn.mamba3 import Mamba3
from ssmts.nn.s4 import S4
from ssmts.nn.s4d import S4D
from ssmts.nn.s5 import S5

__all__ = ["LAYERS", "SSMStack"]

LAYERS: dict[str, Callable[..., SSMLayer]] = {
    "lssl": LSSL,
    "s4": S4,
    "s4d": S4D,
    "s5": S5,
    "mamba": Mamba,
    "mamba2": Mamba2,
    "mamba3": Mamba3,
}


class SSMStack(nn.Module):
    """Pre-norm residual blocks of one kind of state-space layer.

    A block is x + GLU(W gelu(SSM(norm(x)))), or x + SSM(norm(x)) where the layer gates its features itself
    (the Mambas); a gated MLP, x + W_o(silu(W_a norm(x)) * W_b norm(x)), may follow. Everything but the layer
    acts on one observation at a time, so the stack has the layer's three views.

    Parameters
    ----------
    d_model : int
        Features.
    n_layers : int
        Blocks, at least 1.
    layer : {"lssl", "s4", "s4d", "s5", "mamba", "mamba2", "mamba3"}
        Kind of layer, a key of `LAYERS`.
    d_state : int
        Real state size, as the layer has it; even for most.
    dropout : float
        Share of features dropped after the layer and after the gate, in training.
    layer_options : mapping, optional
        Further keywords of the layer, such as ``{"hold": "zoh"}``.
    mlp_ratio : float
        Hidden width of a gated MLP after each layer in multiples of d_model; 0 leaves it out.

    Raises
    ------
    ValueError
        If the layer is unknown, n_layers is below 1 or mlp_ratio below 0.
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
        mlp_ratio: float = 0.0,
    ) -> None:
        super().__init__()
        if layer not in LAYERS:
            raise ValueError(f"layer must be one of {', '.join(map(repr, LAYERS))}, got {layer!r}")
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, got {n_layers}")
        if mlp_ratio < 0:
            raise ValueError(f"mlp_ratio must be at least 0, got {mlp_ratio}")
        hidden = round(mlp_ratio * d_model)
        self.blocks = nn.ModuleList(
            _Block(LAYERS[layer](d_model, d_state, **(layer_options or {})), hidden, dropout)
            for _ in range(n_layers)
        )
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
        for block, state in zip(self._blocks, initial_state or self.initial_state(u.shape[0]), strict=True):
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
    def __init__(self, ssm: SSMLayer, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(ssm.d_model)
        self.ssm = ssm
        self.gate = None if ssm.GATED else nn.Linear(ssm.d_model, 2 * ssm.d_model)
        self.mlp = _GatedMLP(ssm.d_model, hidden) if hidden else None
        self.dropout = nn.Dropout(dropout)

    def mix(self, residual: Tensor, y: Tensor) -> Tensor:
        """What follows the layer, one observation at a time."""
        if self.gate is not None:
            y = functional.glu(self.gate(self.dropout(functional.gelu(y))))
        mixed: Tensor = residual + self.dropout(y)
        if self.mlp is None:
            return mixed
        return mixed + cast("Tensor", self.dropout(self.mlp(mixed)))


class _GatedMLP(nn.Module):
    def __init__(self, d_model: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.branches = nn.Linear(d_model, 2 * hidden)
        self.out = nn.Linear(hidden, d_model)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.branches(self.norm(x)).chunk(2, dim=-1)
        return cast("Tensor", self.out(functional.silu(gate) * value))
