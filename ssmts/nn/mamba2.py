"""Mamba-2: the state-space dual block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMState, checked_scan
from ssmts.nn.selective import SelectiveLayer, ShortConvolution, delta_bias
from ssmts_kernels.ssd import ssd, ssd_step

__all__ = ["Mamba2"]


class Mamba2(SelectiveLayer):
    r"""Selective block in continuous time whose heads have one real mode and a matrix state each.

    .. math::
        S_k = e^{s_k A} S_{k-1} + w_k\,u_k B(u_k)^\top, \qquad y_k = S_k C(u_k) + D u_k, \qquad
        s_k = \Delta(u_k)\,\delta t_k

    for each head, then RMSNorm(y silu(z)) over all of them.

    Parameters
    ----------
    d_model : int
        Features.
    d_state : int
        State size N of each channel.
    hold : {"zoh", "euler"}
        "zoh": the newest input is held over its interval and integrated exactly, :math:`w = (e^{sA} - 1)/A`.
        "euler": :math:`w = s`, as the authors' code has it, for published weights.
    expand : int
        Channels of the system for each feature.
    head_dim : int, optional
        Channels P of a head, a divisor of expand * d_model; the largest power of 2 up to 64 by default.
    n_groups : int
        Groups of heads that share B and C; divides the number of heads.
    conv_width : int
        Observations that the short convolution sees; 0 or 1 turns it off. It counts observations, not time.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    in_proj, conv, out_proj : Module
        Projections and short convolution, which B and C go through as well.
    log_A_real, delta_bias, D : Parameter
        (n_heads,); A = -exp(log_A_real).
    norm : Module
        Its weight is (expand * d_model,).

    Notes
    -----
    Views are :class:`~ssmts.nn.layer.SSMLayer`'s. State: x (batch, n_heads, head_dim, d_state), real, and u
    (batch, conv_width - 1, expand * d_model + 2 * n_groups * d_state), the convolution's last inputs. Without
    the convolution and with "zoh", observations that repeat a held value change nothing.

    References
    ----------
    Dao and Gu, "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State
    Space Duality", ICML 2024: sections 6 and 7, figure 6 (parallel block).
    """

    HOLDS = ("zoh", "euler")
    CONTINUOUS_OPTIONS: ClassVar[Mapping[str, Any]] = MappingProxyType({"conv_width": 0})
    PUBLISHED: ClassVar[dict[str, str]] = {
        "A_log": "log_A_real",
        "conv1d.weight": "conv.weight",
        "conv1d.bias": "conv.bias",
        "dt_bias": "delta_bias",
    }

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        hold: str = "zoh",
        expand: int = 2,
        head_dim: int | None = None,
        n_groups: int = 1,
        conv_width: int = 4,
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        head_dim, n_heads = heads(expand * d_model, head_dim)
        if n_groups < 1 or n_heads % n_groups:
            raise ValueError(f"n_groups must divide the {n_heads} heads, got {n_groups}")
        inner, grouped = expand * d_model, n_groups * d_state
        sizes = [inner, inner + 2 * grouped, n_heads]
        super().__init__(d_model, d_state, hold, expand, sum(sizes), delta_range)
        self.sizes = sizes
        self.n_heads, self.head_dim, self.n_groups = n_heads, head_dim, n_groups
        self.conv = ShortConvolution(sizes[1], conv_width)
        self.log_A_real = nn.Parameter(torch.empty(n_heads).uniform_(1, 16).log())
        self.delta_bias = delta_bias(n_heads, delta_range)
        self.D = nn.Parameter(torch.ones(n_heads))
        self.norm = _GatedNorm(inner, n_groups)

    @property
    def A(self) -> Tensor:
        """Modes, (n_heads,), real and negative."""
        return -self.log_A_real.exp()

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        x = self.D.new_zeros(batch, self.n_heads, self.head_dim, self.d_state)
        return SSMState(x, self.conv.initial_state(self.D, batch))

    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Observations at any instants, see :meth:`SSMLayer.scan`."""
        u, intervals, _ = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        state = initial_state or self.initial_state(u.shape[0])
        system, latest = self._inputs(u, state.u, lengths)
        y, x = ssd(
            system.u, system.delta, self.A, system.B, system.C, self.D,
            delta_bias=self.delta_bias, delta_softplus=True, initial_state=state.x, return_last_state=True,
            intervals=self._held(intervals), lengths=lengths, hold=self.hold,
        )  # fmt: skip
        return self.out_proj(self.norm(y.flatten(-2), system.z)).to(u.dtype), SSMState(x, latest)

    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """One observation, see :meth:`SSMLayer.step`."""
        system, latest = self._inputs(u[:, None], state.u, None)
        new, delta, B, C, z = (value[:, 0] for value in system)
        y, x = ssd_step(
            state.x, new, delta, self.A, B, C, self.D, delta_bias=self.delta_bias, delta_softplus=True,
            interval=self._held(interval[:, None])[:, 0], hold=self.hold,
        )  # fmt: skip
        return self.out_proj(self.norm(y.flatten(-2), z)).to(u.dtype), SSMState(x, latest)

    def _inputs(self, u: Tensor, before: Tensor, lengths: Tensor | None) -> tuple[_System, Tensor]:
        z, xBC, delta = torch.split(self._project(u), self.sizes, dim=-1)
        xBC, latest = self.conv(xBC, before, lengths)
        grouped = self.n_groups * self.d_state
        x, B, C = xBC.split((self.d_inner, grouped, grouped), dim=-1)
        B, C = (value.reshape(*u.shape[:2], self.n_groups, self.d_state) for value in (B, C))
        return _System(x.reshape(*u.shape[:2], self.n_heads, self.head_dim), delta, B, C, z), latest


class _System(NamedTuple):
    """The input by head and the system it chooses; delta is before bias and softplus."""

    u: Tensor
    delta: Tensor
    B: Tensor
    C: Tensor
    z: Tensor


class _GatedNorm(nn.Module):
    """RMSNorm(y silu(z)) over the channels of each group."""

    def __init__(self, n_channels: int, n_groups: int) -> None:
        super().__init__()
        self.shape = (n_groups, n_channels // n_groups)
        self.weight = nn.Parameter(torch.ones(n_channels))

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        gated = (y * functional.silu(z)).reshape(*y.shape[:-1], *self.shape)
        return functional.rms_norm(gated, gated.shape[-1:], eps=1e-5).flatten(-2) * self.weight


def heads(n_channels: int, head_dim: int | None) -> tuple[int, int]:
    """Size and number of the heads of `n_channels`."""
    if head_dim is None:
        head_dim = math.gcd(64, n_channels)
    if head_dim < 1 or n_channels % head_dim:
        raise ValueError(f"head_dim must divide expand * d_model = {n_channels}, got {head_dim}")
    return head_dim, n_channels // head_dim
