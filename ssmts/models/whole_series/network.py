"""The deep branch of classifiers and regressors: SSM layers over tokens, averaged over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ssmts.data.arrays import Float
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.octave_kernels import CaseBands, cuts_of
from ssmts.models.whole_series.tokens import CaseTokens, Tokens
from ssmts.nn.registry import layer_class
from ssmts.nn.stack import SSMStack
from ssmts.training.files import below

__all__ = ["CaseDeepConfig", "CaseEnsemble", "CaseNetwork", "padded"]

# Fields of the stem and the names that files know them by.
_STEM = {"A": "A", "fold": "fold", "center": "center", "scale": "spread"}
_TOGETHER = 64  # cases that go through the networks at once


@dataclass(frozen=True)
class CaseDeepConfig:
    """Shape of the networks.

    Parameters
    ----------
    layer : str
        Name of the SSM layer, as in `ssmts.nn.LAYERS`.
    n_features, n_targets : int
        Numbers of a token and of an answer.
    d_model, d_state, n_layers : int
    dropout : float
    n_members : int
    """

    layer: str
    n_features: int
    n_targets: int
    d_model: int
    d_state: int
    n_layers: int
    dropout: float
    n_members: int

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)


class CaseNetwork(nn.Module):
    """Tokens to an answer.

    Parameters
    ----------
    config : CaseDeepConfig
    """

    def __init__(self, config: CaseDeepConfig) -> None:
        super().__init__()
        self.project = nn.Linear(config.n_features, config.d_model)
        self.backbone = SSMStack(
            config.d_model,
            config.n_layers,
            layer=config.layer,
            d_state=config.d_state,
            dropout=config.dropout,
            layer_options=layer_class(config.layer).CONTINUOUS_OPTIONS,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.d_model, config.n_targets)

    def forward(self, tokens: Tensor, intervals: Tensor, lengths: Tensor) -> Tensor:
        """Answers.

        Parameters
        ----------
        tokens : Tensor
            (batch, n_tokens, n_features), padded on the right.
        intervals : Tensor
            (batch, n_tokens), time since the previous token in token strides; 0 for the first.
        lengths : Tensor
            (batch,) tokens that are not padding.

        Returns
        -------
        Tensor
            (batch, n_targets).
        """
        place = torch.arange(tokens.shape[1], device=tokens.device)
        beyond = place >= lengths[:, None]
        if bool(((intervals == 1.0) | (place == 0) | beyond).all()):
            # Tokens without a hole: the convolution gives the same result in an eighth of the time.
            hidden = self.backbone(self.project(tokens)).masked_fill(beyond[..., None], 0.0)
        else:
            hidden, _ = self.backbone.scan(self.project(tokens), intervals, lengths=lengths)
        mean = hidden.sum(dim=1) / lengths[:, None].to(hidden.dtype)
        return cast("Tensor", self.head(self.dropout(mean)))


def padded(tokens: Sequence[Tokens], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens of several cases as the network reads them: values, intervals, lengths."""
    lengths = np.array([len(own.intervals) for own in tokens])
    values = np.zeros((len(tokens), int(lengths.max()), tokens[0].values.shape[1]))
    intervals = np.zeros(values.shape[:2])
    for row, own in enumerate(tokens):
        values[row, : lengths[row]] = own.values
        intervals[row, : lengths[row]] = own.intervals
    return (
        torch.from_numpy(values).to(dtype),
        torch.from_numpy(intervals).to(dtype),
        torch.from_numpy(lengths),
    )


@dataclass(frozen=True)
class CaseEnsemble:
    """Networks whose answers are averaged.

    Parameters
    ----------
    config : CaseDeepConfig
    tokens : CaseTokens
    members : nn.ModuleList
    bands : CaseBands, optional
        Readouts by octaves of rates where bands are left out; None: networks only.
    factors : ndarray of float64, shape (n_cuts, 2), optional
        Factors on the networks and on `bands` for every cut of the latter.
    """

    config: CaseDeepConfig
    tokens: CaseTokens
    members: nn.ModuleList
    bands: CaseBands | None = None
    factors: Float | None = None

    @torch.no_grad()
    def __call__(self, cases: Sequence[Case]) -> Float:
        """Answers, (n_cases, n_targets), in double precision: company does not show in seven digits."""
        out = np.empty((len(cases), self.config.n_targets))
        first = next(self.members.parameters())
        for begin in range(0, len(cases), _TOGETHER):
            together = cases[begin : begin + _TOGETHER]
            tokens = self.tokens(together)
            values, intervals, lengths = (part.to(first.device) for part in padded(tokens, first.dtype))
            cuts = None
            if self.bands is not None:
                cuts = cuts_of(self.bands.intervals, np.array([case.interval for case in together]))
                carried = torch.from_numpy(np.stack([self.bands.carried(cut) for cut in cuts]))
                values = values * carried.to(values)[:, None]
            answers = torch.stack([member(values, intervals, lengths) for member in self.members])
            own = answers.mean(dim=0).cpu().numpy()
            if self.bands is not None and self.factors is not None and cuts is not None:
                factors = self.factors[cuts]
                own = factors[:, :1] * own + factors[:, 1:] * self.bands(tokens, cuts)
            out[begin : begin + _TOGETHER] = own
        return out

    def to_tensors(self) -> dict[str, Tensor]:
        """Weights and stem."""
        stem = {stored: getattr(self.tokens, name) for name, stored in _STEM.items()}
        tensors = {f"deep.tokens.{name}": torch.from_numpy(array) for name, array in stem.items()}
        if self.bands is not None and self.factors is not None:
            tensors |= {f"deep.bands.{name}": t for name, t in self.bands.to_tensors().items()}
            tensors["deep.shares"] = torch.from_numpy(self.factors)
        return tensors | {f"deep.members.{name}": t for name, t in self.members.state_dict().items()}

    @classmethod
    def from_tensors(cls, config: dict[str, Any], stride: float, tensors: dict[str, Tensor]) -> CaseEnsemble:
        """Inverse of :meth:`to_tensors`."""
        own = CaseDeepConfig(**config)
        if isinstance(stride, bool) or not isinstance(stride, int | float) or not 0 < stride < np.inf:
            raise ValueError(f"the stride of the tokens is {stride!r:.80}, not a positive number")
        stem = {name: np.array(tensors[f"deep.tokens.{stored}"].numpy()) for name, stored in _STEM.items()}
        if not all(np.isfinite(array).all() for array in stem.values()):
            raise ValueError("the stem of the tokens holds numbers that are not finite")
        members = nn.ModuleList(CaseNetwork(own) for _ in range(own.n_members)).double().eval()
        members.load_state_dict(below("deep.members.", tensors))
        bands, factors = None, None
        if known := below("deep.bands.", tensors):
            bands, factors = CaseBands.from_tensors(known), np.array(tensors["deep.shares"].numpy())
        return cls(
            config=own,
            tokens=CaseTokens(stride=stride, **stem),
            members=members,
            bands=bands,
            factors=factors,
        )
