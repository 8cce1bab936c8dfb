"""What importing costs, the promise of the package's face, and the page that shows it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ssmts_datasets

ROOT = Path(__file__).parents[2]
PROBE = """
import json, sys, time
start = time.process_time()
import ssmts_datasets
seconds = time.process_time() - start
light = [m for m in ("numpy", "pandas", "polars", "pooch", "narwhals", "torch") if m in sys.modules]
ssmts_datasets.make_sines(10)
heavy = [m for m in ("polars", "pooch", "torch", "ssmts", "ssmts_kernels") if m in sys.modules]
print(json.dumps([seconds, light, heavy]))
"""


def test_import_is_fast_and_loads_nothing_unasked():
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", PROBE],
                env={"PYTHONPATH": str(ROOT / "datasets")},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert min(seconds for seconds, _, _ in runs) < 0.1
    assert runs[0][1:] == [[], []]


def test_every_public_name_resolves():
    for name in ssmts_datasets.__all__:
        assert getattr(ssmts_datasets, name).__name__ == name
        assert getattr(ssmts_datasets, name).__doc__
    assert set(ssmts_datasets.__all__) <= set(dir(ssmts_datasets))
    with pytest.raises(AttributeError, match="no attribute 'load_titanic'"):
        ssmts_datasets.load_titanic  # noqa: B018


@pytest.mark.slow
def test_the_page_runs_as_written(real_digits, real_ett, capsys):
    page = (ROOT / "docs" / "datasets.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) >= 6
    names = {}
    for block in blocks:
        exec(compile(block, "docs/datasets.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    promised = re.findall(r"^print\(.*?\)  # (.*)$", page, flags=re.MULTILINE)
    assert printed == promised
