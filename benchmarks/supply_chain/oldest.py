"""One environment of the oldest versions that pyproject.toml allows, and the suite in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from benchmarks.supply_chain.dependencies import PROJECT, user_extras

__all__ = ["build", "run_quickstart", "run_tests"]

ROOT = PROJECT.parent
# Everything that calls a dependency; the rest of the suite is arithmetic on the same calls.
_SUITE = (
    *("golden", "data", "estimators", "training", "command", "comparison", "integrations", "models", "nn"),
    *("kernels", "test_metrics.py", "test_model_selection.py", "test_errors_end_to_end.py"),
)
_BLOCK = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)


def build(folder: Path) -> Path:
    """Install the lower bounds of core and extras together with a wheel of ssmts; the interpreter.

    Only what pyproject.toml names is held at its bound: pip has no such resolution, so uv resolves. What
    those packages need themselves is the newest that they allow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bounds, wheels, environment = folder / "oldest.txt", folder / "wheels", folder / "environment"
    extras = [word for extra in user_extras() for word in ("--extra", extra)]
    _uv("venv", "--clear", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    lowest = ("--resolution", "lowest-direct", "--python", python)
    _uv("pip", "compile", *lowest, PROJECT, *extras, "-o", bounds)
    _uv("pip", "install", "--python", python, "-r", bounds, "pytest<10", "hypothesis")
    _uv("build", "--wheel", "--out-dir", wheels, ROOT)
    (wheel,) = wheels.glob("ssmts-*.whl")
    _uv("pip", "install", "--python", python, "--no-deps", "--reinstall", wheel)
    return python


def run_quickstart(python: Path, wheel_folder: Path) -> bool:
    """Run the code of the README that the wheel carries, with the wheel alone on the path."""
    (wheel,) = wheel_folder.glob("ssmts-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        page = archive.read(name).decode()
    code = "\n".join(_BLOCK.findall(page))
    return subprocess.run([python, "-I", "-c", code], cwd=wheel_folder, check=False).returncode == 0


def run_tests(python: Path) -> bool:
    """Run the part of the suite that calls dependencies; warnings of old versions are not errors."""
    command = [python, "-m", "pytest", "-q", "-m", "not slow", "--disable-warnings", "-p", "no:cacheprovider"]
    command += ["-o", "filterwarnings=default", *(f"tests/{name}" for name in _SUITE)]
    paths = os.pathsep.join(str(ROOT / part) for part in ("", "kernels", "datasets"))
    environment = os.environ | {"PYTHONPATH": paths}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _uv(*arguments: object) -> None:
    subprocess.run(["uv", "--quiet", *map(str, arguments)], check=True)
