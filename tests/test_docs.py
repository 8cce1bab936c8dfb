"""Runs the pages of the documentation as a reader would: every block of a page, in order, in one session."""

import re
import warnings
from itertools import zip_longest
from pathlib import Path

import pandas as pd
import pytest
import torch

from ssmts import errors
from ssmts_datasets import make_sines

ROOT = Path(__file__).parents[1]
TESTED_ELSEWHERE = {"data.md", "datasets.md"}  # by tests/data/test_docs.py and tests/datasets/test_import.py
BLOCK = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)
ALL = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
PAGES = [p for p in ALL if p.name not in TESTED_ELSEWHERE and BLOCK.search(p.read_text(encoding="utf-8"))]


def readme():
    """Names that the front page takes for granted: 15-minute data, and what came after."""
    quarters = make_sines(1200, periods=[96.0, 40.0], step="15min", random_state=0).frame
    recent, end = quarters.tail(800), quarters.index[-1]
    return {
        "train": quarters,
        "recent": recent,
        "recent_hourly": recent.iloc[3::4],
        "meeting_times": [end + pd.Timedelta("20min"), end + pd.Timedelta("5h")],
        "now": end + pd.Timedelta("15min"),
        "value": 0.3,
    }


def layers():
    """Names that the page on layers takes for granted: two series of 10 observations, the second of 7."""
    generator = torch.Generator().manual_seed(0)
    intervals = torch.ones(2, 10)
    intervals[:, 0] = 0.0
    return {
        "u": torch.randn(2, 10, 64, generator=generator),
        "u_new": torch.randn(2, 64, generator=generator),
        "intervals": intervals,
        "interval": torch.ones(2),
        "lengths": torch.tensor([10, 7]),
    }


def projection():
    """Names that its block on the online projection takes for granted: a sampled wave."""
    times = torch.arange(20.0)
    return {"values": torch.sin(times / 5), "intervals": [0.0, *[1.0] * 19], "times": times}


NEEDED = {
    "production.md": ["optuna", "mlflow.pyfunc", "onnxscript", "onnxruntime", "ray.data"]
}  # packages that are not there everywhere
GIVEN = {"README.md": [readme], "layers.md": [layers, projection]}  # for one block after the other


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.slow
def test_the_code_on_the_page_runs(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for package in NEEDED.get(page.name, []):
        pytest.importorskip(package, reason=f"the page needs {package}", exc_type=ImportError)
    names = {}
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        if "mlflow.pyfunc" in NEEDED.get(page.name, []):
            warnings.simplefilter("ignore")  # MLflow's own, and SQLAlchemy's of MLflow
        for block, given in zip_longest(blocks, GIVEN.get(page.name, []), fillvalue=dict):
            names |= given()
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
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose)
    assert [target for target in targets if not (page.parent / target).exists()] == []
