"""Runs the pages of the documentation as a reader would: every block of a page, in order, in one session."""

import re
import warnings
from pathlib import Path

import pytest

from ssmts import errors
from ssmts.nn import registry

ROOT = Path(__file__).parents[1]
TESTED_ELSEWHERE = {"data.md", "datasets.md"}  # by tests/data/test_docs.py and tests/datasets/test_import.py
BLOCK = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
ALL = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
PAGES = [p for p in ALL if p.name not in TESTED_ELSEWHERE and BLOCK.search(p.read_text(encoding="utf-8"))]


NEEDED = {
    "understanding.md": ["plotly"],
    "production.md": ["optuna", "mlflow.pyfunc", "onnxscript", "onnxruntime", "ray.data"],
}  # packages that are not there everywhere


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.slow
def test_the_code_on_the_page_runs(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "LAYERS", dict(registry.LAYERS))  # a page that names a layer of its own
    for package in NEEDED.get(page.name, []):
        pytest.importorskip(package, reason=f"the page needs {package}", exc_type=ImportError)
    names = {}
    with warnings.catch_warnings():
        if "mlflow.pyfunc" in NEEDED.get(page.name, []):
            warnings.simplefilter("ignore")  # MLflow's own, and SQLAlchemy's of MLflow
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            exec(compile(block, page.name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_names_errors_that_exist(page):
    named = set(re.findall(r"`(\w+(?:Error|Warning))`", page.read_text(encoding="utf-8")))
    assert named - {"ValueError", "TypeError"} <= {*errors.__all__}


@pytest.mark.parametrize(
    "page", ["forecasting.md", "streaming.md", "validation.md", "classification.md", "regression.md"]
)
def test_pages_on_tasks_begin_with_ten_lines_that_run(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    title, first = text.splitlines()[0], BLOCK.search(text)
    assert text[len(title) : first.start()].strip() == ""
    assert len([line for line in first[1].splitlines() if line]) <= 10


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", prose)
    assert [target for target, _ in targets if not (page.parent / target).exists()] == []
    for target, anchor in targets:
        other = page.parent / target if target else page
        if anchor:  # as GitHub makes them of headings
            titles = re.findall(r"^#+ (.*)$", other.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_of_decisions_holds_each_once():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{3}-[\w.-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in folder.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/mathematics.md", "docs/kernels.md"])
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:ssmts|kernels|datasets|tests|docs|benchmarks)/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []
