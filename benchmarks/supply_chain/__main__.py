"""What ssmts stands on: ``python -m benchmarks.supply_chain``.

Lists every dependency that is installed with its licence, writes a bill of materials (CycloneDX) and asks
pip-audit for known flaws. ``--oldest FOLDER`` instead installs the lower bounds of all dependencies and a
wheel of ssmts into one fresh environment below FOLDER (gigabytes), and runs the quickstart of the README and
the suite's fast tests there. Needs ``pip install ".[audit]"``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

from benchmarks.output import RESULTS, markdown_table, write_text
from benchmarks.supply_chain.dependencies import PROJECT, Dependency, installed, user_extras
from benchmarks.supply_chain.oldest import build, run_quickstart, run_tests

_BILL = PROJECT.parent / "build" / "sbom.cdx.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--oldest", type=Path, metavar="FOLDER", help="test lower bounds here")
    options = parser.parse_args(arguments)
    if options.oldest is not None:
        python = build(options.oldest)
        quickstart = run_quickstart(python, options.oldest / "wheels")
        print(f"quickstart of the README: {'runs' if quickstart else 'fails'}", flush=True)
        return 0 if run_tests(python) and quickstart else 1
    core, everything = installed(), installed(user_extras())
    audited, flaws = _audit()
    text = _page(core, everything, audited, flaws)
    write_text(RESULTS / "supply_chain.md", text)
    print(text)
    return 0 if not flaws and all(one.is_permissive for one in core) else 1


def _audit() -> tuple[int, list[list[str]]]:
    """How many of the packages installed pip-audit could look up, and the flaws that it knows of them."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
            *("--path", sysconfig.get_path("purelib")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise RuntimeError(f"pip-audit gave no answer:\n{done.stderr}")
    rows = json.loads(done.stdout)["dependencies"]
    looked_up = [row for row in rows if "skip_reason" not in row]
    return len(looked_up), [
        [row["name"], row["version"], one["id"]] for row in looked_up for one in row["vulns"]
    ]


def _bill() -> int:
    """Write the bill of materials; the number of its components."""
    _BILL.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--pyproject", str(PROJECT), "--output-file", str(_BILL), sys.executable]
    subprocess.run(command, check=True, capture_output=True)
    return len(json.loads(_BILL.read_text())["components"])


def _page(core: list[Dependency], everything: list[Dependency], audited: int, flaws: list[list[str]]) -> str:
    names = {one.name for one in core}
    extra = [one for one in everything if one.name not in names]
    doubtful = [one for one in extra if not one.is_permissive]
    known = (
        f"pip-audit looked up {audited} packages and knows {len(flaws)} flaws of them."
        if audited
        else "pip-audit could look up no package: the index here serves no advisories. Run it where one does."
    )
    text = f"""# Supply chain

`python -m benchmarks.supply_chain`: what the core of ssmts and all of its extras pull in, as installed.

- The core needs {len(core)} packages; {sum(one.is_permissive for one in core)} state a licence without
  copyleft over the code that uses them.
- The extras add {len(extra)}; {len(extra) - len(doubtful)} of them do.
- Bill of materials (CycloneDX): {_bill()} components, in `build/sbom.cdx.json`.
- {known}

"""
    if flaws:
        text += markdown_table(["package", "version", "flaw"], flaws) + "\n"
    text += "## Core\n\n" + _table(core)
    if doubtful:
        text += "\n## Extras: no licence stated, or copyleft\n\n" + _table(doubtful)
    return text


def _table(dependencies: list[Dependency]) -> str:
    rows = [[one.name, one.version, one.licence or "none stated"] for one in dependencies]
    return markdown_table(["package", "version", "licence"], rows)


if __name__ == "__main__":
    sys.exit(main())
