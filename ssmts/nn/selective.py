"""Base class of the selective layers (Mamba, Mamba-2, Mamba-3) and their short convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMLayer, check_delta_range, latest_inputs, log_uniform, real_parameter
from ssmts_kernels.hold import start_intervals

__all__ = ["SelectiveLayer", "ShortConvolution"]


class SelectiveLayer(SSMLayer):
    r"""A block whose system depends on its input, :math:`x' = \Delta(u) (A x + B(u) u),\ y = C(u) x`.

    An input projection feeds two branches, the system and its gate; an output projection joins them. The
    step of the state is the learned step times the interval, :math:`\Delta(u_k)\,\delta t_k`, so the block is
    in continuous time as the time-invariant layers are. The first observation is held for one reference step.

    Parameters
    ----------
    d_model, hold
        As :class:`~ssmts.nn.layer.SSMLayer`'s.
    d_state : int
        State size N of each channel or head.
    expand : int
        Channels of the system for each feature.
    n_projected : int
        Outputs of the input projection.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    in_proj, out_proj : Linear
        Without bias.
    d_inner : int
        expand * d_model, the channels of the system.
    """

    GATED = True
    UNDECAYED: ClassVar[frozenset[str]] = frozenset({"log_A_real", "D"})
    #: Names in the authors' code that differ from ours.
    PUBLISHED: ClassVar[dict[str, str]]

    def __init__(
        self,
        d_model: int,
        d_state: int,
        hold: str,
        expand: int,
        n_projected: int,
        delta_range: tuple[float, float],
    ) -> None:
        super().__init__(d_model, hold)
        check_delta_range(delta_range)
        for name, value in (("d_state", d_state), ("expand", expand)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self.d_state = d_state
        self.d_inner = expand * d_model
        self.in_proj = nn.Linear(d_model, n_projected, bias=False)
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=False)

    def load_published(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights under the names of the authors' code (`mamba_ssm`, and `transformers` after it).

        A layer with the paper's own discretisation, `hold` = "euler" (Mamba-3: "trapezoidal"), and intervals
        of 1 then gives the published numbers.

        Parameters
        ----------
        weights : mapping of str to Tensor
            The mixer's state dict.

        Raises
        ------
        RuntimeError
            If a name is missing or unknown or a shape is wrong.
        """
        self.load_state_dict({self.PUBLISHED.get(name, name): value for name, value in weights.items()})

    def _project(self, u: Tensor) -> Tensor:
        """Input projection in the weights' dtype. It has no bias: padding of 0 stays 0 in all branches."""
        projected: Tensor = self.in_proj(u.to(self.in_proj.weight.dtype))
        return projected

    def _held(self, intervals: Tensor) -> Tensor:
        """Intervals (..., L) in the weights' dtype, the first observation of a series held for 1."""
        return start_intervals(intervals, "zoh").to(self.in_proj.weight.dtype)


class ShortConvolution(nn.Module):
    """Causal convolution over the last `width` observations of each channel, then SiLU.

    Its lags are numbers of observations, not times: at another rate or on an irregular grid the same weights
    apply to other lags. With a width of 0 or 1 only the SiLU remains.

    Parameters
    ----------
    n_channels : int
        Channels D.
    width : int
        Number of observations that an output depends on, the newest included.
    """

    def __init__(self, n_channels: int, width: int) -> None:
        super().__init__()
        if width < 0:
            raise ValueError(f"conv_width must be at least 0, got {width}")
        self.n_channels = n_channels
        self.n_before = max(width - 1, 0)
        if self.n_before:
            bound = 1 / math.sqrt(width)
            self.weight = nn.Parameter(torch.empty(n_channels, 1, width).uniform_(-bound, bound))
            self.bias = nn.Parameter(torch.empty(n_channels).uniform_(-bound, bound))

    def extra_repr(self) -> str:
        """Sizes, for ``repr``."""
        return f"n_channels={self.n_channels}, width={self.n_before + 1}"

    def initial_state(self, like: Tensor, batch: int) -> Tensor:
        """Zeros before the first observation, (batch, width - 1, D)."""
        return like.new_zeros(batch, self.n_before, self.n_channels)

    def forward(self, u: Tensor, before: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Convolve u (batch, length, D), which follows `before` (batch, width - 1, D).

        Returns the result and the inputs that the next observation will need.
        """
        if not self.n_before:
            return functional.silu(u), before
        padded = torch.cat([before, u], dim=1)
        # A few fused multiply-adds, channels last: a depthwise conv1d would transpose twice.
        y = self.bias.expand_as(u)
        for lag, weight in enumerate(self.weight[:, 0].unbind(1)):
            y = torch.addcmul(y, padded[:, lag : lag + u.shape[1]], weight)
        return functional.silu(y), latest_inputs(before, u, lengths)


def delta_bias(size: int, delta_range: tuple[float, float]) -> nn.Parameter:
    """Biases whose softplus is spread log-uniformly over `delta_range`."""
    delta = log_uniform(size, delta_range).exp()
    return real_parameter(delta + torch.log(-torch.expm1(-delta)))
