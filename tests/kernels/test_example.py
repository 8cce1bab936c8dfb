import runpy
from pathlib import Path

import pytest


@pytest.mark.slow
def test_kernels_alone_trains_and_streams():
    example = Path(__file__).parents[2] / "examples" / "kernels_alone.py"
    loss, difference = runpy.run_path(str(example))["main"](60)
    assert loss < 0.2  # the variance of the waves is about .3
    assert difference < 1e-5
