"""The fitted deep path: networks that were each trained without some blocks of time, averaged and scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmts.models._types import Complex, Float
from ssmts.models.bank import ModeBank
from ssmts.models.config import DeepConfig
from ssmts.models.deep import DeepPath
from ssmts.models.moments import floored
from ssmts.models.sequences import SequenceStack
from ssmts.models.states import window_states
from ssmts.models.tokens import TokenEncoder, recent_values, token_intervals

__all__ = ["DeepEnsemble", "encode_windows"]


def encode_windows(
    encoder: TokenEncoder,
    config: DeepConfig,
    bank: ModeBank,
    states: Complex,
    token_times: Float,
    mean: Float,
    deviation: Float,
    recent: Float,
) -> tuple[Tensor, Tensor]:
    """Tokens and intervals of the windows of one sequence.

    Parameters
    ----------
    encoder : TokenEncoder
    config : DeepConfig
    bank : ModeBank
    states : ndarray of complex128, shape (n_windows, n_tokens, n_modes)
        Of the window minus its mean.
    token_times : ndarray of float64, shape (n_windows, n_tokens)
        Before the origin, in reference steps.
    mean, deviation : ndarray of float64, shape (n_windows,)
    recent : ndarray of float64, shape (n_windows, n_tokens, n_recent)

    Returns
    -------
    tokens : Tensor, shape (n_windows, n_tokens, n_components + n_recent)
    intervals : Tensor, shape (n_windows, n_tokens)
    """
    scale = floored(deviation)[:, None, None]
    tokens = encoder.encode(bank.features(states) / scale, (recent - mean[:, None, None]) / scale)
    return tokens, token_intervals(token_times, config.token_stride)


@dataclass
class DeepEnsemble:
    """Networks, what they read and how much of their mean is added to the linear forecast.

    Parameters
    ----------
    config : DeepConfig
    encoder : TokenEncoder
    members : list of DeepPath
        In eval mode, on any one device.
    share : float
        Between 0 and 1, solved on held-out blocks.
    """

    config: DeepConfig
    encoder: TokenEncoder
    members: list[DeepPath]
    share: float

    @torch.no_grad()
    def correct(self, tokens: Tensor, intervals: Tensor, deviation: Float) -> Float:
        """Correction of the linear forecast, (n_windows, horizon + 1), in standardised units."""
        device = self.members[0].gate.device
        tokens, intervals = tokens.to(device), intervals.to(device)
        total = sum(member(tokens, intervals) for member in self.members)
        mean = torch.as_tensor(total).cpu().numpy().astype(np.float64) / len(self.members)
        return np.asarray(self.share * mean * floored(deviation)[:, None])

    def correct_last(self, windows: SequenceStack, bank: ModeBank, context: float) -> Float:
        """Correction for the last origin of every sequence of a stack of windows."""
        stride = self.config.token_stride if self.config.n_tokens > 1 else None
        origin = np.array([len(windows.times) - 1])
        out = []
        for block in window_states(windows, bank, context, origin, stride):
            instants = windows.times[-1] + block.token_times
            recent = np.concatenate(
                [
                    recent_values(windows.times, values, instants, windows.times[:1], self.config.n_recent)
                    for values in windows.values[block.members]
                ]
            )
            tokens, intervals = encode_windows(
                self.encoder,
                self.config,
                bank,
                block.states[:, 0],
                np.repeat(block.token_times, len(recent), axis=0),
                block.mean[:, 0],
                block.deviation[:, 0],
                recent,
            )
            out.append(self.correct(tokens, intervals, block.deviation[:, 0]))
        return np.concatenate(out)

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything fitted, by name."""
        tensors = {
            "encoder.mean": torch.from_numpy(self.encoder.mean),
            "encoder.projection": torch.from_numpy(self.encoder.projection),
            "share": torch.tensor(self.share, dtype=torch.float64),
        }
        for i, member in enumerate(self.members):
            tensors |= {f"members.{i}.{name}": tensor for name, tensor in member.state_dict().items()}
        return tensors

    @classmethod
    def from_tensors(cls, config: DeepConfig, horizon: int, tensors: dict[str, Tensor]) -> DeepEnsemble:
        """Inverse of :meth:`to_tensors`; the networks are on the CPU."""
        members = []
        for i in range(config.n_members):
            prefix = f"members.{i}."
            member = DeepPath(config, horizon)
            member.load_state_dict(
                {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            )
            members.append(member.eval())
        encoder = TokenEncoder(tensors["encoder.mean"].numpy(), tensors["encoder.projection"].numpy())
        return cls(config, encoder, members, float(tensors["share"]))
