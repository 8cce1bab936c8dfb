"""Selective scan and SSD against their peers on this machine's CPU: ratios taken in one run.

Run ``python -m benchmarks.kernels.selective``, or take `rows` into a larger table. mambapy's parallel scan is
a peer where mambapy is installed; the others are the loop and the chunked form anybody would write first.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssmts_kernels import selective_scan, selective_scan_step, ssd, ssd_step

Row = dict[str, Any]
THREADS = 2


def rows(repeats: int = 7) -> list[Row]:
    """Measure every row.

    Parameters
    ----------
    repeats : int
        Rounds; each calls ours and every peer once, and the best time of each counts.

    Returns
    -------
    list of dict
        ``work``, ``ours_s``, ``peers`` (name -> seconds), ``peak_mb`` and ``peers_peak_mb`` (name -> growth
        of the process over one call, in MB; empty for the steps).
    """
    torch.set_num_threads(THREADS)
    table = []
    for work in ("selective_scan", "ssd"):
        timed = {name: _gradient_call(work, name) for name in _contestants(work)}
        seconds = _best(timed, 3 * repeats)
        peaks = {name: _peak_in_a_fresh_process(work, name) for name in timed}
        table.append(
            {
                "work": _WORK[work],
                "ours_s": seconds.pop("ours"),
                "peers": seconds,
                "peak_mb": peaks.pop("ours"),
                "peers_peak_mb": peaks,
            }
        )
    for name, step in _steps().items():
        seconds = _best({"ours": step}, repeats * 50)
        table.append(
            {"work": name, "ours_s": seconds["ours"], "peers": {}, "peak_mb": None, "peers_peak_mb": {}}
        )
    return table


_WORK = {
    "selective_scan": "selective_scan forward+backward, B8 L512 D128 N16",
    "ssd": "ssd forward+backward, B4 L1024 H8 P64 N64",
}


def selective_loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The plain torch loop; unbound once, as the gradient of an index costs the whole array each time."""
    state, outputs = u.new_zeros(u.shape[0], *A.shape), []
    for u_k, delta_k, B_k, C_k in zip(*(v.unbind(1) for v in (u, delta, B, C)), strict=True):
        added = (delta_k * u_k)[..., None] * B_k[:, None]
        state = torch.exp(delta_k[..., None] * A) * state + added
        outputs.append((state * C_k[:, None]).sum(-1))
    return torch.stack(outputs, 1)


