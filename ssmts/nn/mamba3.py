"""Mamba-3: the selective block with a trapezoidal rule and rotating states."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ssmts.nn.layer import SSMState, checked_scan
from ssmts.nn.mamba2 import heads
from ssmts.nn.selective import SelectiveLayer, delta_bias
from ssmts_kernels import ssd_uncoupled
from ssmts_kernels.hold import phi1
from ssmts_kernels.precision import without_autocast

__all__ = ["Mamba3"]

# The slowest decay: a mode chosen by the input may come near 0 but never stand still.
_SLOWEST = 1e-4


class Mamba3(SelectiveLayer):
    r"""Selective block in continuous time whose heads have complex modes and see two inputs an interval.

    With :math:`V_k = \sum_r x^{(r)}_k B^{(r)}(u_k)^\top` and modes :math:`a_k = A(u_k) - i\,\theta(u_k)`,

    .. math::
        S_k = e^{s_k a_k} (S_{k-1} + (1 - \lambda_k) s_k V_{k-1}) + w_k V_k, \qquad
        y^{(r)}_k = S_k C^{(r)}(u_k) + D x^{(r)}_k, \qquad s_k = \Delta(u_k)\,\delta t_k

    for each head. The complex modes act on pairs of real states as rotations.

    Parameters
    ----------
    d_model : int
        Features.
    d_state : int
        State size N of each channel, even.
    hold : {"zoh", "trapezoidal"}
        "trapezoidal": :math:`w = \lambda s`, the paper's exponential-trapezoidal rule, for published weights.
        "zoh": :math:`w = s (\varphi_1(s a) - (1 - \lambda) e^{s a})` with :math:`\varphi_1(z) = (e^z - 1)/z`,
        the same to first order, but a held input is integrated exactly over any interval; λ = 1 is zero-order
        hold.
    expand : int
        Channels of the system for each feature.
    head_dim : int, optional
        Channels P of a head, a divisor of expand * d_model; the largest power of 2 up to 64 by default.
    rank : int
        Inputs and outputs R of each channel: 1 is the paper's SISO form, above it MIMO.
    rotary_fraction : float
        Fraction of the states that rotate, in [0, 1].
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Attributes
    ----------
    in_proj, out_proj : Linear
        Projections to and from z, x, B, C, Δ, A, λ and θ; θ = π tanh(.) is shared by the heads.
    delta_bias, D : Parameter
        (n_heads,).
    B_norm, C_norm : RMSNorm
        Over the d_state weights of each rank.
    B_bias, C_bias : Parameter
        (n_heads, rank, d_state), added after the norm.
    mimo_x, mimo_z, mimo_o : Parameter
        (n_heads, rank, head_dim): a channel's weights in its R inputs, gates and outputs; only if rank > 1.

    Notes
    -----
    Views are :class:`~ssmts.nn.layer.SSMLayer`'s. State: x and u (batch, n_heads, head_dim, d_state), real:
    S and the V that goes with it. There is no short convolution, as in the paper: seeing two inputs makes up
    for it. With "zoh", observations that repeat an input change nothing once it has been seen twice; in the
    interval in which the input changes, the old one's share 1 - λ counts observations, not time. Rank R costs
    R times Mamba-2's scan.

    References
    ----------
    Lahoti, Li, Chen, Wang, Bick, Kolter, Dao and Gu, "Mamba-3: Improved Sequence Modeling using State Space
    Principles", ICLR 2026: sections 3.1 (trapezoidal rule), 3.2 (complex modes) and 3.3 (MIMO).
    """

    HOLDS = ("zoh", "trapezoidal")
    UNDECAYED: ClassVar[frozenset[str]] = frozenset({"D", "B_bias", "C_bias"})
    PUBLISHED: ClassVar[dict[str, str]] = {"dt_bias": "delta_bias"}

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        hold: str = "zoh",
        expand: int = 2,
        head_dim: int | None = None,
        rank: int = 1,
        rotary_fraction: float = 0.5,
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        if d_state < 2 or d_state % 2:
            raise ValueError(f"d_state must be even and positive (states rotate in pairs), got {d_state}")
        if rank < 1:
            raise ValueError(f"rank must be at least 1, got {rank}")
        if not 0 <= rotary_fraction <= 1:
            raise ValueError(f"rotary_fraction must be in [0, 1], got {rotary_fraction}")
        head_dim, n_heads = heads(expand * d_model, head_dim)
        inner, n_angles = expand * d_model, int(d_state * rotary_fraction) // 2
        sizes = [inner, inner, rank * d_state, rank * d_state, n_heads, n_heads, n_heads, n_angles]
        super().__init__(d_model, d_state, hold, expand, sum(sizes), delta_range)
        self.sizes = sizes
        self.n_heads, self.head_dim, self.rank = n_heads, head_dim, rank
        self.delta_bias = delta_bias(n_heads, delta_range)
        self.D = nn.Parameter(torch.ones(n_heads))
        self.B_norm = nn.RMSNorm(d_state, eps=1e-5)
        self.C_norm = nn.RMSNorm(d_state, eps=1e-5)
        self.B_bias = nn.Parameter(torch.ones(n_heads, rank, d_state))
        self.C_bias = nn.Parameter(torch.ones(n_heads, rank, d_state))
        if rank > 1:
            self.mimo_x = nn.Parameter(torch.full((n_heads, rank, head_dim), 1 / rank))
            self.mimo_z = nn.Parameter(torch.ones(n_heads, rank, head_dim))
            self.mimo_o = nn.Parameter(torch.full((n_heads, rank, head_dim), 1 / rank))

    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation, see :meth:`SSMLayer.initial_state`."""
        x = self.D.new_zeros(batch, self.n_heads, self.head_dim, self.d_state)
        return SSMState(x, x)

    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Observations at any instants, see :meth:`SSMLayer.scan`."""
        u, intervals, valid = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        state = initial_state or self.initial_state(u.shape[0])
        if u.shape[1] == 0:
            return u, state
        y, state = self._run(self._project(u), intervals, state, valid, lengths)
        return self.out_proj(y).to(u.dtype), state

    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """One observation, see :meth:`SSMLayer.step`."""
        y, state = self._advance(self._project(u[:, None]), interval[:, None], state)
        return self.out_proj(y)[:, 0].to(u.dtype), state

    @without_autocast
    def _run(
        self,
        projected: Tensor,
        intervals: Tensor,
        state: SSMState,
        valid: Tensor | None,
        lengths: Tensor | None,
    ) -> tuple[Tensor, SSMState]:
        """Scan the projected input; y is (batch, length, d_inner)."""
        system = self._inputs(projected, intervals, valid)
        x, B, C = system.x, system.B, system.C

        # What an input gives now, w, and at the next observation, (1 - λ) s, decays alike from then on: one
        # recurrence takes both at once, and what is too early for y now is taken out of y again.
        later = functional.pad(system.earlier[:, 1:], (0, 0, 0, 1))[:, :, None, :, None]
        now = system.weight[:, :, None] * B
        # Rotating B and C by the angle since the start leaves a recurrence with real decays. The R inputs of
        # one observation follow each other with no decay between them.
        angle = system.turn.to(torch.float64).cumsum(1)
        rotation = _unit(angle - 2 * math.pi * torch.round(angle.detach() / (2 * math.pi)), B.dtype)
        exponent = functional.pad(system.exponent[:, :, None], (0, 0, 0, self.rank - 1)).flatten(1, 2)
        start = state.x + system.earlier[:, 0, :, None, None] * state.u
        y, S = ssd_uncoupled(
            x.flatten(1, 2), exponent, torch.ones_like(exponent),
            _real(rotation[:, :, None] * (now + later * B)).flatten(1, 2),
            _real(rotation[:, :, None] * C).flatten(1, 2),
            initial_state=start, return_last_state=True,
        )  # fmt: skip
        early = torch.einsum("blrhn,blshn->blhrs", _real(C), _real(B)).tril() * later.movedim(2, -1)
        missing = torch.einsum("blrhn,blshn->blhrs", _real(C), _real(now)).triu(1)
        y = y.view_as(x) + torch.einsum("blhrs,blshp->blrhp", missing - early, x)

        S = _real(rotation[:, -1, :, None].conj() * _complex(S))
        return self._out(y, system), SSMState(S, self._latest(system, state.u, lengths))

    @without_autocast
    def _advance(self, projected: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """Take up one projected observation (batch, 1, ...); y is (batch, 1, d_inner)."""
        system = self._inputs(projected, interval, None)
        x, B, C = system.x[:, 0], system.B[:, 0], system.C[:, 0]
        decay = _complex_exp(system.exponent, system.turn)[:, 0, :, None]
        V = torch.einsum("brhp,brhn->bhpn", x, _real(B))
        carried = state.x + system.earlier[:, 0, :, None, None] * state.u
        S = _real(decay * _complex(carried) + system.weight[:, 0, :, None] * _complex(V))
        y = torch.einsum("bhpn,brhn->brhp", S, _real(C))
        return self._out(y[:, None], system), SSMState(S, V)

    def _inputs(self, projected: Tensor, intervals: Tensor, valid: Tensor | None) -> _System:
        batch, length = projected.shape[:2]
        split = torch.split(projected.to(self.D.dtype), self.sizes, dim=-1)
        z, x, B, C, delta, decay, blend, angle = split
        intervals = self._held(intervals)
        if valid is not None:
            # Over an interval of 0 the state stays. A first one was 0 before `_held` made it 1.
            intervals = torch.where(valid, intervals, 0)
        s = functional.softplus(delta + self.delta_bias) * intervals[..., None]
        A = -functional.softplus(decay).clamp_min(_SLOWEST)
        theta = math.pi * torch.tanh(functional.pad(angle, (0, self.d_state // 2 - angle.shape[-1])))
        exponent, turn = s * A, s[..., None] * theta[:, :, None]
        blend = torch.sigmoid(blend)
        weight = (blend * s)[..., None]
        if self.hold == "zoh":
            z_a = torch.complex(exponent[..., None].expand_as(turn), -turn)
            held = phi1(z_a) - (1 - blend)[..., None] * _complex_exp(exponent, turn)
            weight = s[..., None] * held
        x = x.reshape(batch, length, 1, self.n_heads, self.head_dim)
        if self.rank > 1:
            x = x * self.mimo_x.transpose(0, 1)
        B, C = (value.reshape(batch, length, self.rank, 1, self.d_state) for value in (B, C))
        B = self.B_norm(B) + self.B_bias.transpose(0, 1)
        C = self.C_norm(C) + self.C_bias.transpose(0, 1)
        return _System(x, _complex(B), _complex(C), exponent, turn, (1 - blend) * s, weight, z)

    def _out(self, y: Tensor, system: _System) -> Tensor:
        """Feed through and gate y (batch, length, R, n_heads, head_dim); z = 0 makes padding 0."""
        y = y + self.D[:, None] * system.x
        z = system.z.reshape(*y.shape[:2], 1, self.n_heads, self.head_dim)
        if self.rank > 1:
            z = z * self.mimo_z.transpose(0, 1)
        y = y * functional.silu(z)
        if self.rank > 1:
            y = y * self.mimo_o.transpose(0, 1)
        return y.sum(2).flatten(-2)

    def _latest(self, system: _System, before: Tensor, lengths: Tensor | None) -> Tensor:
        """V of each row's last valid observation, `before` where the row is empty."""
        if lengths is None:
            return torch.einsum("brhp,brhn->bhpn", system.x[:, -1], _real(system.B[:, -1]))
        rows, last = torch.arange(len(before), device=lengths.device), (lengths - 1).clamp_min(0)
        V = torch.einsum("brhp,brhn->bhpn", system.x[rows, last], _real(system.B[rows, last]))
        return torch.where((lengths > 0)[:, None, None, None], V, before)


