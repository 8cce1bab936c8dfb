"""One page out of the stored results: ``python -m benchmarks.report``.

Runs nothing: it reads the pages that the other commands left under ``benchmarks/results``, puts a summary of
the long-horizon cells before them and writes ``report.md``, and ``report.html`` with the pictures inside.
"""

from __future__ import annotations

import argparse
import base64
import re
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt

from benchmarks.output import RESULTS, markdown_table, read_json, write_text

__all__ = ["headline", "page", "to_html"]

# Folders and pages in the order in which they are read; what is not named here comes after them.
_ORDER = (
    "ltsf",
    "deep_path",
    "peers",
    "time_to_accuracy",
    "untuned",
    "informer",
    "probabilistic",
    "covariates",
    "rate_change",
    "irregular",
    "streaming",
    "latency",
    "classification",
    "speech",
    "claims",
    "kernels",
    "tuning",
    "scale",
)
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: left; white-space: nowrap }
img { max-width: 100% }
code { background: #f4f4f4; padding: 0 .2em }
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    text = page(options.results)
    write_text(options.results / "report.md", text)
    write_text(options.results / "report.html", to_html(text, options.results))
    print(f"wrote {options.results / 'report.md'} and report.html")


def page(results: Path) -> str:
    """All stored pages as one, their headings a level deeper and their pictures found from `results`."""
    pages = [path for path in results.rglob("*.md") if path != results / "report.md"]
    pages.sort(key=lambda path: (_place(path.relative_to(results)), path))
    parts = ["# Benchmarks of ssmts\n", headline(results / "raw" / "ltsf")]
    for path in pages:
        text = re.sub(r"^(#+) ", r"#\1 ", path.read_text().strip(), flags=re.MULTILINE)
        folder = path.parent.relative_to(results).as_posix()
        parts.append(_PICTURE.sub(rf"![\1]({folder}/\2)", text) + "\n")
    return "\n".join(part for part in parts if part)


def _place(path: Path) -> int:
    """Position of a page by the name of its folder or, at the top, the beginning of its own."""
    name = path.parts[0]
    return next((k for k, known in enumerate(_ORDER) if name.startswith(known)), len(_ORDER))


def headline(folder: Path) -> str:
    """Mean MSE and MAE of each model over the long-horizon cells that it was run on; seeds count as one."""
    figures: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(folder.glob("*.json")):
        cell = read_json(path) or {"results": []}
        for name in dict.fromkeys(row["model"] for row in cell["results"]):
            rows = [row for row in cell["results"] if row["model"] == name]
            means = (float(np.mean([row[key] for row in rows])) for key in ("mse", "mae"))
            figures.setdefault(name, []).append((next(means), next(means)))
    if not figures:
        return ""
    lines = [
        [name, str(len(own)), *(f"{mean:.4f}" for mean in np.mean(own, axis=0))]
        for name, own in sorted(
            figures.items(), key=lambda item: (-len(item[1]), np.mean(item[1], axis=0)[0])
        )
    ]
    header = ["model", "cells", "mean MSE", "mean MAE"]
    return f"## Long horizons in one table\n\nMeans over the cells run.\n\n{markdown_table(header, lines)}"


def to_html(text: str, results: Path) -> str:
    """The page as HTML that needs no other file."""

    def embedded(found: re.Match[str]) -> str:
        picture = results / found[2]
        if picture.suffix != ".png" or not picture.exists():
            return found[0]
        return f"![{found[1]}](data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()})"

    body = MarkdownIt("commonmark").enable("table").render(_PICTURE.sub(embedded, text))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Benchmarks of ssmts</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


if __name__ == "__main__":
    main()
