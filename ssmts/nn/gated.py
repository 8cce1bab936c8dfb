"""Gated state-space blocks: one branch goes through the SSM, the other multiplies it."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer
from ssmts.nn.lti import LTILayer
from ssmts.nn.registry import build_layer, layer_class
from ssmts.nn.s5 import S5

__all__ = ["GatedStack"]

_EXPANSION = 2
_ZERO_AT_FIRST = ("foh", "bilinear")  # holds under which the state after a first observation is 0


class _GatedBlock(nn.Module):
    """x + W_out(silu(SSM(W_a norm(x))) * silu(W_z norm(x))), both branches twice as wide as x."""

    def __init__(self, kind: type[SSMLayer], d_model: int, d_state: int, dropout: float) -> None:
        super().__init__()
        inner = _EXPANSION * d_model
        self.norm = nn.LayerNorm(d_model)
        self.branches = nn.Linear(d_model, 2 * inner)
        self.ssm = build_layer(kind, inner, d_state, **kind.CONTINUOUS_OPTIONS)
        self.out = nn.Linear(inner, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, intervals: Tensor) -> Tensor:
        through, gate = self.branches(self.norm(x)).chunk(2, dim=-1)
        if x.shape[1] == 1 and isinstance(self.ssm, LTILayer | S5) and self.ssm.hold in _ZERO_AT_FIRST:
            y = through * self.ssm.D  # no state to compute
        else:
            y = self.ssm.scan(through, intervals)[0]
        mixed: Tensor = self.out(functional.silu(y) * functional.silu(gate))
        return x + cast("Tensor", self.dropout(mixed))


class _SelfGatedBlock(nn.Module):
    """x + SSM(norm(x)), for layers that mix and gate their features themselves."""

    def __init__(self, kind: type[SSMLayer], d_model: int, d_state: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.ssm = build_layer(kind, d_model, d_state, **kind.CONTINUOUS_OPTIONS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, intervals: Tensor) -> Tensor:
        return x + cast("Tensor", self.dropout(self.ssm.scan(self.norm(x), intervals)[0]))


class GatedStack(nn.Module):
    """Pre-norm residual stack of gated blocks around a state-space layer.

    Parameters
    ----------
    d_model : int
        Features.
    n_layers : int
        Blocks.
    layer : str
        Kind of layer, a key of `ssmts.nn.LAYERS`. It is built with its `CONTINUOUS_OPTIONS`.
    d_state : int
        Real state size of each feature's system.
    dropout : float
        Fraction of a block's output dropped in training.

    References
    ----------
    Mehta et al., "Long range language modeling via gated state spaces", ICLR 2023, section 3.2.
    """

    def __init__(self, d_model: int, n_layers: int, *, layer: str, d_state: int, dropout: float) -> None:
        super().__init__()
        kind = layer_class(layer)
        block = _SelfGatedBlock if kind.GATED else _GatedBlock
        self.blocks = nn.ModuleList(block(kind, d_model, d_state, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(d_model)

    def forward(self, u: Tensor, intervals: Tensor) -> Tensor:
        """Read tokens at their own intervals.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        intervals : Tensor
            (batch, length), 0 for the first token.

        Returns
        -------
        Tensor
            (batch, length, d_model).
        """
        for block in self.blocks:
            u = block(u, intervals)
        return cast("Tensor", self.norm(u))
