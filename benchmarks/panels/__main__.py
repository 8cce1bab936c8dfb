"""Panels: ``python -m benchmarks.panels --set m4_hourly tourism --model LinearSSMForecaster AutoETS``.

Sets are those of ``benchmarks.panels.data``: field data below ``$SSMTS_DATA_HOME``. Without ``--test`` the
test rows are dropped and the last windows before them are judged; with it the test rows are, which is logged
in ``results/test-log.jsonl``. Either is stored, as JSON below ``results/raw/panels`` and as one page each; a
stored row of a peer is not run again (``--again``), ours and the simple forecasts are.

Peers run in environments of their own, pinned, which ``--install`` makes, on one core, each with
``--seconds`` of processor time a panel. One that is not done by then stands in the table with every 2nd, 4th,
... series (or window, where a series has several), and ours is compared on the same rows.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.output import RESULTS, log_test, merged, read_json, write_json, write_text
from benchmarks.panels.data import SETS, load
from benchmarks.panels.environments import PEERS, install
from benchmarks.panels.pages import page
from benchmarks.panels.running import OURS, Jury
from benchmarks.panels.simple import SIMPLE

_RAW = RESULTS / "raw" / "panels"


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", nargs="+", choices=SETS, default=[*SETS], help="all by default")
    parser.add_argument(
        "--model", nargs="*", choices=[*OURS, *PEERS], default=[*OURS], help="ours by default"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="processor time of a peer a panel")
    span = parser.add_mutually_exclusive_group()
    span.add_argument("--validation", action="store_true", help="judge on the end of training (the default)")
    span.add_argument("--test", action="store_true", help="judge on the test rows and log the look")
    parser.add_argument("--again", action="store_true", help="run stored rows of peers anew")
    parser.add_argument("--install", action="store_true", help="make the environments of the peers first")
    parser.add_argument("--page", action="store_true", help="only write the pages, from what is stored")
    options = parser.parse_args(arguments)
    if options.install:
        install()
    raw = _RAW / ("test" if options.test else "validation")
    if options.test and not options.page:
        log_test(["python -m benchmarks.panels", *arguments])
    for name in [] if options.page else options.set:
        path = raw / f"{name}.json"
        known = (read_json(path) or {"results": []})["results"]
        stored = (
            set()
            if options.again
            else {row["model"] for row in known if "not installed" not in row.get("skipped", "")}
        )
        missing = [model for model in options.model if model in OURS or model not in stored]
        jury = Jury([panel.task(test=options.test) for panel in load(name)])
        for simple in SIMPLE:
            known = merged(known, jury.simple(simple), ("model", "panel"))
        write_json(path, {"results": known})
        for model in missing:
            known = merged(known, jury.run(model, options.seconds), ("model", "panel"))
            write_json(path, {"results": known})
    files = [content for name in SETS if (content := read_json(raw / f"{name}.json"))]
    rows = [row for content in files for row in content["results"]]
    text = page(rows, test=options.test)
    write_text(RESULTS / "panels" / f"{raw.name}.md", text)
    print(text)


if __name__ == "__main__":
    main()
