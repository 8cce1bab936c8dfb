"""S4 against LSSL: time and memory of a training step, over state size and length and at the paper's points.

A step is forward and backward of one layer over one series, gradients of all parameters; processor time of
one thread, and the most that tensors hold at a time. The paper's table has one dimension d for features and
state and prints no length; its memory figures fit a sum of terms in N d and L d at L = 1,024, which is used
here. LSSL is as its paper has it: A, B and Δ trained, the Krylov matrix by repeated squaring. S4 makes its
kernel in blocks of features only where features x (L + N/2) exceed 2^18: below, time goes before memory.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch

from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.cost import MEGABYTE, best_seconds, exponent, peak_megabytes
from benchmarks.output import markdown_table
from ssmts.nn import LSSL, S4

KINDS = {"s4": S4, "lssl": LSSL}
SIZES, LENGTHS = (32, 64, 128, 256, 512), (256, 512, 1024, 2048, 4096, 8192, 16384)
WIDTH, STATE, LENGTH = 16, 64, 1024
ONCE = 20.0  # seconds: a step that takes longer is measured once, memory and time together
PAPER = {128: (9.32, 4.77, 222.1, 5.3), 256: (20.6, 3.07, 1685.0, 12.6), 512: (140.7, 4.75, 13140.0, 33.5)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes of the sweeps."""
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="state sizes, at L = 1,024")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="lengths, at N = 64")
    parser.add_argument("--points", type=int, nargs="*", default=tuple(PAPER), help="d of the paper's table")


def measure(cells: Cells, options: argparse.Namespace) -> None:
    """Measure what is not there yet, cheap cells first."""
    shapes = [(WIDTH, size, LENGTH) for size in options.sizes]
    shapes += [(WIDTH, STATE, length) for length in options.lengths]
    shapes += [(d, d, LENGTH) for d in options.points]
    for width, size, length in sorted(set(shapes), key=lambda s: s[0] * (s[1] ** 3 + s[1] * s[2])):
        for kind in KINDS:
            needed = lssl_minimum(width, size, length) * 6 if kind == "lssl" else 0.0
            if needed > free_megabytes():
                print(f"{kind} d={width} N={size} L={length}: needs {needed:.0f} MB, which are not free")
                continue
            key = {"kind": kind, "d_model": width, "d_state": size, "length": length}
            cells.cell(key, lambda key=key: training_step(**key))  # type: ignore[misc]


def training_step(kind: str, d_model: int, d_state: int, length: int) -> Row:
    """Seconds, peak and analytic least memory of a step."""
    torch.manual_seed(0)
    layer = KINDS[kind](d_model, d_state, hold="bilinear_s4")
    u = torch.randn(1, length, d_model)

    def step() -> None:
        layer.zero_grad()
        layer(u).square().mean().backward()

    begun = time.process_time()
    peak = peak_megabytes(step)
    seconds = time.process_time() - begun
    if seconds < ONCE:
        seconds = best_seconds(step)
    minimum = (lssl_minimum if kind == "lssl" else s4_minimum)(d_model, d_state, length)
    return {"seconds": seconds, "peak_mb": peak, "minimum_mb": minimum}


def s4_minimum(d_model: int, d_state: int, length: int) -> float:
    """MB that a step must hold: gradients of Λ, P, B, C, Δ and D, the kernel and the output, float32."""
    return 4 * (4 * d_model * d_state + 2 * d_model + 2 * d_model * length) / MEGABYTE


def lssl_minimum(d_model: int, d_state: int, length: int) -> float:
    """MB of the Krylov matrix, one Ā a feature, the gradients, kernel and output, float32."""
    gradients = d_state**2 + d_state + d_model * d_state + 2 * d_model
    krylov = d_model * d_state * (length + d_state)
    return 4 * (krylov + gradients + 2 * d_model * length) / MEGABYTE


