"""The site builds without a warning, holds every public name and method, loads nothing from other hosts."""

import re
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ssmts

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "docs" / "site" / "build.py"
pytestmark = pytest.mark.slow


pytestmark = pytest.mark.slow  # builds the site


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, BUILD, folder], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder / "html"


@pytest.fixture(scope="module")
def anchors(html) -> set[str]:
    """Full names of everything that the reference documents."""
    pages = (page.read_text(encoding="utf-8") for page in (html / "api").rglob("*.html"))
    return {name for page in pages for name in re.findall(r'<dt [^>]*id="(ssmts[\w.]+)"', page)}


def test_every_public_name_is_there(anchors) -> None:
    last = {name.rpartition(".")[2] for name in anchors}
    for module in runpy.run_path(str(BUILD))["MODULES"]:
        found = import_module(module)
        missing = {name for name in found.__all__ if callable(getattr(found, name))} - last
        assert missing == set(), module


@pytest.mark.parametrize(
    "estimator", ["LinearSSMForecaster", "S4Forecaster", "S4Classifier", "LinearSSMRegressor"]
)
def test_an_estimator_shows_its_methods_and_none_of_scikit_learns_descriptors(anchors, estimator) -> None:
    own = {name.rpartition(".")[2] for name in anchors if name.startswith(f"ssmts.{estimator}.")}
    methods = {
        name
        for base in getattr(ssmts, estimator).__mro__
        if base.__module__.startswith("ssmts")
        for name in vars(base)
        if callable(getattr(base, name)) and not name.startswith("_") and not name.endswith("_request")
    }
    assert {"fit", "predict", "save", "load"} <= methods <= own
    assert not [name for name in own if name.endswith("_request")]


def test_formulas_are_drawn(html) -> None:
    text = (html / "docs" / "mathematics.html").read_text(encoding="utf-8")
    formulas = re.findall(r"<math.*?</math>", text, flags=re.DOTALL)
    assert len(formulas) > 50
    assert not [one for one in formulas if "\\" in re.sub(r"<[^>]+>", "", one)]  # a command left as it was
    for page in html.rglob("*.html"):
        assert ":math:`" not in page.read_text(encoding="utf-8")


def test_pages_load_nothing_from_other_hosts(html) -> None:
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(?:https?:)?//', text) == []
