"""Puts the conformance class within reach and Triton into its interpreter where there is no GPU."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when it is imported
sys.path.append(str(Path(__file__).parent / "support"))
pytest.register_assert_rewrite("operator_conformance")


def pytest_generate_tests(metafunc):
    """Run a conformance test once a fast path of its operator; `quick` leaves Triton out."""
    if metafunc.cls is None:
        return
    paths = [b for b in getattr(metafunc.cls, "backends", ()) if b == "cpu" or importlib.util.find_spec(b)]
    interpreted = [] if torch.cuda.is_available() else [pytest.mark.slow]
    marks = {"triton": interpreted, "numba": pytest.mark.slow}  # interpreter; compilation
    if "fast" in metafunc.fixturenames:
        metafunc.parametrize("fast", [pytest.param(path, marks=marks.get(path, [])) for path in paths])
    if "quick" in metafunc.fixturenames:
        calm = [pytest.param(b, marks=marks.get(b, [])) for b in paths if b != "triton"]
        metafunc.parametrize("quick", calm)


@pytest.fixture
def every_triton_configuration(monkeypatch):
    """Make one autotune configuration the only one and compare values and gradients with the reference."""
    pytest.importorskip("triton")

    def check(operator, index, case, inputs):
        module = importlib.import_module(f"ssmts_kernels.{operator}.triton")
        for kernel in (module._forward, module._backward):
            monkeypatch.setattr(kernel, "configs", [module.CONFIGS[index]])
        case.assert_agrees("triton", inputs)

    return check
