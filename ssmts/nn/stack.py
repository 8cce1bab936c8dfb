"""A deep stack of state-space layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer, SSMState, checked_scan
from ssmts.nn.registry import build_layer
from ssmts.nn.selective import SelectiveLayer

__all__ = ["NORMS", "SSMStack"]

NORMS: dict[str, Callable[[int], nn.Module]] = {"layer": nn.LayerNorm, "rms": partial(nn.RMSNorm, eps=1e-5)}

# What a published language model has beside its blocks.
_EMBEDDING_AND_HEAD = ("embedding.weight", "embeddings.weight", "lm_head.weight")


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
    layer : str or type
        Kind of layer: "lssl", "s4", "s4d", "s5", "mamba", "mamba2", "mamba3", a name given to
        `register_layer`, or a subclass of SSMLayer that takes d_model, d_state and `layer_options`.
    d_state : int
        Real state size, as the layer has it; even for most.
    dropout : float
        Fraction of features dropped after the layer and after the gate, in training.
    layer_options : mapping, optional
        Further keywords of the layer, such as ``{"hold": "zoh"}``.
    mlp_ratio : float
        Hidden width of a gated MLP after each layer in multiples of d_model; 0 leaves it out.
    norm : {"layer", "rms"}
        LayerNorm, or RMSNorm as in the Mamba models.

    Raises
    ------
    ParameterError
        If the layer is unknown.
    ValueError
        If the norm is unknown, n_layers is below 1 or mlp_ratio below 0.
    TypeError
        If the layer is neither a name nor a subclass of SSMLayer.
    """

    def __init__(
        self,
        d_model: int,
        n_layers: int = 2,
        *,
        layer: str | type[SSMLayer] = "s4d",
        d_state: int = 64,
        dropout: float = 0.1,
        layer_options: Mapping[str, Any] | None = None,
        mlp_ratio: float = 0.0,
        norm: str = "layer",
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(map(repr, NORMS))}, got {norm!r}")
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, got {n_layers}")
        if mlp_ratio < 0:
            raise ValueError(f"mlp_ratio must be at least 0, got {mlp_ratio}")
        self.d_model = d_model
        hidden = round(mlp_ratio * d_model)
        self.blocks = nn.ModuleList(
            _Block(
                build_layer(layer, d_model, d_state, **(layer_options or {})), hidden, dropout, NORMS[norm]
            )
            for _ in range(n_layers)
        )
        self.norm = NORMS[norm](d_model)

    @property
    def _blocks(self) -> Iterable[_Block]:
        return cast("Iterable[_Block]", self.blocks)

    def extra_repr(self) -> str:
        """Sizes, for ``repr``."""
        n_parameters = sum(parameter.numel() for parameter in self.parameters())
        return f"d_model={self.d_model}, n_layers={len(self.blocks)}, {n_parameters:,} parameters"

    def load_published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Load a whole Mamba or Mamba-2 model under the names of `mamba_ssm` or `transformers`.

        The stack must be built as the model was: ``norm="rms"``, ``mlp_ratio=0`` and
        ``layer_options={"hold": "euler", ...}`` with the sizes of the published configuration. In evaluation
        mode and with intervals of 1 it then gives the published hidden states.

        Parameters
        ----------
        weights : mapping of str to Tensor
            State dict of the model, with or without its language-model head.

        Returns
        -------
        dict of str to Tensor
            What is not part of a stack: the embedding table and the head, under their own names.

        Raises
        ------
        TypeError
            If the layers of the stack have no published weights.
        RuntimeError
            If a name is missing or unknown or a shape is wrong.
        """
        kind = type(next(iter(self._blocks)).ssm)
        if not issubclass(kind, SelectiveLayer):
            raise TypeError(f"load_published needs layer='mamba', 'mamba2' or 'mamba3', not {kind.__name__}")
        ours: dict[str, Tensor] = {}
        others: dict[str, Tensor] = {}
        for name, value in weights.items():
            short = name.removeprefix("backbone.")
            if short in _EMBEDDING_AND_HEAD:
                others[short] = value
            elif short == "norm_f.weight":
                ours["norm.weight"] = value
            else:
                short = short.replace("layers.", "blocks.", 1).replace(".mixer.", ".ssm.", 1)
                block, ssm, own = short.partition(".ssm.")
                ours[block + ssm + kind.PUBLISHED.get(own, own)] = value
        self.load_state_dict(ours)
        return others

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
        # Blocks act on every position, padding included: it must be finite from the start.
        u, intervals, valid = checked_scan("SSMStack", self.d_model, u, intervals, lengths)
        states = []
        for block, state in zip(self._blocks, initial_state or self.initial_state(u.shape[0]), strict=True):
            y, moved = block.ssm.scan(block.norm(u), intervals, state, lengths)
            u = block.mix(u, y)
            states.append(moved)
        y = self.norm(u)
        if valid is not None:
            y = torch.where(valid[..., None], y, 0)
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
    def __init__(self, ssm: SSMLayer, hidden: int, dropout: float, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norm = norm(ssm.d_model)
        self.ssm = ssm
        self.gate = None if ssm.GATED else nn.Linear(ssm.d_model, 2 * ssm.d_model)
        self.mlp = _GatedMLP(ssm.d_model, hidden, norm) if hidden else None
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
    def __init__(self, d_model: int, hidden: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norm = norm(d_model)
        self.branches = nn.Linear(d_model, 2 * hidden)
        self.out = nn.Linear(hidden, d_model)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.branches(self.norm(x)).chunk(2, dim=-1)
        return cast("Tensor", self.out(functional.silu(gate) * value))
