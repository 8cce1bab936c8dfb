"""What every Triton kernel needs of a GPU, without one: ``python -m benchmarks.kernels.compile``.

Compiles every kernel in every configuration of its autotuner for sm_80, sm_90 and sm_100, on the shapes of a
training step (d_model 128, length 512), with the ptxas that Triton brings, and writes registers, spills,
shared memory against its limit, and occupancy to ``benchmarks/results/kernels-compiled.md``. Minutes the
first time; Triton caches what it compiled. The status is 1 if a default configuration spills, or any asks for
more shared memory than there is.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

import torch
import triton

from benchmarks.kernels.ahead_of_time import SHARED_LIMITS, Compiled, Launch, compiled
from benchmarks.kernels.launches import OPERATORS, launches_of
from benchmarks.output import RESULTS, markdown_table, write_text

_HALVES = ("selective_scan", "ssd")  # also in bfloat16


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--operators", nargs="+", choices=OPERATORS, default=[*OPERATORS])
    parser.add_argument("--defaults", action="store_true", help="default configurations for sm_90 as JSON")
    options = parser.parse_args(arguments)
    if options.defaults:
        print(json.dumps([_default(operator) for operator in options.operators]))
        return 0
    rows, doubtful = [], []
    for operator in options.operators:
        for dtype in (torch.float32, torch.bfloat16) if operator in _HALVES else (torch.float32,):
            for launch in launches_of(operator, dtype):
                for capability in SHARED_LIMITS:
                    need = compiled(launch, capability)
                    name = f"{operator}.{launch.kernel.fn.__name__.strip('_')}"
                    rows.append(_row(name, dtype, launch, capability, need))
                    print(" | ".join(rows[-1]), flush=True)
                    if need.shared > SHARED_LIMITS[capability] or (need.spilled and not launch.number):
                        doubtful.append(rows[-1])
    write_text(RESULTS / "kernels-compiled.md", _page(rows, doubtful))
    return int(bool(doubtful))


def _default(operator: str) -> dict[str, Any]:
    """Needs of the kernels of an operator as a training step launches them."""
    launches = launches_of(operator, torch.bfloat16 if operator in _HALVES else torch.float32)
    needs = [asdict(compiled(launch, 90)) for launch in launches if not launch.number]
    names = [launch.kernel.fn.__name__.strip("_") for launch in launches if not launch.number]
    return {"operator": operator, "launches": len(launches), "kernels": names, "needs": needs}


def _row(name: str, dtype: torch.dtype, launch: Launch, capability: int, need: Compiled) -> list[str]:
    return [
        name,
        str(dtype).removeprefix("torch."),
        launch.configuration + ("" if launch.number else " (default)"),
        f"sm_{capability}",
        str(need.registers),
        str(need.spilled),
        f"{need.shared / 1024:.1f} of {SHARED_LIMITS[capability] // 1024} KiB",
        f"{need.occupancy:.0%}",
    ]


def _page(rows: list[list[str]], doubtful: list[list[str]]) -> str:
    header = ["kernel", "dtype", "configuration", "for", "registers", "spilled, bytes", "shared", "occupancy"]
    n_defaults = sum("default" in row[2] for row in rows)
    text = f"""# Triton kernels, compiled ahead of time

`python -m benchmarks.kernels.compile`: every kernel in every configuration, on the shapes of a training step
(d_model 128, length 512), by Triton {triton.__version__} and its ptxas. Occupancy is what registers and
shared memory allow. Nothing here was run on a GPU.

Defaults that spill, or ask for more shared memory than a block may have: {len(doubtful)} of {n_defaults}.

"""
    if doubtful:
        text += markdown_table(header, doubtful) + "\n## All\n\n"
    return text + markdown_table(header, rows)


if __name__ == "__main__":
    sys.exit(main())
