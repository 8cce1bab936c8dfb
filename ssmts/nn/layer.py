"""The contract of every state-space layer: one state, three views."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ssmts_kernels.padding import check_lengths, valid_positions

__all__ = ["SSMLayer", "SSMState"]


class SSMState(NamedTuple):
    """State of a layer between two observations; the batch is the first axis of both.

    Attributes
    ----------
    x : Tensor
        (batch, ...), the state: (batch, d_model, d_state / 2) complex for S4 and S4D, else as the layer says.
    u : Tensor
        (batch, ...), the latest input, from which a first-order hold or a short convolution continues.
        (batch, d_model) unless the layer says otherwise.
    """

    x: Tensor
    u: Tensor


class SSMLayer(nn.Module, ABC):
    """A causal map of (batch, length, d_model) to the same shape, in continuous time.

    Its three views agree: `forward` on a regular grid, `scan` over any intervals, `step` for one observation
    at a time. All times are in units of the reference step. The first observation of a series has the
    interval 0; `ssmts.nn.discretization.start_intervals` says what each hold makes of it.

    Parameters
    ----------
    d_model : int
        Features.
    hold : str
        How the input behaves between observations, one of the class's `HOLDS`.

    Attributes
    ----------
    HOLDS : tuple of str
        Allowed values of `hold`.
    GATED : bool
        Whether the layer mixes and gates its features itself, so that a block around it needs no gate.
    CONTINUOUS_OPTIONS : mapping
        Keywords under which the layer depends on time alone, not on the number of observations: what the deep
        branch of an estimator builds it with. Empty for a layer that does so anyway.
    SYSTEM : frozenset of str
        Names of the parameters of the state equation (A, B, Δ and what they are computed from). They are
        trained at `system_rate` at most, without weight decay.
    UNDECAYED : frozenset of str
        Names of further parameters without weight decay.
    system_rate : float
        Highest learning rate of the parameters in SYSTEM: 1e-3 as in the S4, S4D and S5 papers. It may be set
        on an instance.

    Raises
    ------
    ValueError
        If the hold is not in HOLDS.
    """

    HOLDS: ClassVar[tuple[str, ...]]
    GATED: ClassVar[bool] = False
    CONTINUOUS_OPTIONS: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    SYSTEM: ClassVar[frozenset[str]] = frozenset()
    UNDECAYED: ClassVar[frozenset[str]] = frozenset()
    system_rate: float = 1e-3

    def __init__(self, d_model: int, hold: str) -> None:
        super().__init__()
        if hold not in self.HOLDS:
            admitted = ", ".join(map(repr, self.HOLDS))
            raise ValueError(f"hold of {type(self).__name__} must be one of {admitted}, got {hold!r}")
        self.d_model = d_model
        self.hold = hold

    @abstractmethod
    def initial_state(self, batch: int) -> SSMState:
        """State before the first observation: zero.

        Parameters
        ----------
        batch : int
            Number of series.

        Returns
        -------
        SSMState
            In the layer's dtype, on its device.
        """

    def forward(self, u: Tensor, rate: float = 1.0) -> Tensor:
        """Regular view: observations on a grid, by convolution in time-invariant layers, else by a scan.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        rate : float
            Interval of the grid in reference steps: 2.0 is sampled half as often.

        Returns
        -------
        Tensor
            (batch, length, d_model), the same as `scan` over the intervals 0, rate, rate, ...

        Raises
        ------
        ValueError
            If rate is not positive.
        """
        check_rate(rate)
        precision = torch.promote_types(u.dtype, torch.float32)
        intervals = torch.full(u.shape[:2], rate, dtype=precision, device=u.device)
        intervals[:, :1] = 0
        return self.scan(u, intervals)[0]

    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Recurrent view: observations at any instants. A loop over `step` unless a layer has a faster way.

        Parameters
        ----------
        u : Tensor
            (batch, length, d_model).
        intervals : Tensor
            (batch, length), time since the previous observation, >= 0; 0 for the first one of a series.
        initial_state : SSMState, optional
            State that an earlier scan or step returned; the first interval is then the time since that
            state's last observation.
        lengths : Tensor, optional
            (batch,) integers from 0 to length, observations of each row; the rest is padding. Padding is
            ignored in u and intervals, even where it is nan, has zero gradient and is 0 in y.

        Returns
        -------
        y : Tensor
            (batch, length, d_model).
        state : SSMState
            After each row's last observation.

        Raises
        ------
        ValueError
            If a shape or dtype is wrong or a length is out of range.
        """
        u, intervals, valid = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        return self._loop(self.step, u, intervals, initial_state or self.initial_state(len(u)), valid)

    @abstractmethod
    def step(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        """Streaming view: one observation.

        Parameters
        ----------
        u : Tensor
            (batch, d_model).
        interval : Tensor
            (batch,), time since the previous observation; 0 for the first one.
        state : SSMState
            Of the previous step, scan or `initial_state`; not modified.

        Returns
        -------
        y : Tensor
            (batch, d_model).
        state : SSMState
            After the observation.
        """

    def _loop(
        self,
        advance: Callable[[Tensor, Tensor, SSMState], tuple[Tensor, SSMState]],
        u: Tensor,
        intervals: Tensor,
        state: SSMState,
        valid: Tensor | None,
    ) -> tuple[Tensor, SSMState]:
        """Scan by calling `advance` for one observation after the other; padding moves no state."""
        outputs = []
        for k in range(u.shape[1]):
            y, moved = advance(u[:, k], intervals[:, k], state)
            if valid is not None:
                here = valid[:, k]
                y = torch.where(here[:, None], y, 0)
                moved = SSMState(*(_select(here, *pair) for pair in zip(moved, state)))
            state = moved
            outputs.append(y)
        return torch.stack(outputs, dim=1) if outputs else u.clone(), state

    def extra_repr(self) -> str:
        """Sizes and hold, for ``repr``."""
        size = f", d_state={self.d_state}" if hasattr(self, "d_state") else ""
        return f"d_model={self.d_model}{size}, hold={self.hold!r}"


def _select(rows: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` where the mask `rows` (batch,) is true, else `old`, both (batch, ...)."""
    return torch.where(rows.view(-1, *(1,) * (new.ndim - 1)), new, old)


def checked_scan(
    caller: str, d_model: int, u: Tensor, intervals: Tensor, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check the arguments of a scan and set its padding to 0.

    A nan in the padding has to go before anything is computed from it: hidden behind the result it would
    still reach the gradient, as 0 times nan.

    Parameters
    ----------
    caller : str
        Name of the layer or stack, for the messages.
    d_model : int
        Features of the layer.
    u, intervals, lengths
        As :meth:`SSMLayer.scan`'s.

    Returns
    -------
    u, intervals : Tensor
        Those given, 0 in the padding.
    valid : Tensor or None
        (batch, length) mask of the observations; None without `lengths`.

    Raises
    ------
    ValueError
        If a shape or the dtype of lengths is wrong or a length is out of range.
    """
    if u.ndim != 3 or u.shape[2] != d_model or intervals.shape != u.shape[:2]:
        raise ValueError(
            f"{caller}.scan: u must have shape (batch, length, {d_model}) and intervals (batch, length), "
            f"got {tuple(u.shape)} and {tuple(intervals.shape)}"
        )
    if lengths is None:
        return u, intervals, None
    if lengths.shape != u.shape[:1] or lengths.dtype not in (torch.int32, torch.int64):
        raise ValueError(
            f"{caller}.scan: lengths must have shape ({u.shape[0]},) and be int32 or int64, "
            f"got {tuple(lengths.shape)} and {str(lengths.dtype).removeprefix('torch.')}"
        )
    check_lengths(f"{caller}.scan", lengths, u.shape[1])
    valid = valid_positions(lengths, u.shape[1])
    return torch.where(valid[..., None], u, 0), torch.where(valid, intervals, 0), valid


def latest_inputs(before: Tensor, u: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the last `width` inputs of each row, filled up from `before` where the row has fewer.

    Parameters
    ----------
    before : Tensor
        (batch, width, D), the inputs that precede `u`.
    u : Tensor
        (batch, length, D).
    lengths : Tensor or None
        (batch,) valid inputs of each row.

    Returns
    -------
    Tensor
        (batch, width, D), of u's dtype.
    """
    together = torch.cat([before.to(u.dtype), u], dim=1)
    width = before.shape[1]
    if lengths is None:
        return together[:, together.shape[1] - width :]
    rows = torch.arange(u.shape[0], device=u.device)[:, None]
    return together[rows, lengths[:, None] + torch.arange(width, device=u.device)]


def check_rate(rate: float) -> None:
    """Raise ValueError unless `rate` is positive and finite."""
    if not 0 < rate < math.inf:
        raise ValueError(f"rate must be positive and finite, got {rate}")


def check_delta_range(delta_range: tuple[float, float]) -> None:
    """Raise ValueError unless `delta_range` is 0 < low <= high."""
    low, high = delta_range
    if not 0 < low <= high:
        raise ValueError(f"delta_range must be 0 < low <= high, got {delta_range}")


def log_uniform(size: int, bounds: tuple[float, float]) -> Tensor:
    """Draw logarithms, (size,), of values spread log-uniformly over `bounds`."""
    low, high = bounds
    return math.log(low) + torch.rand(size) * math.log(high / low)


def real_parameter(value: Tensor) -> nn.Parameter:
    """Store a real tensor as a parameter in the default dtype."""
    return nn.Parameter(value.to(torch.get_default_dtype()).contiguous())


def complex_parameter(value: Tensor) -> nn.Parameter:
    """Store a complex tensor as a real parameter with a last axis of 2, in the default dtype.

    Casts, optimisers and files then see real numbers.
    """
    return real_parameter(torch.view_as_real(value.resolve_conj()))
