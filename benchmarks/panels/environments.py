"""Environments of the peers: one a library, pinned, in a folder that git ignores."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["LIBRARIES", "PEERS", "install", "python_of"]

_FOLDER = Path(__file__).resolve().parents[1] / ".environments"
LIBRARIES = {
    "statsforecast": ("statsforecast==2.1.1",),
    "mlforecast": ("mlforecast==1.1.0", "lightgbm==4.7.0"),
    "flaircast": ("flaircast==0.6.1",),
    "fracast": ("fracast==0.1.0",),
}
# Model -> library.
PEERS = {
    "AutoETS": "statsforecast",
    "AutoARIMA": "statsforecast",
    "AutoCES": "statsforecast",
    "theta": "statsforecast",
    "MSTL": "statsforecast",
    "FLAIR": "flaircast",
    "LightGBM": "mlforecast",
    "fracast": "fracast",
}


def python_of(library: str) -> Path:
    """Interpreter of a library's environment, whether or not it is installed."""
    return _FOLDER / library / "bin" / "python"


def install() -> None:
    """Make what environments are missing, from the package index that pip is set to."""
    for library, packages in LIBRARIES.items():
        python = python_of(library)
        if not python.exists():
            venv.create(python.parents[1], with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-warn-conflicts", *packages]
        print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)
        subprocess.run([*command, "pandas", "pyarrow"], check=True)
