"""The fitted deep branch: networks, each trained without some blocks of time, averaged and scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.models.config import DeepConfig
from ssmts.models.deep.network import DeepPath
from ssmts.models.deep.tokens import (
    TokenEncoder,
    normalized,
    recent_values,
    token_intervals,
)
from ssmts.models.linear.moments import floored
from ssmts.models.linear.path import LinearPath
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank
from ssmts.models.state_space.window_states import WindowStates, window_states
from ssmts.training.files import below

__all__ = ["DeepEnsemble"]


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
    bank : ModeBank
        Of the stem.
    context : float
        In reference steps.
    """

    config: DeepConfig
    encoder: TokenEncoder
    members: list[DeepPath]
    share: float
    bank: ModeBank
    context: float

    @torch.no_grad()
    def correct(self, tokens: Tensor, intervals: Tensor, deviation: Float) -> Float:
        """Correction of the linear forecast, (n_windows, horizon + 1), in standardised units."""
        device = self.members[0].gate.device
        tokens, intervals = tokens.to(device), intervals.to(device)
        total = sum(member(tokens, intervals) for member in self.members)
        mean = torch.as_tensor(total).cpu().numpy().astype(np.float64) / len(self.members)
        return np.asarray(self.share * mean * floored(deviation)[:, None])

    def correct_block(self, stack: SequenceStack, member: int, block: WindowStates, i: int) -> Float:
        """Correction for the windows of one sequence of a stack, the i-th of the block's."""
        instants = stack.times[block.rows, None] + block.token_times
        recent = recent_values(stack.times, stack.values[member], instants, block.begin, self.config.n_recent)
        mean, deviation = block.mean[i], block.deviation[i]
        features, recent = normalized(self.bank.features(block.states[i]), recent, mean, deviation)
        intervals = token_intervals(block.token_times, self.config.token_stride)
        return self.correct(self.encoder.encode(features, recent), intervals, deviation)

    def correct_last(self, windows: SequenceStack, features: Float, mean: Float, deviation: Float) -> Float:
        """Correction for windows of one clock at their last observation; features are those of the origin."""
        times = windows.times
        if self.config.n_tokens > 1:
            origin = np.array([len(times) - 1])
            blocks = window_states(windows, self.bank, self.context, origin, self.config.token_stride)
            corrections = [
                self.correct_block(windows, member, block, i)
                for block in blocks
                for i, member in enumerate(block.members)
            ]
            return np.concatenate(corrections)
        n_recent = self.config.n_recent
        recent = [recent_values(times, v, times[-1:, None], times[:1], n_recent) for v in windows.values]
        scaled, own = normalized(features[:, None], np.concatenate(recent), mean, deviation)
        return self.correct(self.encoder.encode(scaled, own), torch.zeros(len(own), 1), deviation)

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
    def from_tensors(cls, config: DeepConfig, linear: LinearPath, tensors: dict[str, Tensor]) -> DeepEnsemble:
        """Inverse of :meth:`to_tensors`; the networks are on the CPU."""
        members = []
        for i in range(config.n_members):
            prefix = f"members.{i}."
            member = DeepPath(config, linear.config.horizon)
            member.load_state_dict(below(prefix, tensors))
            members.append(member.eval())
        encoder = TokenEncoder(tensors["encoder.mean"].numpy(), tensors["encoder.projection"].numpy())
        share = float(tensors["share"])
        return cls(
            config=config,
            encoder=encoder,
            members=members,
            share=share,
            bank=linear.bank,
            context=linear.config.context,
        )
