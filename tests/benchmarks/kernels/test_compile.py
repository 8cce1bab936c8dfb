"""Every kernel in its default configuration compiles for sm_90, keeps its registers and fits a block."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Kernels of a forward and a backward pass, and launches with every configuration.
EXPECTED = {
    "vandermonde": (["forward", "backward"], 8),
    "cauchy": (["forward", "backward"], 8),
    "diagonal_scan": (["forward", "backward"] * 2, 12),  # two holds
    "selective_scan": (["forward", "backward"], 2),
    "ssd": (["forward", "adjoints", "gradients"], 3),
}


@pytest.fixture(scope="module")
def found():
    """Compiled in a process of its own: other tests need Triton's interpreter, which compiles nothing."""
    pytest.importorskip("triton.backends.nvidia", reason="Triton brings no compiler for NVIDIA's GPUs here")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    paths = [ROOT, ROOT / "kernels", ROOT / "datasets"]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    command = [sys.executable, "-m", "benchmarks.kernels.compile", "--defaults"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {row["operator"]: row for row in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.slow
@pytest.mark.parametrize("operator", EXPECTED)
def test_no_default_configuration_spills(found, operator):
    row = found[operator]
    assert (row["kernels"], row["launches"]) == EXPECTED[operator]
    for name, need in zip(row["kernels"], row["needs"], strict=True):
        assert need["spilled"] == 0, f"{name}: {need}"
        assert need["shared"] <= 227 * 1024
        assert 16 <= need["registers"] <= 255
        assert 0 < need["occupancy"] <= 1


@pytest.mark.slow
def test_every_operator_is_compiled(found):
    folders = {path.parent.name for path in (ROOT / "kernels" / "ssmts_kernels").glob("*/triton.py")}
    assert found.keys() == EXPECTED.keys() == folders
