"""HiPPO: a signal that is read once, observation by observation, and reconstructed from N coefficients.

Smooth noise observed at 600 irregular times; each measure reads it online and reconstructs what it is meant
to remember. Error: root mean square of the reconstruction's over that of the signal, over the whole past
(LegS) or the last window (LegT, Fourier; LagT weighs the past by exp(-age / window), and so does its error).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.claims.cells import Cells, Row
from benchmarks.output import markdown_table
from ssmts.nn import HiPPOProjection

MEASURES = ("legs", "legt", "lagt", "fourier")
SIZES = (8, 16, 32, 64, 128)
SPAN, WINDOW, OBSERVATIONS, SHOWN = 12.0, 4.0, 600, 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the memory."""
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Error of each measure at each size."""
    for name in MEASURES:
        for size in options.sizes:
            key = {"measure": name, "d_state": size}
            cells.cell(key, lambda key=key: {"error": remember(**key)[2]})  # type: ignore[misc]


def signal(times: Any) -> Any:
    """Smooth noise: twelve sines of fixed random frequency and phase."""
    rng = np.random.default_rng(3)
    frequency, phase = rng.uniform(0.2, 4.0, 12), rng.uniform(0, 2 * np.pi, 12)
    return np.sin(frequency * np.asarray(times)[..., None] + phase).sum(-1) / np.sqrt(6)


def remember(measure: str, d_state: int) -> tuple[Any, Any, float]:
    """Times, reconstruction and relative error of one measure."""
    times = np.sort(np.random.default_rng(4).uniform(0, SPAN, OBSERVATIONS))
    times[0], times[-1] = 0.0, SPAN
    memory = HiPPOProjection(measure, d_state, window=WINDOW)
    for value, interval in zip(signal(times), np.diff(times, prepend=0.0), strict=True):
        memory.update(float(value), float(interval))
    past = SPAN if measure == "legs" else WINDOW
    asked = np.linspace(SPAN - past, SPAN, 800)
    weight = np.exp((asked - SPAN) / WINDOW) if measure == "lagt" else np.ones_like(asked)
    told = memory.reconstruct(torch.from_numpy(asked)).numpy()
    error = (weight * (told - signal(asked)) ** 2).sum() / (weight * signal(asked) ** 2).sum()
    return asked, told, float(np.sqrt(error))


def page(rows: list[Row]) -> str:
    """Error by measure and size."""
    sizes = sorted({row["d_state"] for row in rows})
    error = {(row["measure"], row["d_state"]): row["error"] for row in rows}
    table = [
        [name, *(f"{error[name, n]:.1%}" if (name, n) in error else "-" for n in sizes)] for name in MEASURES
    ]
    text = "# HiPPO remembers a signal\n\n" + __doc__.split("\n", 2)[2] + "\n"
    return text + markdown_table(["", *(f"N = {n}" for n in sizes)], table)


def plot(rows: list[Row], path: Path) -> None:
    """What each measure remembers at the end of the signal."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 1, figsize=(8.5, 8), sharex=True, constrained_layout=True)
    times = np.linspace(0, SPAN, 1200)
    for axis, name in zip(axes, MEASURES):
        asked, told, error = remember(name, SHOWN)
        axis.plot(times, signal(times), color="0.7", lw=2.5, label="signal")
        axis.plot(asked, told, color="C0", lw=1.2, label=f"{name}, N = {SHOWN}: error {error:.1%}")
        axis.set(ylim=(-3, 3))
        axis.legend(loc="upper left", ncols=2, fontsize=8)
    axes[-1].set(xlabel=f"time; what is remembered at t = {SPAN:g}, window {WINDOW:g}")
    figure.savefig(path, dpi=110)
    plt.close(figure)