def free_megabytes() -> float:
    """Memory that a process may take now."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def page(rows: list[Row]) -> str:
    """The page with both sweeps, the paper's points and the exponents."""
    points = []
    for d, (lssl_ms, s4_ms, lssl_mb, s4_mb) in PAPER.items():
        pair = {kind: _find(rows, kind, d, d, LENGTH) for kind in KINDS}
        s4, lssl = pair["s4"], pair["lssl"]
        if s4 and lssl:
            ours = [
                f"{lssl['seconds'] * 1e3:,.0f} / {s4['seconds'] * 1e3:,.0f} ms = "
                f"**{lssl['seconds'] / s4['seconds']:.1f}x**",
                f"{lssl['peak_mb']:,.0f} / {s4['peak_mb']:.1f} MB = "
                f"**{lssl['peak_mb'] / s4['peak_mb']:.0f}x**",
                f"{lssl['minimum_mb']:,.0f} / {s4['minimum_mb']:.1f} MB",
            ]
        else:
            ours = ["not measured here"] * 3
        paper = [
            f"{lssl_ms} / {s4_ms} ms = {lssl_ms / s4_ms:.1f}x",
            f"{lssl_mb:,.0f} / {s4_mb} MB = {lssl_mb / s4_mb:.0f}x",
        ]
        points.append([str(d), *ours, *paper])
    head = ["d = N", "time, LSSL / S4", "peak memory", "least memory", "paper: time", "paper: memory"]
    text = "# S4 against LSSL\n\n" + __doc__.split("\n", 2)[2] + "\n" + markdown_table(head, points)
    text += f"\nGrowth, {WIDTH} features (fitted over the upper half of each range):\n\n"
    sweep = []
    for kind in KINDS:
        over_n = [row for row in rows if row["kind"] == kind and _is(row, length=LENGTH)]
        over_l = [row for row in rows if row["kind"] == kind and _is(row, d_state=STATE)]
        line = [kind]
        for chosen, size in ((over_n, "d_state"), (over_l, "length")):
            upper = sorted(chosen, key=lambda row: row[size])[len(chosen) // 2 :]
            for what in ("seconds", "peak_mb"):
                fits = len(upper) > 1
                slope = exponent([r[size] for r in upper], [r[what] for r in upper]) if fits else float("nan")
                line.append(f"{slope:.2f}")
        sweep.append(line)
    text += markdown_table(["", "time in N", "memory in N", "time in L", "memory in L"], sweep)
    cells = [
        [f"{r['kind']}, d={r['d_model']}", str(r["d_state"]), f"{r['length']:,}",
         f"{r['seconds'] * 1e3:,.1f}", f"{r['peak_mb']:,.1f}", f"{r['minimum_mb']:,.1f}", str(r["threads"])]
        for r in sorted(rows, key=lambda r: (r["kind"], r["d_model"], r["d_state"], r["length"]))
    ]  # fmt: skip
    head = ["layer", "N", "L", "step, ms", "peak, MB", "least, MB", "threads"]
    return text + "\n" + markdown_table(head, cells)


def plot(rows: list[Row], path: Path) -> None:
    """Time and memory over N and over L."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), constrained_layout=True)
    sweeps = (("d_state", {"length": LENGTH}, "state size N"), ("length", {"d_state": STATE}, "length L"))
    for column, (size, fixed, label) in zip(axes.T, sweeps):
        for axis, (what, unit) in zip(column, (("seconds", "step, s"), ("peak_mb", "peak memory, MB"))):
            for kind, colour in (("lssl", "C1"), ("s4", "C0")):
                chosen = [r for r in rows if r["kind"] == kind and _is(r, **fixed)]
                chosen.sort(key=lambda r: r[size])
                axis.loglog(
                    [r[size] for r in chosen],
                    [r[what] for r in chosen],
                    "o-",
                    color=colour,
                    label=kind.upper(),
                )
                if what == "peak_mb":
                    least = [r["minimum_mb"] for r in chosen]
                    axis.loglog(
                        [r[size] for r in chosen], least, ":", color=colour, label=f"{kind.upper()}, least"
                    )
            axis.set(xlabel=label, ylabel=unit)
            axis.set_xticks(
                (ticks := sorted({r[size] for r in rows if _is(r, **fixed)})),
                [f"{n:,}" for n in ticks],
                minor=False,
                fontsize=8,
            )
            axis.minorticks_off()
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8)
    figure.suptitle(f"Training step of one layer, {WIDTH} features; N at L = {LENGTH:,}, L at N = {STATE}")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _is(row: Row, **fixed: int) -> bool:
    return row["d_model"] == WIDTH and all(row[name] == value for name, value in fixed.items())


def _find(rows: list[Row], kind: str, d_model: int, d_state: int, length: int) -> Row | None:
    wanted = {"kind": kind, "d_model": d_model, "d_state": d_state, "length": length}
    return next((row for row in rows if all(row[k] == v for k, v in wanted.items())), None)
