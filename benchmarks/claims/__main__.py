"""``python -m benchmarks.claims <name>`` measures one claim of the papers and stores JSON, a page and a plot.

Every cell is stored as soon as it is measured: a run that is cut short, by `--max-minutes` or a kill, goes on
where it was. Cells that were measured are not measured again; `--again` forgets them.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.claims.cells import FOLDER, Cells

NAMES = (
    "hippo_memory",
    "s4_vs_lssl",
    "generation",
    "delayed_copy",
    "adding",
    "hippo_init",
    "sequential_mnist",
    "density",
    "listops",
    "pathfinder",
    "full_size",
    "selective_copy",
    "induction",
)


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> None:
    """Measure, store and print one claim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    for name in NAMES:
        module = import_module(f"benchmarks.claims.{name}")
        command = commands.add_parser(
            name, help=module.__doc__.splitlines()[0], description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        command.add_argument("--threads", type=int, default=1, help="of torch; times are of the processor")
        command.add_argument("--max-minutes", type=float, default=7.0, help="begin no cell after so long")
        command.add_argument("--again", action="store_true", help="forget what was measured")
        module.add_arguments(command)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    module = import_module(f"benchmarks.claims.{options.name}")
    cells = Cells(options.name, options.max_minutes, forget=options.again, folder=folder)
    module.measure(cells, options)
    cells.publish(module.page(cells.rows), lambda path: module.plot(cells.rows, path))


if __name__ == "__main__":
    main()
