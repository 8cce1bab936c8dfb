"""The documentation as a web site: ``python docs/site/build.py build/site`` (``make site``).

README and pages are the guide. The API reference holds every public name of the modules below, with inherited
methods and formulas. A warning of Sphinx is an error. Pages load nothing from other hosts.
"""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from inspect import isclass
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

ROOT = Path(__file__).parents[2]
MODULES = (
    "ssmts",
    "ssmts.comparison",
    "ssmts.estimators",
    "ssmts.model_selection",
    "ssmts.metrics",
    "ssmts.errors",
    "ssmts.data",
    "ssmts.nn",
    "ssmts.nn.baselines",
    "ssmts.training",
    "ssmts.integrations.optuna",
    "ssmts.integrations.mlflow",
    "ssmts.integrations.parquet",
    "ssmts.integrations.ray",
    "ssmts.integrations.aeon",
    "ssmts.integrations.sktime",
    "ssmts_kernels",
    "ssmts_datasets",
)
FIRST = ("command", "forecasting", "panels", "irregular", "intervals", "covariates", "streaming",
         "validation", "understanding", "classification", "regression", "irregular_health", "data",
         "datasets", "production", "layers", "own-layers", "kernels", "mathematics", "glossary",
         "benchmarks", "claims", "search-log")  # fmt: skip


def main(folder: str) -> None:
    """Stage the sources below a folder and build the pages into its ``html``."""
    sys.path[:0] = [str(ROOT / name) for name in (".", "kernels", "datasets")]
    site = Path(folder).resolve()
    source = site / "source"
    shutil.rmtree(site, ignore_errors=True)
    unread = shutil.ignore_patterns("site", "*.json", "*.jsonl", "__pycache__")
    for name in ("docs", "benchmarks/results", "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=unread)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source / name)
    later = sorted(page.stem for page in (ROOT / "docs").glob("*.md") if page.stem not in FIRST)
    guide = [f"docs/{page}" for page in (*FIRST, *later)] + ["docs/decisions/README"]
    menus = toctree("Guide", *guide) + toctree("API", *(f"api/{module}" for module in MODULES))
    home = (ROOT / "README.md").read_text(encoding="utf-8")
    (source / "index.md").write_text(home + menus + toctree("Project", "CONTRIBUTING", "CHANGELOG"), "utf-8")
    (source / "api").mkdir()
    documented: set[int] = set()
    for module in MODULES:
        write_reference(module, source / "api", documented)
    options = ["-W", "--keep-going", "-q", "-j", "auto", "-c", str(Path(__file__).parent)]
    sys.exit(sphinx_build([*options, str(source), str(site / "html")]))


def toctree(caption: str, *pages: str) -> str:
    """An entry of the menu."""
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"


def write_reference(name: str, folder: Path, documented: set[int]) -> None:
    """A page of a module with a table of its public names, and a page for each that no module before has."""
    module = import_module(name)
    names = [one for one in module.__all__ if callable(getattr(module, one))]
    new = [one for one in names if id(getattr(module, one)) not in documented]
    documented.update(id(getattr(module, one)) for one in new)
    (folder / name).mkdir()
    for one in new:
        kind = "class" if isclass(getattr(module, one)) else "function"
        options = "   :members:\n   :inherited-members:\n" if kind == "class" else ""
        title = f"{one}\n{'=' * len(one)}\n\n"
        (folder / name / f"{one}.rst").write_text(f"{title}.. auto{kind}:: {name}.{one}\n{options}", "utf-8")
    rows = "".join(f"   {one}\n" for one in new)
    pages = "".join(f"   {name}/{one}\n" for one in new)
    text = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n\n"
    table = (
        f".. autosummary::\n   :nosignatures:\n\n{rows}\n.. toctree::\n   :hidden:\n\n{pages}" if new else ""
    )
    (folder / f"{name}.rst").write_text(text + table, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
