"""Layers and irregular clocks for the tests of the continuous-time core."""

import pytest
import torch

from ssmts.nn import LSSL, S4, S4D, S5, Mamba, Mamba2, Mamba3

MODAL = [
    *((S4D, {"hold": hold, "init": "legs"}) for hold in S4D.HOLDS),
    (S4D, {"hold": "foh", "init": "real"}),
    (S4D, {"hold": "zoh", "init": "inv"}),
    *((S4, {"hold": hold, "init": "legs"}) for hold in S4.HOLDS),
    (S4, {"hold": "bilinear", "init": "legt"}),
    (S4, {"hold": "bilinear", "init": "lagt"}),
    (S4, {"hold": "bilinear_s4", "init": "fourier"}),
]
DENSE = [(LSSL, {"hold": hold}) for hold in LSSL.HOLDS]
SELECTIVE = [
    *((kind, {"hold": hold}) for kind in (Mamba, Mamba2, Mamba3) for hold in kind.HOLDS),
    (Mamba, {"conv_width": 0, "delta_rank": 2}),
    (Mamba2, {"conv_width": 2, "n_groups": 2, "head_dim": 3}),
    (Mamba3, {"hold": "zoh", "rank": 3, "rotary_fraction": 1.0}),
    (Mamba3, {"hold": "trapezoidal", "rank": 2, "rotary_fraction": 0.0}),
]
EVERY = [
    *MODAL,
    *DENSE,
    *((S5, {"hold": hold}) for hold in S5.HOLDS),
    (S5, {"n_blocks": 2}),
    *SELECTIVE,
]
# The first process of a machine compiles their loops, for seconds.
COMPILED = [(Mamba, {"hold": "zoh"}), (Mamba2, {"hold": "zoh"})]


def name(case):
    return "-".join([case[0].__name__, *(f"{key}={value}" for key, value in case[1].items())])


def maker(case):
    kind, options = case

    def make(d_model=3, d_state=8, dtype=torch.float64, **more):
        torch.manual_seed(0)
        return kind(d_model, d_state, **{**options, **more}).to(dtype)

    return make


@pytest.fixture(
    params=[pytest.param(case, marks=pytest.mark.slow if case in COMPILED else ()) for case in EVERY],
    ids=name,
)
def build(request):
    """Make one of the layers, its parameters those of the seed: build(d_model, d_state, dtype, **options)."""
    return maker(request.param)


@pytest.fixture
def tested_kinds():
    """The classes that `build` makes."""
    return {kind for kind, _ in EVERY}


@pytest.fixture(params=[*MODAL, *DENSE], ids=name)
def build_lti(request):
    """Make one of the layers that have a kernel, as `build` does."""
    return maker(request.param)


@pytest.fixture(params=MODAL, ids=name)
def build_modal(request):
    """Make an S4 or S4D, as `build` does."""
    return maker(request.param)


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


@pytest.fixture
def regular():
    """Intervals of a grid that begins: regular(batch, length, rate, dtype)."""

    def make(batch, length, rate, dtype=torch.float64):
        intervals = torch.full((batch, length), rate, dtype=dtype)
        intervals[:, 0] = 0
        return intervals

    return make
