"""Layers and irregular clocks for the tests of the continuous-time core."""

import pytest
import torch

from ssmts.nn import S4, S4D

CASES = [
    *((S4D, {"hold": hold, "init": "legs"}) for hold in S4D.HOLDS),
    (S4D, {"hold": "foh", "init": "real"}),
    (S4D, {"hold": "zoh", "init": "inv"}),
    *((S4, {"hold": hold, "init": "legs"}) for hold in S4.HOLDS),
    (S4, {"hold": "bilinear", "init": "legt"}),
    (S4, {"hold": "bilinear_s4", "init": "fourier"}),
]


def name(case):
    return "-".join([case[0].__name__, *case[1].values()])


@pytest.fixture(params=CASES, ids=name)
def build(request):
    """Make one of the layers, its parameters those of the seed: build(d_model, d_state, dtype, **options)."""
    kind, options = request.param

    def make(d_model=3, d_state=8, dtype=torch.float64, **more):
        torch.manual_seed(0)
        return kind(d_model, d_state, **{**options, **more}).to(dtype)

    return make


@pytest.fixture
def irregular():
    """Random inputs and intervals of a series that begins: irregular(batch, length, d_model, dtype)."""

    def make(batch=2, length=20, d_model=3, dtype=torch.float64):
        generator = torch.Generator().manual_seed(1)
        u = torch.randn(batch, length, d_model, generator=generator, dtype=torch.float64)
        intervals = torch.empty(batch, length, dtype=torch.float64).exponential_(generator=generator)
        intervals[:, 0] = 0
        return u.to(dtype), intervals.to(dtype)

    return make
