"""Where results go: JSON and pages that are whole or absent, and the log of every look at a test span."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ssmts

__all__ = [
    "RESULTS",
    "log_test",
    "markdown_table",
    "merged",
    "raw_of",
    "read_json",
    "write_json",
    "write_text",
]

RESULTS = Path(__file__).resolve().parent / "results"
_ABSOLUTE = re.compile(r"(^|[=:])(?:~|[A-Za-z]:)?[/\\]+(?:[^/\\]+[/\\]+)*")


def raw_of(folder: Path) -> Path:
    """Where the JSON behind a folder of pages lies: ``results/raw/ltsf`` for ``results/ltsf``."""
    return folder.parent / "raw" / folder.name


def write_text(path: Path, text: str) -> None:
    """Write beside `path`, then rename: a run that is cut short leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(text)
    beside.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, one indent a level, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """Content of a file, None if there is none."""
    return json.loads(path.read_text()) if path.exists() else None


def merged(
    old: list[dict[str, Any]], new: list[dict[str, Any]], keys: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Old rows with those of equal keys replaced by new ones, sorted by keys."""
    rows = {tuple(str(row[key]) for key in keys): row for row in [*old, *new]}
    return [rows[key] for key in sorted(rows)]


def log_test(command: list[str], results: Path = RESULTS) -> None:
    """Append to the log, before the test span is read, who reads it: date, command, version.

    Of an absolute path the last part alone is written: where things lie on a machine is nobody's concern.
    """
    results.mkdir(parents=True, exist_ok=True)
    entry = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(_ABSOLUTE.sub(r"\1", word) for word in command),
        "version": _version(),
    }
    with (results / "test-log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")


def _version() -> str:
    described = subprocess.run(
        ["git", "describe", "--always"], cwd=RESULTS.parent, capture_output=True, text=True, check=False
    )
    commit = described.stdout.strip()
    return f"{ssmts.__version__}+{commit}" if commit else ssmts.__version__


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A table of text cells."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
