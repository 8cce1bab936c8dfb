"""Convolutional networks: dilated and causal, and a classifier of raw sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DilatedCNN", "SpeechCNN"]


class DilatedCNN(nn.Module):
    """Causal convolutions whose dilation doubles from layer to layer, with residual connections.

    After L layers of width w an output sees 1 + (w - 1)(2^L - 1) observations; with `n_layers` a multiple of
    `cycle` the dilations begin again at 1.

    Parameters
    ----------
    d_model : int
        Features in and out.
    n_layers : int
        Convolutions.
    width : int
        Taps of each.
    cycle : int
        Layers before the dilation begins again at 1.
    dropout : float
        Fraction of features dropped after each convolution, in training.

    References
    ----------
    van den Oord et al., "WaveNet: a generative model for raw audio", 2016; Bai, Kolter and Koltun, "An
    empirical evaluation of generic convolutional and recurrent networks for sequence modeling", 2018.
    """

    def __init__(
        self, d_model: int, n_layers: int = 8, *, width: int = 3, cycle: int = 12, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.reach: list[int] = [(width - 1) * (1 << layer % cycle) for layer in range(n_layers)]
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(n_layers))
        self.layers = nn.ModuleList(
            nn.Conv1d(d_model, 2 * d_model, width, dilation=2 ** (layer % cycle)) for layer in range(n_layers)
        )
        self.dropout = nn.Dropout(dropout)

    @property
    def receptive_field(self) -> int:
        """Observations that an output depends on, its own included."""
        return 1 + sum(self.reach)

    def forward(self, u: Tensor) -> Tensor:
        """(batch, length, d_model) -> the same, causal."""
        for norm, layer, reach in zip(self.norms, self.layers, self.reach):
            gated = functional.glu(layer(functional.pad(norm(u).mT, (reach, 0))), dim=1).mT
            u = u + cast("Tensor", self.dropout(gated))
        return u


class SpeechCNN(nn.Module):
    """Classifier of raw sound: strided convolutions over time, pooled over time.

    The first convolution covers 10 ms at 8 kHz, as its filters do the work of a spectrogram; four further
    layers of width 3 follow, each after pooling by 4, then the mean over time.

    Parameters
    ----------
    n_classes : int
        Classes.
    channels : sequence of int
        Channels of the five convolutions.
    first_width : int
        Taps of the first one, whose stride is 4.

    References
    ----------
    Dai, Dai, Qu, Li and Das, "Very deep convolutional neural networks for raw waveforms", ICASSP 2017 (M5).
    """

    def __init__(
        self, n_classes: int, channels: Sequence[int] = (128, 128, 256, 512), first_width: int = 80
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, width, stride = 1, first_width, 4
        for after in channels:
            padding = (width - 1) // 2
            convolution = nn.Conv1d(before, after, width, stride=stride, padding=padding, bias=False)
            layers += [convolution, nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(4, ceil_mode=True)]
            before, width, stride = after, 3, 1
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before, n_classes)

    def forward(self, u: Tensor) -> Tensor:
        """Sound (batch, length) -> logits (batch, n_classes)."""
        return cast("Tensor", self.head(self.features(u[:, None]).mean(-1)))
