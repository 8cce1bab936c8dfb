"""Two layers or stacks, one in each direction of time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmts.nn.layer import SSMLayer
from ssmts.nn.stack import SSMStack

__all__ = ["Bidirectional"]


class Bidirectional(nn.Module):
    r"""Sum of one layer that reads the past and one that reads the future.

    For complete series (classification, imputation): an output depends on later observations, so there is
    neither a state to continue from nor a streaming view.

    Parameters
    ----------
    forward_layer, backward_layer : SSMLayer or SSMStack
        With the same d_model. The backward one reads the series in reverse; its intervals are the times to
        the next observation.

    Notes
    -----
    In reverse, "zoh" holds an observation back to the one before it.

    References
    ----------
    Goel, Gu, Donahue and Ré, "It's Raw! Audio Generation with State-Space Models", ICML 2022, section 4.2
    (the sum of a causal and an anticausal convolution).
    """

    def __init__(self, forward_layer: SSMLayer | SSMStack, backward_layer: SSMLayer | SSMStack) -> None:
        super().__init__()
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Regular view, see :meth:`SSMLayer.forward`."""
        after: Tensor = self.backward_layer(u.flip(1), rate).flip(1)
        before: Tensor = self.forward_layer(u, rate)
        return before + after

    def scan(self, u: Tensor, intervals: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Observations at any instants.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        intervals : Tensor
            (batch, length), time since the previous observation; 0 for the first one.
        lengths : Tensor, optional
            (batch,) integers, observations of each row; the rest is padding, see :meth:`SSMLayer.scan`.

        Returns
        -------
        Tensor
            (batch, length, d_model).

        Raises
        ------
        ValueError
            If a shape is wrong or a length is out of range.
        """
        before, _ = self.forward_layer.scan(u, intervals, None, lengths)
        order = _reversal(u, lengths)
        # The interval before an observation is, backwards, the one before the observation that it follows.
        since_next = intervals.roll(-1, 1).gather(1, order)
        since_next = torch.cat([torch.zeros_like(since_next[:, :1]), since_next[:, 1:]], dim=1)
        rows = order[..., None].expand_as(u)
        after, _ = self.backward_layer.scan(u.gather(1, rows), since_next, None, lengths)
        return before + after.gather(1, rows)


def _reversal(u: Tensor, lengths: Tensor | None) -> Tensor:
    """Indices (batch, length) that reverse the valid part of each row and leave its padding in place."""
    batch, length = u.shape[:2]
    position = torch.arange(length, device=u.device).expand(batch, length)
    if lengths is None:
        return length - 1 - position
    ends = lengths[:, None].to(position.dtype)
    return torch.where(position < ends, ends - 1 - position, position)
