"""mypy sees through scikit-learn's bases: a method that does not exist is an error, not `Any`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = """
from typing import Any

from sklearn.base import BaseEstimator

from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.estimators.forecasters.protocols import HasFitted
from ssmts.estimators.forecasters.verbs import ForecasterVerbs


class Verbs(ForecasterVerbs):
    def shortened(self, X: Any) -> Any:
        return self._cut(X)  # error: attr-defined


class Bare(BaseEstimator):
    def explain(self) -> Any:
        return self._check_fitted()  # error: attr-defined


def asked(model: HasFitted) -> None:
    model._tail()  # error: attr-defined


def forecast(X: Any) -> Any:
    model = LinearSSMForecaster(horizon=24).fit(X)
    model.explian(X)  # error: attr-defined
    asked(model)
    asked(Bare())  # error: arg-type
    later = S4Forecaster().partial_fit(X)
    later.forecast(X)  # error: attr-defined
    return later.predict(X)
"""


@pytest.mark.slow
def test_methods_that_do_not_exist_fail(tmp_path):
    path = tmp_path / "misspelt.py"
    path.write_text(SOURCE)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(path)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 1, out.stdout + out.stderr
    found = re.findall(r"misspelt\.py:(\d+): error: .*\[([\w-]+)\]$", out.stdout, re.MULTILINE)
    lines = enumerate(SOURCE.splitlines(), start=1)
    assert found == [(str(n), line.rpartition("error: ")[2]) for n, line in lines if "# error: " in line]
