"""Rows a second and peak memory on data of any size.

``python -m benchmarks.scale.throughput --rows 100000000`` measures and stores.
Hourly waves with noise are written as parquet, a thousand series a file, and read in pieces by processes of
their own, whose peak memory is that of the whole run. Context 168, horizon 24, 128 modes. Results are kept
under ``results/scale`` for each task, number of workers, rows and length of the series.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.output import RESULTS, markdown_table, merged, read_json, write_json, write_text
from benchmarks.scale.throughput_worker import ID, TASKS

_SERIES = 1000  # of a file
_SAMPLE = 1000  # rows of a series that the model is fitted on before
_KEYS = ("task", "workers", "rows", "length")


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--length", type=int, default=1000, help="rows of a series")
    parser.add_argument("--task", nargs="*", choices=list(TASKS), default=["fit", "score"])
    parser.add_argument("--workers", type=int, nargs="*", default=[1], help="processes; score has one alone")
    parser.add_argument(
        "--folder", type=Path, help="where the data is written and left; temporary by default"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        n_files = prepare(folder, options.rows, options.length)
        rows = []
        for task in options.task:
            for workers in options.workers if task != "score" else [1]:
                found = measure(task, workers, folder, n_files)
                rows.append({"task": task, "workers": workers, "rows": n_files * _SERIES * options.length})
                rows[-1] |= {"length": options.length} | found
                store(rows[-1:])
                print(to_markdown(rows[-1:]), flush=True)


def prepare(folder: Path, n_rows: int, length: int) -> int:
    """Write the files that are not there yet; how many there are."""
    n_files = -(-n_rows // (_SERIES * length))
    data = folder / f"{length}-{n_files}"
    data.mkdir(parents=True, exist_ok=True)
    for part in range(n_files):
        path = data / f"{part:06}.parquet"
        if not path.exists():
            beside = path.with_suffix(".part")
            waves(part, length, _SERIES).to_parquet(beside, index=False)
            beside.replace(path)
    waves(n_files, _SAMPLE, 100).to_parquet(folder / "sample.parquet", index=False)
    return n_files


def waves(part: int, length: int, n_series: int) -> pd.DataFrame:
    """Days of different shapes with noise, long."""
    draw = np.random.default_rng(part)
    hours = np.arange(length)
    phase, size = draw.uniform(0, 2 * np.pi, (2, n_series, 1))
    values = (1 + size) * np.sin(2 * np.pi * hours / 24 + phase) + draw.normal(0, 0.5, (n_series, length))
    return pd.DataFrame(
        {
            ID: np.repeat(part * _SERIES + np.arange(n_series), length),
            "ds": np.tile(pd.Timestamp("2025-01-01") + pd.to_timedelta(hours, "h"), n_series),
            "y": values.ravel(),
        }
    )


def measure(task: str, workers: int, folder: Path, n_files: int) -> dict[str, Any]:
    """Seconds, processor seconds and GiB of a process."""
    data = next(folder.glob(f"*-{n_files}"))
    given = {"task": task, "workers": workers, "folder": str(data), "n_files": n_files}
    given["sample"] = str(folder / "sample.parquet")
    command = [sys.executable, "-m", "benchmarks.scale.throughput_worker", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(
        next(line for line in done.stdout.splitlines() if line.startswith("{"))
    )
    return found


def store(rows: list[dict[str, Any]]) -> None:
    """JSON and a page."""
    path = RESULTS / "raw" / "scale" / "scale.json"
    known = (read_json(path) or {"results": []})["results"]
    rows = merged(known, rows, _KEYS)
    write_json(path, {"results": rows})
    title = (
        "# Scale: rows a second and memory\n\n`python -m benchmarks.scale.throughput` makes this page; "
        + _NOTE
    )
    write_text(RESULTS / "scale" / "README.md", f"{title}\n\n{to_markdown(rows)}")


_NOTE = (
    "context 168, horizon 24, 128 modes. Seconds are those of the clock, on a machine that others used as "
    "well; processor seconds include those of workers, peak memory is that of the process that was asked."
)


def to_markdown(rows: list[dict[str, Any]]) -> str:
    """Results as a table."""
    header = ["task", "workers", "rows", "of a series", "s", "cpu s", "rows/s", "series/s", "peak GiB"]
    cells = [
        [
            row["task"],
            str(row["workers"]),
            f"{row['rows']:,}",
            str(row["length"]),
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['rows'] / row['seconds']:,.0f}",
            f"{row['rows'] / row['length'] / row['seconds']:,.0f}",
            f"{row['peak_gib']:.2f}",
        ]
        for row in sorted(rows, key=lambda row: [row[key] for key in _KEYS])
    ]
    return markdown_table(header, cells)


if __name__ == "__main__":
    main()
