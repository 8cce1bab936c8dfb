"""One observation at a time on CPU: five small torch calls when the interval has been seen before.

The weights of an interval are cached, together with the fact that arguments of these shapes passed the
checks. A cache entry keeps its tensors alive, so that their ids stay unique; their versions are part of its
key, so that a step of an optimiser invalidates it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ssmts_kernels.hold import hold_weights

_REMEMBERED = 64
_seen: OrderedDict[Hashable, Prepared] = OrderedDict()
_systems: OrderedDict[Hashable, _System] = OrderedDict()
_NEAR = 1e-3
"""Below this |aδ| the closed forms in double no longer give float32's digits."""


@dataclass(frozen=True)
class Prepared:
    """An interval's weights, complex ones with re and im on a last axis."""

    A_bar: Tensor
    current: Tensor
    previous: Tensor | None
    read_out: Tensor
    feed_through: Tensor | None
    owners: tuple[Tensor | None, ...]

    def step(self, state: Tensor, u: Tensor, previous_input: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return y and the new state."""
        new = self.A_bar * state
        values = torch.view_as_real(new) if new.is_complex() else new[..., None]
        signal = u if u.dtype == values.dtype else u.to(values.dtype)
        values.addcmul_(self.current, signal[..., None, None])
        if self.previous is not None and previous_input is not None:
            values.addcmul_(self.previous, previous_input.to(values.dtype)[..., None, None])
        y = (values * self.read_out).sum((-2, -1))
        if self.feed_through is not None:
            y.addcmul_(self.feed_through, signal)
        return (y if y.dtype == u.dtype else y.to(u.dtype)), new


def key(
    state: Tensor,
    u: Tensor,
    interval: float,
    parameters: tuple[Tensor | None, ...],
    hold: str,
    previous_input: Tensor | None,
) -> Hashable:
    """Cache key of a call; calls with equal keys need only one check of their arguments."""
    return (
        interval,
        hold,
        state.shape,
        state.dtype,
        u.shape,
        u.dtype,
        u.device,
        None if previous_input is None else (previous_input.shape, previous_input.dtype),
        *_identity(parameters),
    )


def recall(name: Hashable) -> Prepared | None:
    """Return the cached entry of this key."""
    return _seen.get(name)


def remember(
    name: Hashable,
    state: Tensor,
    interval: float,
    parameters: tuple[Tensor | None, ...],
    hold: str,
) -> Prepared:
    """Prepare an interval and cache it; the oldest entry goes when the cache is full."""
    system = _system(state.dtype, parameters)
    A_bar, before, current = _inputs(system, interval, hold)
    prepared = Prepared(
        A_bar=A_bar,
        current=_parts(current),
        previous=_parts(before) if hold in ("foh", "bilinear") else None,
        read_out=system.read_out,
        feed_through=system.feed_through,
        owners=parameters,
    )
    _seen[name] = prepared
    if len(_seen) > _REMEMBERED:
        _seen.popitem(last=False)
    return prepared


@dataclass(frozen=True)
class _System:
    """The part of a step that does not depend on the interval."""

    A: Tensor
    decay: Tensor
    frequency: Tensor
    inverse: Tensor
    """1 / A in double."""
    once: Tensor
    """B / A in double."""
    minus_once: Tensor
    slowest: float
    B: Tensor
    read_out: Tensor
    feed_through: Tensor | None
    owners: tuple[Tensor | None, ...]


def _system(dtype: torch.dtype, parameters: tuple[Tensor | None, ...]) -> _System:
    name = (dtype, *_identity(parameters))
    if (system := _systems.get(name)) is not None:
        return system
    A, B, C, D, delta = parameters
    modes, inputs, outputs = (cast(Tensor, value).to(dtype) for value in (A, B, C))
    if delta is not None:
        scale = delta.to(modes.real.dtype)[:, None]
        modes, inputs = modes * scale, inputs * scale
    wide = modes.to(torch.complex128)
    system = _System(
        A=modes,
        decay=wide.real.contiguous(),
        frequency=wide.imag.contiguous(),
        inverse=1 / wide,
        once=inputs / wide,
        minus_once=-inputs / wide,
        slowest=float(wide.abs().min()) if wide.numel() else 0.0,
        B=inputs,
        read_out=_parts(2 * outputs.conj_physical()) if dtype.is_complex else outputs[..., None],
        feed_through=None if D is None else D.to(modes.real.dtype),
        owners=parameters,
    )
    _systems[name] = system
    if len(_systems) > _REMEMBERED:
        _systems.popitem(last=False)
    return system


def _inputs(system: _System, interval: float, hold: str) -> tuple[Tensor, Tensor, Tensor]:
    """`hold_weights` of one interval, times B; in closed form where double can do without the series."""
    A = system.A
    if A.dtype != torch.complex64 or hold not in ("foh", "zoh") or not system.slowest * interval > _NEAR:
        weights = hold_weights(A, torch.tensor(interval, dtype=torch.float64, device=A.device), hold)
        return weights[0], system.B * weights[1], system.B * weights[2]
    radius, phase = torch.exp(system.decay * interval), system.frequency * interval
    exponential = torch.complex(radius * torch.cos(phase), radius * torch.sin(phase))
    both = torch.addcmul(system.minus_once, exponential, system.once)
    if hold == "zoh":
        return exponential.to(A.dtype), torch.zeros_like(A), both.to(A.dtype)
    current = torch.addcmul(system.minus_once, both, system.inverse, value=1 / interval)
    return exponential.to(A.dtype), both.sub_(current).to(A.dtype), current.to(A.dtype)


def _identity(parameters: tuple[Tensor | None, ...]) -> list[Hashable]:
    return [None if p is None else (id(p), -1 if p.is_inference() else p._version) for p in parameters]


def _parts(z: Tensor) -> Tensor:
    return torch.view_as_real(z) if z.is_complex() else z[..., None]
