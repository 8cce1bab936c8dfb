"""The API reference builds without a warning and holds every public name."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ssmts import LinearSSMClassifier, LinearSSMForecaster, LinearSSMRegressor

ROOT = Path(__file__).parents[1]
MODULES = (
    "ssmts",
    "ssmts.estimators",
    "ssmts.errors",
    "ssmts.metrics",
    "ssmts.model_selection",
    "ssmts.nn",
    "ssmts.integrations.optuna",
    "ssmts.integrations.mlflow",
    "ssmts_datasets",
    "ssmts_kernels",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    done = subprocess.run(
        [sys.executable, "docs/reference.py", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_on_its_page(pages, name) -> None:
    text = (pages / (name.replace(".", "/") + ".html")).read_text(encoding="utf-8")
    documented = set(re.findall(r'id="([^"]+)"', text))
    submodules = set(re.findall(r'href="[^"]*?(\w+)\.html"', text))
    module = import_module(name)
    missing = set(module.__all__) - documented - submodules
    aliases = {one for one in missing if hasattr(getattr(module, one), "__path__")}
    assert missing - aliases - {"__version__"} == set()


def test_methods_of_a_forecaster_are_there_with_their_words(pages) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (pages / "ssmts").rglob("*.html"))
    for estimator in (LinearSSMForecaster, LinearSSMClassifier, LinearSSMRegressor):
        for base in estimator.__mro__:
            if base.__module__.startswith("ssmts"):
                for name in vars(base):
                    own = callable(getattr(base, name)) and not name.startswith("_")
                    assert not own or f'id="{base.__name__}.{name}"' in text, f"{base.__name__}.{name}"
    assert "Scale the intervals by their coverage" in text
