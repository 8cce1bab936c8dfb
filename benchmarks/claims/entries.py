"""Models of a contest: what stands between embedding and answer, and where it starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ssmts.nn import SSMStack
from ssmts.nn.baselines import DilatedCNN, Recurrent, Transformer
from ssmts.nn.lti import ModalLayer


@dataclass(frozen=True)
class Entry:
    """A model of a contest: what stands between embedding and answer, and its learning rate."""

    name: str
    backbone: Callable[[int], nn.Module]
    """d_model -> (batch, length, d_model) to the same."""
    learning_rate: float = 2e-3


def stack(layer: str, n_layers: int = 2, d_state: int = 64, **options: Any) -> Callable[[int], nn.Module]:
    """A stack of state-space layers."""
    return lambda d: SSMStack(d, n_layers, layer=layer, d_state=d_state, dropout=0.0, layer_options=options)


def of_unit_variance(backbone: Callable[[int], nn.Module]) -> Callable[[int], nn.Module]:
    """Begin with C times Δ^-1/2: the answer to white noise is then as large whatever Δ is."""

    def build(d_model: int) -> nn.Module:
        module = backbone(d_model)
        for layer in module.modules():
            if isinstance(layer, ModalLayer):
                with torch.no_grad():
                    layer.C *= layer.delta[:, None, None] ** -0.5
        return module

    return build


def of_even_frequencies(backbone: Callable[[int], nn.Module]) -> Callable[[int], nn.Module]:
    """Begin with frequencies drawn evenly up to half a cycle a step; B is 1, Δ stays as drawn.

    A mode then tells neighbouring steps apart however long it lasts: HiPPO's frequencies are multiples of Δ
    and become slow with it. The phase after a span is Δ times thousands of radians: a step of its logarithm
    would move all phases at once, so Δ is not trained.
    """

    def build(d_model: int) -> nn.Module:
        module = backbone(d_model)
        for layer in module.modules():
            if isinstance(layer, ModalLayer):
                with torch.no_grad():
                    layer.A_imag.copy_(math.pi * torch.rand_like(layer.A_imag) / layer.delta[:, None])
                    layer.B.copy_(torch.tensor([1.0, 0.0]).expand_as(layer.B))
                layer.log_delta.requires_grad_(False)
        return module

    return build


def entries(span: int | None = None, d_state: int = 64, n_layers: int = 2) -> dict[str, Entry]:
    """Entries by name; with a span, in steps, S4 and S4D begin with memories of 1 to 10 spans.

    A mode of real part -1/2 fades to 1 / e in 2 / Δ steps; Δ is drawn from (0.2, 2) / span.
    """
    start, rate = ({}, 4e-3) if span is None else ({"delta_range": (0.2 / span, 2 / span)}, 5e-3)
    every = (
        Entry("s4", stack("s4", n_layers, d_state, **start), rate),
        Entry("s4d", stack("s4d", n_layers, d_state, **start), rate),
        Entry("mamba", stack("mamba", n_layers, d_state=16), 4e-3),
        Entry("rnn", lambda d: Recurrent(d, n_layers, cell="rnn"), 1e-3),
        Entry("lstm", lambda d: Recurrent(d, n_layers, cell="lstm"), 4e-3),
        Entry("transformer", lambda d: Transformer(d, n_layers), 1e-3),
        Entry("cnn", lambda d: DilatedCNN(d, 4 * n_layers), 2e-3),
    )
    return {entry.name: entry for entry in every}


ENTRIES = entries()
