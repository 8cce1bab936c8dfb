"""Gated state-space blocks: one branch goes through the SSM, the other multiplies it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer, SSMState
from ssmts.nn.stack import LAYERS

__all__ = ["GatedStack"]

_EXPANSION = 2


class _GatedBlock(nn.Module):
    """x + W_out(silu(SSM(W_a norm(x))) * silu(W_z norm(x))), both branches twice as wide as x."""

    def __init__(self, layer: str, d_model: int, d_state: int, dropout: float) -> None:
        super().__init__()
        inner = _EXPANSION * d_model
        self.norm = nn.LayerNorm(d_model)
        self.branches = nn.Linear(d_model, 2 * inner)
        self.ssm: SSMLayer = LAYERS[layer](inner, d_state)
        self.out = nn.Linear(inner, d_model)
        self.dropout = nn.Dropout(dropout)

    def scan(
        self, x: Tensor, intervals: Tensor, initial_state: SSMState | None = None
    ) -> tuple[Tensor, SSMState]:
        """Recurrent view of the block."""
        through, gate = self.branches(self.norm(x)).chunk(2, dim=-1)
        y, state = self.ssm.scan(through, intervals, initial_state)
        return x + self.dropout(self.out(functional.silu(y) * functional.silu(gate))), state


class GatedStack(nn.Module):
    """Pre-norm residual stack of gated blocks around a state-space layer.

    Parameters
    ----------
    d_model : int
        Features.
    n_layers : int
        Blocks.
    layer : str
        Kind of layer, a key of `ssmts.nn.LAYERS`.
    d_state : int
        Real state size of each feature's system.
    dropout : float
        Share of a block's output dropped in training.

    References
    ----------
    Mehta et al., "Long range language modeling via gated state spaces", ICLR 2023, section 3.2.
    """

    def __init__(self, d_model: int, n_layers: int, *, layer: str, d_state: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_GatedBlock(layer, d_model, d_state, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)

    def scan(
        self, u: Tensor, intervals: Tensor, initial_state: list[SSMState] | None = None
    ) -> tuple[Tensor, list[SSMState]]:
        """Read observations at their own intervals.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        intervals : Tensor
            (batch, length), 0 for the first observation.
        initial_state : list of SSMState, optional
            One a block, where an earlier scan ended.

        Returns
        -------
        y : Tensor
            (batch, length, d_model).
        state : list of SSMState
            After the last observation.
        """
        states = []
        blocks = cast("Iterable[_GatedBlock]", self.blocks)
        for i, block in enumerate(blocks):
            u, state = block.scan(u, intervals, None if initial_state is None else initial_state[i])
            states.append(state)
        return cast("Tensor", self.norm(u)), states
