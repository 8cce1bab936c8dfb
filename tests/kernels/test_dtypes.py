"""Rules that hold across operators: the dtype of a step, and lazily negated arguments under the compiler."""

import pytest
import torch

from ssmts_kernels import backend, diagonal_step, selective_scan, selective_scan_step, ssd, ssd_step


def diagonal(cast, state_dtype):
    modes = -torch.ones(2, 3, dtype=cast)
    return diagonal_step, (torch.ones(1, 2, 3, dtype=state_dtype), torch.ones(1, 2, dtype=cast)), {
        "A": modes, "B": modes, "C": modes, "D": modes[:, 0], "delta": -modes[:, 0],
    }  # fmt: skip


def selective(cast, state_dtype):
    u, weights = torch.ones(1, 2, dtype=cast), torch.ones(1, 3, dtype=cast)
    return selective_scan_step, (torch.ones(1, 2, 3, dtype=state_dtype), u), {
        "delta": u, "A": -torch.ones(2, 3, dtype=cast), "B": weights, "C": weights, "D": u[0], "z": u,
        "delta_bias": u[0],
    }  # fmt: skip


def dual(cast, state_dtype):
    heads, weights = torch.ones(1, 2, dtype=cast), torch.ones(1, 1, 3, dtype=cast)
    x = torch.ones(1, 2, 4, dtype=cast)
    return ssd_step, (torch.ones(1, 2, 4, 3, dtype=state_dtype), x), {
        "delta": heads, "A": -heads[0], "B": weights, "C": weights, "D": heads[0], "z": x,
        "delta_bias": heads[0],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize("call", [diagonal, selective, dual])
@pytest.mark.parametrize("others", [torch.float32, torch.float64])
@pytest.mark.parametrize("own", [torch.float32, torch.float64])
@pytest.mark.parametrize("interval", [torch.float32, torch.float64, "number"])
def test_steps_are_computed_in_the_dtype_of_the_state(call, own, others, interval, name):
    step, positional, named = call(others, own)
    gap = 0.7 if interval == "number" else torch.tensor([0.7], dtype=interval)
    hold = {"hold": "zoh"}
    with backend(name):
        y, state = step(*positional, **named, interval=gap, **hold)
        wide, wide_positional, wide_named = call(torch.float64, torch.float64)
        expected, _ = wide(*wide_positional, **wide_named, interval=0.7, **hold)
    assert state.dtype == own
    assert y.dtype == others
    torch.testing.assert_close(y.double(), expected, rtol=1e-6, atol=1e-6)


def negated(value):
    """-value as a lazy view: the imaginary part of a conjugate."""
    return torch.complex(torch.zeros_like(value), value).conj().imag


@pytest.mark.parametrize("operator", [selective_scan, ssd])
@pytest.mark.slow
def test_lazy_negation_survives_the_compiler(operator):
    """Whatever a compiler makes of lazy views, inputs and gradients have their values."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3) if operator is ssd else (3,)
    u = torch.randn(2, 5, *shape, generator=generator)
    delta = torch.rand(2, 5, shape[0], generator=generator)
    A = torch.rand(shape[0], *(() if operator is ssd else (4,)), generator=generator)
    B, C = torch.randn(2, 2, 5, *((1, 4) if operator is ssd else (4,)), generator=generator)

    def gradients(run, view):
        leaves = [value.clone().requires_grad_() for value in (u, A, B, C)]
        y = run(leaves, view)
        return y, *torch.autograd.grad(y, leaves, view(torch.ones_like(y)))

    def run(leaves, view):
        x, A, B, C = leaves
        return operator(view(x), delta, view(A), view(B), view(C))

    assert negated(u).is_neg()
    compiled = torch.compile(run, backend="aot_eager", fullgraph=True)
    expected = gradients(run, torch.neg)
    for value, other in zip(gradients(compiled, negated), expected, strict=True):
        torch.testing.assert_close(value, other)
