"""Mamba: the selective state-space block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ssmts.nn.layer import SSMState, checked_scan, real_parameter
from ssmts.nn.selective import SelectiveLayer, ShortConvolution, delta_bias
from ssmts_kernels.selective_scan import selective_scan, selective_scan_step

__all__ = ["Mamba"]


class Mamba(SelectiveLayer):
    r"""Selective block in continuous time: N real modes a channel, step and weights chosen by the input.

    .. math::
        x_k = e^{s_k A} x_{k-1} + w_k B(u_k) u_k, \quad y_k = (C(u_k)\,x_k + D u_k)\,\mathrm{silu}(z_k), \quad
        s_k = \Delta(u_k)\,\delta t_k

    Parameters
    ----------
    d_model : int
        Features.
    d_state : int
        State size N of each channel.
    hold : {"zoh", "euler"}
        "zoh": the newest input is held over its interval and integrated exactly, :math:`w = (e^{sA} - 1)/A`.
        "euler": :math:`w = s`, as the authors' code has it, for published weights; its stationary gain is off
        by 5% at s|A| = 0.1 and twofold at 1.6.
    expand : int
        Channels of the system for each feature.
    conv_width : int
        Observations that the short convolution sees; 0 or 1 turns it off. It counts observations, not time.
    delta_rank : int, optional
        Rank of the map from input to Δ; d_model / 16, rounded up, by default.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    in_proj, conv, x_proj, delta_proj, out_proj : Module
        Projections and short convolution.
    log_A_real : Parameter
        (expand * d_model, d_state); A = -exp(log_A_real).
    D : Parameter
        (expand * d_model,).

    Notes
    -----
    Views are :class:`~ssmts.nn.layer.SSMLayer`'s. State: x (batch, expand * d_model, d_state), real, and u
    (batch, conv_width - 1, expand * d_model), the convolution's last inputs. Without the convolution and with
    "zoh", observations that repeat a held value change nothing.

    References
    ----------
    Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023: algorithm 2, figure
    3, equation (4).
    """

    HOLDS = ("zoh", "euler")
    CONTINUOUS_OPTIONS: ClassVar[Mapping[str, Any]] = MappingProxyType({"conv_width": 0})
    PUBLISHED: ClassVar[dict[str, str]] = {
        "A_log": "log_A_real",
        "conv1d.weight": "conv.weight",
        "conv1d.bias": "conv.bias",
        "dt_proj.weight": "delta_proj.weight",
        "dt_proj.bias": "delta_proj.bias",
    }

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        *,
        hold: str = "zoh",
        expand: int = 2,
        conv_width: int = 4,
        delta_rank: int | None = None,
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__(d_model, d_state, hold, expand, 2 * expand * d_model, delta_range)
        rank = math.ceil(d_model / 16) if delta_rank is None else delta_rank
        self.sizes = (rank, d_state, d_state)
        self.conv = ShortConvolution(self.d_inner, conv_width)
        self.x_proj = nn.Linear(self.d_inner, sum(self.sizes), bias=False)
        self.delta_proj = nn.Linear(rank, self.d_inner)
        self.delta_proj.bias = delta_bias(self.d_inner, delta_range)
        modes = torch.arange(1, d_state + 1, dtype=torch.float64)
        self.log_A_real = real_parameter(modes.log().repeat(self.d_inner, 1))
        self.D = nn.Parameter(torch.ones(self.d_inner))

    @property
    def A(self) -> Tensor:
        """Modes, (expand * d_model, d_state), real and negative."""
        return -self.log_A_real.exp()

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        return SSMState(
            self.D.new_zeros(batch, *self.log_A_real.shape), self.conv.initial_state(self.D, batch)
        )

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
        y, x = selective_scan(
            system.u, system.delta, self.A, system.B, system.C, self.D, system.z, self.delta_proj.bias,
            delta_softplus=True, initial_state=state.x, return_last_state=True,
            intervals=self._held(intervals), lengths=lengths, hold=self.hold,
        )  # fmt: skip
        return self.out_proj(y).to(u.dtype), SSMState(x, latest)

    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """One observation, see :meth:`SSMLayer.step`."""
        system, latest = self._inputs(u[:, None], state.u, None)
        new, delta, B, C, z = (value[:, 0] for value in system)
        y, x = selective_scan_step(
            state.x, new, delta, self.A, B, C, self.D, z, self.delta_proj.bias, delta_softplus=True,
            interval=self._held(interval[:, None])[:, 0], hold=self.hold,
        )  # fmt: skip
        return self.out_proj(y).to(u.dtype), SSMState(x, latest)

    def _inputs(self, u: Tensor, before: Tensor, lengths: Tensor | None) -> tuple[_System, Tensor]:
        x, z = self._project(u).chunk(2, dim=-1)
        x, latest = self.conv(x, before, lengths)
        low_rank, B, C = self.x_proj(x).split(self.sizes, dim=-1)
        return _System(x, low_rank @ self.delta_proj.weight.T, B, C, z), latest


class _System(NamedTuple):
    """The input and the system it chooses; delta is before bias and softplus."""

    u: Tensor
    delta: Tensor
    B: Tensor
    C: Tensor
    z: Tensor
