"""Cells of a claim: measured once, stored at once, measured in slices of time."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.output import RESULTS, raw_of, read_json, write_json, write_text

Row = dict[str, Any]
FOLDER = RESULTS / "claims"


class Cells:
    """Rows of one claim in ``<name>.json``.

    Parameters
    ----------
    name : str
        Of the claim.
    max_minutes : float
        No cell begins later than that.
    forget : bool
        Whether to begin anew.
    folder : Path
        Where the results go.
    """

    def __init__(self, name: str, max_minutes: float, *, forget: bool = False, folder: Path = FOLDER) -> None:
        self.name, self.folder = name, folder
        self.deadline = time.monotonic() + 60 * max_minutes
        stored = None if forget else read_json(raw_of(self.folder) / f"{name}.json")
        self.rows: list[Row] = stored["cells"] if stored else []
        self.left_out: list[Row] = []

    def cell(self, key: Row, measure: Callable[[], Row]) -> Row | None:
        """Return the stored row of `key`, else measure and store it; None where time is up."""
        for row in self.rows:
            if all(row.get(name) == value for name, value in key.items()):
                return row
        label = " ".join(f"{name}={value}" for name, value in key.items())
        if time.monotonic() > self.deadline:
            self.left_out.append(key)
            return None
        begun = time.monotonic()
        row = {**key, **measure(), "threads": torch.get_num_threads()}
        print(f"{self.name}: {label}: {time.monotonic() - begun:.1f} s", flush=True)
        self.rows.append(row)
        write_json(raw_of(self.folder) / f"{self.name}.json", self._content())
        return row

    def publish(self, page: str, plot: Callable[[Path], None]) -> None:
        """Store the page and the plot, print the page and what was left for another run."""
        write_json(raw_of(self.folder) / f"{self.name}.json", self._content())
        if not self.rows:
            print("Nothing was measured: give it more minutes.")
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        plot(self.folder / f"{self.name}.png")
        head = f"`python -m benchmarks.claims {self.name}`. {device()}, torch {torch.__version__}.\n\n"
        title, _, body = page.partition("\n")
        write_text(self.folder / f"{self.name}.md", f"{title}\n\n{head}{body.lstrip()}")
        print(page)
        for key in self.left_out:
            print("left for another run:", " ".join(f"{name}={value}" for name, value in key.items()))

    def _content(self) -> Row:
        return {
            "claim": self.name,
            "device": device(),
            "torch": torch.__version__,
            "date": datetime.now(UTC).date().isoformat(),
            "cells": self.rows,
        }


def device() -> str:
    """Name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in names if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores"