class _System(NamedTuple):
    """The input and the system it chooses; M = d_state / 2 pairs."""

    x: Tensor  # (batch, length, R, H, P)
    B: Tensor  # (batch, length, R, H, M) complex
    C: Tensor
    exponent: Tensor  # s A, (batch, length, H)
    turn: Tensor  # s θ, (batch, length, H, M)
    earlier: Tensor  # (1 - λ) s, weight of the previous input before it decays, (batch, length, H)
    weight: Tensor  # w, (batch, length, H, M) complex or (batch, length, H, 1) real
    z: Tensor


def _complex(value: Tensor) -> Tensor:
    """Pairs of neighbours as complex numbers: (..., N) -> (..., N / 2)."""
    return torch.view_as_complex(value.reshape(*value.shape[:-1], value.shape[-1] // 2, 2))


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value.resolve_conj()).flatten(-2)


def _unit(angle: Tensor, dtype: torch.dtype) -> Tensor:
    """e^{i angle} in `dtype`."""
    return torch.polar(torch.ones_like(angle), angle).to(dtype)


def _complex_exp(exponent: Tensor, turn: Tensor) -> Tensor:
    """e^{s a}: exponent (..., H), turn (..., H, M)."""
    return torch.polar(exponent.exp()[..., None].expand_as(turn), -turn)
