"""Every operator against its peers: ``python -m benchmarks.kernels`` prints and stores the table.

Ratios are taken in one run, ours and peers in turn, the best of several rounds each, and no row is timed
before ours and its peers agree. On a machine without a GPU the table says so and holds no GPU figure.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "kernels"))
RESULTS = ROOT / "benchmarks" / "results"
TARGETS = {
    "selective_scan forward+backward, B8 L512 D128 N16": {"mambapy": 4, "loop": 3},
    "ssd forward+backward, B4 L1024 H8 P64 N64": {"loop": 10, "einsum": 1},
}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="rounds a row; the best time counts")
    parser.add_argument(
        "--threads", type=int, default=2, help="torch's threads; 1 on a machine with other work"
    )
    parser.add_argument("--no-store", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    report = measure(options.repeats, options.threads)
    page = to_markdown(report)
    print(page)
    if not options.no_store:
        (RESULTS / "raw").mkdir(parents=True, exist_ok=True)
        write_atomically(RESULTS / "raw" / "kernels-cpu.json", json.dumps(report, indent=1) + "\n")
        write_atomically(RESULTS / "kernels-cpu.md", page)
        draw(report, RESULTS / "kernels-cpu.png")


def measure(repeats: int, threads: int) -> dict[str, Any]:
    """Return the device, the date, the notes and every row."""
    from benchmarks.kernels import lti, selective

    notes = []
    if importlib.util.find_spec("mambapy") is None:
        notes.append("mambapy is not installed here: its parallel scan is not in the table.")
    if not torch.cuda.is_available():
        notes.append(
            "No GPU was at hand: the Triton kernels are tested in the interpreter, their speed is unknown."
        )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5:
        notes.append(
            f"The machine had other work (load {load:.1f} on {os.cpu_count()} cores): times are "
            "too long, and more so where many small parallel calls are made. Run again on a quiet machine."
        )
    selective.THREADS = threads
    rows = lti.rows(repeats) + selective.rows(repeats)
    for row in rows:
        row.setdefault("target", TARGETS.get(row["work"], {}))
    return {
        "device": _device_name(),
        "date": datetime.now(UTC).date().isoformat(),
        "threads": threads,
        "torch": torch.__version__,
        "load_before": round(load, 2),
        "notes": notes,
        "rows": rows,
    }


def to_markdown(report: dict[str, Any]) -> str:
    """Lay the report out as a page."""
    lines = [
        "# Operators on CPU",
        "",
        f"{report['device']}, {report['threads']} thread(s), torch {report['torch']}, {report['date']}. "
        "Best of several rounds; `python -m benchmarks.kernels` makes this page.",
        "",
        *(f"- {note}" for note in report["notes"]),
        "",
        "| work | ours | peers (time, ratio to ours) | must reach | peak memory, ours / peers |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in report["rows"]:
        ours, target = row["ours_s"], row["target"]
        peers = ", ".join(f"{n} {_time(s)} ({s / ours:.1f}x)" for n, s in row["peers"].items())
        goals = ", ".join(_goal(name, goal, row) for name, goal in target.items())
        peaks = ""
        if row.get("peak_mb") is not None:
            others = ", ".join(f"{n} {v:.0f} MB" for n, v in row["peers_peak_mb"].items())
            peaks = f"{row['peak_mb']:.0f} MB / {others}"
        lines.append(f"| {row['work']} | {_time(ours)} | {peers} | {goals} | {peaks} |")
    return "\n".join(lines) + "\n"


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the ratio of every peer's time to ours, and the goals."""
    from matplotlib.figure import Figure

    bars = [(row, name, s / row["ours_s"]) for row in report["rows"] for name, s in row["peers"].items()]
    figure = Figure(figsize=(9, 0.27 * len(bars) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    names = [f"{row['work'].replace('forward+backward', 'fwd+bwd')}: {name}" for row, name, _ in bars]
    ratios = [ratio for *_, ratio in bars]
    axes.barh(
        range(len(bars)), [r - 1 for r in ratios], left=1, color=["C0" if r >= 1 else "C3" for r in ratios]
    )
    for y, (row, name, ratio) in enumerate(bars):
        axes.annotate(
            f"{ratio:.3g}",
            (max(ratio, 1, row["target"].get(name, 1)), y),
            (3, 0),
            textcoords="offset points",
            va="center",
            size=7,
        )
        if name in row["target"]:
            axes.plot([row["target"][name]] * 2, [y - 0.4, y + 0.4], color="black", linewidth=1.5)
    axes.set_xscale("log")
    axes.margins(x=0.08, y=0.01)
    axes.axvline(1, color="gray", linewidth=0.8)
    axes.set_yticks(range(len(bars)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("time of the peer / ours (log scale); black mark: goal")
    figure.savefig(path, dpi=110)


def write_atomically(path: Path, text: str) -> None:
    """Write beside `path`, then rename: a run that is cut short leaves the old file."""
    beside = path.with_suffix(path.suffix + ".part")
    beside.write_text(text)
    beside.replace(path)


def _goal(name: str, goal: float, row: dict[str, Any]) -> str:
    if name == "seconds":
        return f"{_time(goal)}: {'yes' if row['ours_s'] <= goal else 'no'}"
    if name not in row["peers"]:
        return f"{goal:g}x {name}: not measured"
    reached = row["peers"][name] / row["ours_s"] >= goal
    return f"{goal:g}x {name}: {'yes' if reached else 'no'}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def _device_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
