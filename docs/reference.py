"""The API reference as web pages: ``python docs/reference.py build/api`` (``make docs``).

Every public name of the modules below has its signature and its docstring there, made by pdoc.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from pathlib import Path

import pdoc

ROOT = Path(__file__).parent.parent
MODULES = (
    "ssmts",  # with the modules of its __all__
    "ssmts_datasets",
    "ssmts_kernels",
    "ssmts.integrations.optuna",
    "ssmts.integrations.mlflow",
)


def main(folder: str) -> None:
    """Write the pages; what pdoc warns of is an error."""
    sys.path[:0] = [str(ROOT / name) for name in (".", "kernels", "datasets")]
    for name in MODULES:
        module = import_module(name)  # what they import may start processes, which pdoc forbids
        for public in module.__all__:
            setattr(module, public, getattr(module, public))  # what is lazy, pdoc does not find
    pdoc.render.configure(docformat="numpy", show_source=False, footer_text="ssmts")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning)
        # Fields that a dataclass inherits are annotated in the words of another module: shown as they are.
        warnings.filterwarnings("ignore", message="Error parsing type annotation")
        pdoc.pdoc(*MODULES, *modules_of_bases(), output_directory=Path(folder))


def modules_of_bases() -> list[str]:
    """Modules of the classes that estimators inherit methods from: pdoc links to their pages."""
    estimators = import_module("ssmts.estimators")
    public = [getattr(estimators, name) for name in estimators.__all__]
    bases = {base for one in public if isinstance(one, type) for base in one.__mro__} - set(public)
    return sorted({base.__module__ for base in bases if base.__module__.startswith("ssmts.")})


if __name__ == "__main__":
    main(*sys.argv[1:])
