"""The time-invariant operators against the forms anybody would write first, on this machine's CPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssmts_kernels import (
    cauchy,
    diagonal_final_state,
    diagonal_scan,
    diagonal_step,
    fft_conv,
    vandermonde,
)

Row = dict[str, Any]
Call = Callable[[], object]


def rows(repeats: int = 7) -> list[Row]:
    """Measure every row.

    Parameters
    ----------
    repeats : int
        Rounds; each calls ours and every peer once, and the best time of each counts.

    Returns
    -------
    list of dict
        ``work``, ``ours_s``, ``peers`` (name -> seconds) and ``target`` (peer -> ratio to reach, or seconds).
    """
    table = [_vandermonde(repeats), *_cauchy(repeats)]
    table += [_scan(repeats, 32, 720, 7, 128), _scan(repeats, 8, 4096, 32, 32)]
    table += _final_state(repeats)
    table += [row for length in (720, 1440, 4096) for row in _fft_conv(repeats, length)]
    table += _steps()
    return table


def _row(work: str, calls: dict[str, Call], repeats: int, target: dict[str, float]) -> Row:
    seconds = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return {"work": work, "ours_s": seconds.pop("ours"), "peers": seconds, "target": target}


def _gradients(function: Callable[..., Tensor], leaves: list[Tensor], weights: Tensor) -> Call:
    return lambda: torch.autograd.grad(function(*leaves), leaves, weights)


def _agree(a: Tensor, b: Tensor, what: str) -> None:
    error = (a - b).abs().max() / b.abs().max()
    if error > 1e-3:
        raise AssertionError(f"{what}: off by {error:.1e}; no figure without agreement")


def _modes(*shape: int, fastest: float = 3.1) -> Tensor:
    A = torch.complex(-0.5 * torch.rand(shape) - 0.01, fastest * torch.rand(shape))
    return A.requires_grad_()


def _weights(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.complex64, requires_grad=True)


def _vandermonde(repeats: int) -> Row:
    C, A, length = _weights(128, 32), _modes(128, 32), 1024

    def ours(C: Tensor, A: Tensor) -> Tensor:
        return vandermonde(C, A, length)

    def naive(C: Tensor, A: Tensor) -> Tensor:
        powers = torch.exp(A[..., None] * torch.arange(length))
        return 2 * torch.einsum("hn,hnl->hl", C, powers).real

    _agree(ours(C, A), naive(C, A), "vandermonde")
    weights = torch.randn(128, length)
    calls = {name: _gradients(f, [C, A], weights) for name, f in (("ours", ours), ("naive", naive))}
    return _row("vandermonde forward+backward, H128 N32 L1024", calls, repeats, {"naive": 8})


def _cauchy(repeats: int) -> list[Row]:
    length = 1024
    omega = torch.exp(-2j * math.pi * torch.arange(length, dtype=torch.float64) / length).to(torch.complex64)
    v, A = _weights(128, 32), _modes(128, 32)
    table = []
    for where, points in (
        ("roots of unity", omega),
        ("other points", omega * complex(math.cos(1), math.sin(1))),
    ):

        def ours(v: Tensor, A: Tensor, points: Tensor = points) -> Tensor:
            return cauchy(v, points, A)

        def naive(v: Tensor, A: Tensor, points: Tensor = points) -> Tensor:
            upper = v[..., None] / (2 * (1 - points) - (1 + points) * A[..., None])
            lower = v.conj()[..., None] / (2 * (1 - points) - (1 + points) * A.conj()[..., None])
            return 2 * (upper + lower).sum(1)

        _agree(ours(v, A).detach(), naive(v, A).detach(), "cauchy")
        weights = torch.randn(128, length, dtype=torch.complex64)
        calls = {name: _gradients(f, [v, A], weights) for name, f in (("ours", ours), ("naive", naive))}
        target = {"naive": 8} if where == "roots of unity" else {}
        table.append(_row(f"cauchy forward+backward, H128 N32 L1024, {where}", calls, repeats, target))
    return table


def scan_loop(u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, C: Tensor | None) -> list[Tensor]:
    """The plain torch loop, first-order hold, autograd and all; returns outputs, or states without C."""
    state, previous = torch.zeros(len(u), *A.shape, dtype=A.dtype), u[:, 0]
    kept = []
    for k in range(u.shape[1]):
        delta = intervals[:, k, None, None]
        z = A * delta
        decay = torch.exp(z)
        both = (decay - 1) / A
        current = (both - delta) / z
        state = decay * state + B * ((both - current) * previous[..., None] + current * u[:, k, :, None])
        previous = u[:, k]
        kept.append(state if C is None else 2 * (C * state).sum(-1).real)
    return kept


def _scan(repeats: int, batch: int, length: int, channels: int, n: int) -> Row:
    u = torch.randn(batch, length, channels, requires_grad=True)
    intervals = 0.5 + torch.rand(batch, length)
    A, B, C = _modes(channels, n), _weights(channels, n), _weights(channels, n)
    leaves = [u, A, B, C]

    def ours(u: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        y = diagonal_scan(u, intervals, A, B, C, initial_input=u[:, 0])
        assert isinstance(y, Tensor)
        return y

    def loop(u: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        return torch.stack(scan_loop(u, intervals, A, B, C), 1)

    def regular(u: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        return fft_conv(u, vandermonde(C * B, A, length))

    with torch.no_grad():
        _agree(ours(*leaves), loop(*leaves), "diagonal_scan")
    weights = torch.randn(batch, length, channels)
    calls = {
        name: _gradients(f, leaves, weights)
        for name, f in (("ours", ours), ("loop", loop), ("convolution on a regular grid", regular))
    }
    work = f"diagonal_scan forward+backward, irregular, B{batch} L{length} D{channels} N{n}"
    return _row(work, calls, 2 * repeats, {"loop": 5})


def _final_state(repeats: int) -> list[Row]:
    batch, length, n = 1024, 720, 128
    u, A, B = torch.randn(batch, length, 1), _modes(1, n).detach(), _weights(1, n).detach()
    regular = torch.ones(batch, length)
    regular[:, 0] = 0
    expanded = regular[:1].expand(batch, -1)
    irregular = 0.5 + torch.rand(batch, length)
    irregular[:, 0] = 0
    matrix = torch.randn(length, 2 * n)

    def keep_all() -> Tensor:
        with torch.no_grad():
            return torch.stack(scan_loop(u, irregular + 1e-6, A, B, None), 1)[:, -1]

    def scan() -> object:
        return diagonal_scan(u, irregular, A, B, B, return_last_state=True)

    _agree(diagonal_final_state(u, irregular, A, B), keep_all(), "diagonal_final_state")
    shape = f"B{batch} L{length} N{n}"
    return [
        _row(
            f"final state, regular, {shape}",
            {
                "ours": lambda: diagonal_final_state(u, regular, A, B),
                "the same, rows expanded from one clock": lambda: diagonal_final_state(u, expanded, A, B),
                "one real GEMM": lambda: u[..., 0] @ matrix,
            },
            20 * repeats,
            {},
        ),
        _row(
            f"final state, irregular, {shape}",
            {
                "ours": lambda: diagonal_final_state(u, irregular, A, B),
                "loop that keeps every state": keep_all,
                "our diagonal_scan": scan,
            },
            min(repeats, 3),
            {"loop that keeps every state": 5},
        ),
    ]


def _fft_conv(repeats: int, length: int) -> list[Row]:
    u = torch.randn(16, length, 64, requires_grad=True)
    kernel = torch.randn(64, length, requires_grad=True)

    def textbook(u: Tensor, kernel: Tensor) -> Tensor:
        size = 2 * length
        spectrum = torch.fft.rfft(u.transpose(1, 2), n=size) * torch.fft.rfft(kernel, n=size)
        return torch.fft.irfft(spectrum, n=size)[..., :length].transpose(1, 2)

    _agree(fft_conv(u, kernel), textbook(u, kernel), "fft_conv")

    def quiet(function: Callable[..., Tensor]) -> Call:
        return lambda: function(u.detach(), kernel.detach())

    weights = torch.randn_like(u)
    both = (("ours", fft_conv), ("textbook rfft", textbook))
    shape = f"B16 L{length} D64"
    rounds = repeats * 172_800 // length  # seconds at any length: a virtual core may be slow for one
    return [
        _row(f"fft_conv, {shape}", {n: quiet(f) for n, f in both}, rounds, {"textbook rfft": 1.5}),
        _row(
            f"fft_conv forward+backward, {shape}",
            {n: _gradients(f, [u, kernel], weights) for n, f in both},
            8 * repeats,
            {},
        ),
    ]


def _steps() -> list[Row]:
    A, B, C = _modes(64, 64).detach(), _weights(64, 64).detach(), _weights(64, 64).detach()
    state, u, previous = torch.randn(1, 64, 64, dtype=torch.complex64), torch.randn(1, 64), torch.randn(1, 64)
    fresh = iter(range(10**9))

    def step(interval: float) -> object:
        return diagonal_step(state, u, interval, A, B, C, previous_input=previous)

    step(1.0)
    return [
        _row(
            "diagonal_step, D64 N64, interval seen before",
            {"ours": lambda: step(1.0)},
            2000,
            {"seconds": 30e-6},
        ),
        _row(
            "diagonal_step, D64 N64, new interval",
            {"ours": lambda: step(1.5 + 1e-6 * next(fresh))},
            2000,
            {"seconds": 150e-6},
        ),
    ]