def selective_mambapy(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """mambapy's parallel scan inside the two lines that its Mamba block wraps around it."""
    from mambapy.pscan import pscan  # type: ignore[import-not-found, import-untyped, unused-ignore]

    decay = torch.exp(delta[..., None] * A)
    taken_up = (delta * u)[..., None] * B[:, :, None]
    states: Tensor = pscan(decay, taken_up)
    return (states @ C[..., None])[..., 0]


def ssd_loop(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The plain torch loop, one group."""
    inputs = (torch.exp(delta * A), delta[..., None] * x, B, C)
    state, outputs = x.new_zeros(x.shape[0], *x.shape[2:], B.shape[-1]), []
    for decay, taken_up, B_k, C_k in zip(*(v.unbind(1) for v in inputs), strict=True):
        state = decay[..., None, None] * state + taken_up[..., None] * B_k[:, :, None]
        outputs.append((state * C_k[:, :, None]).sum(-1))
    return torch.stack(outputs, 1)


def ssd_einsum(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int = 64) -> Tensor:
    """The chunked form of the Mamba-2 paper: einsums over all chunks at once, autograd behind it."""
    batch, length, heads, p = x.shape
    x = (x * delta[..., None]).view(batch, -1, chunk, heads, p)
    B, C = (v.view(batch, -1, chunk, v.shape[-1]) for v in (B, C))
    exponent = (delta * A).view(batch, -1, chunk, heads).permute(0, 3, 1, 2)
    total = exponent.cumsum(-1)
    causal = torch.ones(chunk, chunk, dtype=torch.bool).tril()
    decay = torch.where(causal, total[..., :, None] - total[..., None, :], -torch.inf).exp()
    inside = torch.einsum("bcln,bcsn,bhcls,bcshp->bclhp", C, B, decay, x)
    to_end = (total[..., -1:] - total).exp()
    added = torch.einsum("bcln,bhcl,bclhp->bchpn", B, to_end, x)
    whole, state, starts = total[..., -1].exp(), torch.zeros_like(added[:, 0]), []
    for c in range(added.shape[1]):
        starts.append(state)
        state = whole[:, :, c, None, None] * state + added[:, c]
    carried = torch.einsum("bcln,bchpn,bhcl->bclhp", C, torch.stack(starts, 1), total.exp())
    return (inside + carried).reshape(batch, length, heads, p)


_CONTESTANTS: dict[str, dict[str, Callable[..., Any]]] = {
    "selective_scan": {"ours": selective_scan, "loop": selective_loop, "mambapy": selective_mambapy},
    "ssd": {"ours": ssd, "loop": ssd_loop, "einsum": ssd_einsum},
}


def _contestants(work: str) -> list[str]:
    return [n for n in _CONTESTANTS[work] if n != "mambapy" or importlib.util.find_spec("mambapy")]


def _arguments(work: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    u: tuple[int, ...]
    delta: tuple[int, ...]
    A: tuple[int, ...]
    weights: tuple[int, ...]
    if work == "selective_scan":
        batch, length, channels, n = 8, 512, 128, 16
        u, delta, A = (batch, length, channels), (batch, length, channels), (channels, n)
        weights = (batch, length, n)
    else:
        batch, length, heads, p, n = 4, 1024, 8, 64, 64
        u, delta, A = (batch, length, heads, p), (batch, length, heads), (heads,)
        weights = (batch, length, 1, n)
    tensors = [normal(*u), 0.1 * normal(*delta).abs(), -normal(*A).abs(), normal(*weights), normal(*weights)]
    return [t.requires_grad_() for t in tensors]


def _gradient_call(work: str, name: str) -> Callable[[], object]:
    """Return the call to time, once it has been found to agree with ours."""
    arguments = _arguments(work)
    function = _CONTESTANTS[work][name]
    weights = torch.randn(arguments[0].shape, generator=torch.Generator().manual_seed(1))

    def call() -> tuple[Tensor, ...]:
        return torch.autograd.grad((function(*arguments) * weights).sum(), arguments)

    ours = _CONTESTANTS[work]["ours"]
    expected = torch.autograd.grad((ours(*arguments) * weights).sum(), arguments)
    for got, wanted in zip(call(), expected):
        if (got - wanted).abs().max() > 1e-3 * wanted.abs().max():
            raise AssertionError(f"{work}: {name} and ours disagree; no figure without agreement")
    return call


def _steps() -> dict[str, Callable[[], object]]:
    u, delta, B, C = torch.randn(1, 64), torch.rand(1, 64), torch.randn(1, 64), torch.randn(1, 64)
    A, state = -torch.rand(64, 64), torch.randn(1, 64, 64)
    x, heads_delta, heads_A = torch.randn(1, 1, 64), torch.rand(1, 1), -torch.rand(1)
    return {
        "selective_scan_step, D64 N64": lambda: selective_scan_step(state, u, delta, A, B, C),
        "selective_scan_step, D64 N64, zoh, an interval": lambda: selective_scan_step(
            state, u, delta, A, B, C, interval=1.5, hold="zoh"
        ),
        "ssd_step, H1 P64 N64": lambda: ssd_step(
            state[:, None], x, heads_delta, heads_A, B[:, None], C[:, None]
        ),
    }


def _best(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def _peak_in_a_fresh_process(work: str, name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.kernels.selective", "--peak", work, name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _peak_mb(work: str, name: str) -> float:
    """Growth of the resident set over one call (Linux); a tiny call first loads what is loaded once."""
    arguments = _arguments(work)
    function = _CONTESTANTS[work][name]
    short = [t[:1, :64] if t.ndim > 2 else t for t in arguments]
    function(*short).sum().backward()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    before = _status_kb("VmRSS")
    function(*arguments).sum().backward()
    return (_status_kb("VmHWM") - before) / 1024


def _status_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    """Print the rows as JSON."""
    if sys.argv[1:2] == ["--peak"]:
        torch.set_num_threads(THREADS)
        print(_peak_mb(*sys.argv[2:]))
    else:
        print(json.dumps(rows(), indent=1))


if __name__ == "__main__":
    main()
