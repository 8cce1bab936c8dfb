import pytest
import torch

from ssmts_kernels import backend, diagonal_scan, diagonal_step
from ssmts_kernels.diagonal_scan.step import _seen

HOLDS = ["foh", "zoh", "bilinear", "bilinear_s4"]


@pytest.fixture(params=[torch.complex64, torch.complex128, torch.float32])
def arguments(request):
    generator = torch.Generator().manual_seed(0)
    real = torch.float64 if request.param == torch.complex128 else torch.float32
    A = torch.randn(2, 4, generator=generator, dtype=request.param)
    B, C = (torch.randn(2, 4, generator=generator, dtype=request.param) for _ in range(2))
    return {
        "A": A - 2 * A.real.clamp(min=0) - 0.05,
        "B": B,
        "C": C,
        "D": torch.randn(2, generator=generator, dtype=real),
        "delta": torch.rand(2, generator=generator, dtype=real) + 0.1,
    }


def signal(arguments, length=6):
    generator = torch.Generator().manual_seed(1)
    dtype = arguments["D"].dtype
    u = torch.randn(3, length, 2, generator=generator, dtype=dtype)
    state = torch.randn(3, 2, 4, generator=generator, dtype=arguments["A"].dtype)
    return u, state


@pytest.mark.parametrize("hold", HOLDS)
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_steps_are_the_scan(arguments, hold, name):
    u, first = signal(arguments)
    steps = [0.7, 0.7, 1e-6, 0.0, 3, 0.7]
    intervals = torch.tensor([steps] * 3, dtype=u.dtype)
    expected, last = diagonal_scan(
        u, intervals, **arguments, hold=hold, initial_state=first, return_last_state=True
    )
    state, previous, outputs = first, None, []
    with backend(name):
        for k, interval in enumerate(steps):
            y, state = diagonal_step(
                state, u[:, k], interval, **arguments, hold=hold, previous_input=previous
            )
            previous = u[:, k]
            outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, 1), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, last, rtol=1e-5, atol=1e-5)
    assert state.dtype == first.dtype


def test_an_interval_for_each_row(arguments):
    u, state = signal(arguments)
    intervals = torch.tensor([0.1, 0.5, 2.0], dtype=u.dtype)
    y, new = diagonal_step(state, u[:, 0], intervals, **arguments)
    for row, interval in enumerate(intervals.tolist()):
        own_y, own = diagonal_step(state[row : row + 1], u[row : row + 1, 0], interval, **arguments)
        torch.testing.assert_close(y[row : row + 1], own_y, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(new[row : row + 1], own, rtol=1e-5, atol=1e-5)


def test_a_changed_parameter_is_noticed(arguments):
    u, state = signal(arguments)
    before, _ = diagonal_step(state, u[:, 0], 1.0, **arguments)
    arguments["A"].mul_(0.5)
    after, _ = diagonal_step(state, u[:, 0], 1.0, **arguments)
    with backend("reference"):
        expected, _ = diagonal_step(state, u[:, 0], 1.0, **arguments)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-5)


def test_memory_is_bounded(arguments):
    u, state = signal(arguments)
    for k in range(100):
        diagonal_step(state, u[:, 0], 1.0 + k, **arguments)
    assert len(_seen) <= 64


def test_the_state_is_not_modified(arguments):
    u, state = signal(arguments)
    kept = state.clone()
    for _ in range(2):
        diagonal_step(state, u[:, 0], 1.0, **arguments)
    assert torch.equal(state, kept)


def test_gradients_pass_through(arguments):
    u, state = signal(arguments)
    A = arguments["A"].clone().requires_grad_()
    y, new = diagonal_step(state, u[:, 0], 1.0, **{**arguments, "A": A})
    (gradient,) = torch.autograd.grad(y.sum() + new.abs().sum(), A)
    assert gradient.abs().min() > 0


def test_inference_mode(arguments):
    u, state = signal(arguments)
    expected, _ = diagonal_step(state, u[:, 0], 1.0, **arguments)
    with torch.inference_mode():
        copies = {k: v.clone() for k, v in arguments.items()}
        y, _ = diagonal_step(state, u[:, 0], 1.0, **copies)
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("warm", [False, True])
def test_wrong_arguments_are_named(arguments, warm):
    u, state = signal(arguments)
    if warm:
        diagonal_step(state, u[:, 0], 1.0, **arguments)
    with pytest.raises(ValueError, match=r"diagonal_step: u "):
        diagonal_step(state, u[:, 0, :1], 1.0, **arguments)
    with pytest.raises(ValueError, match=r"diagonal_step: state "):
        diagonal_step(state[..., :2], u[:, 0], 1.0, **arguments)
    with pytest.raises(ValueError, match=r"diagonal_step: hold "):
        diagonal_step(state, u[:, 0], 1.0, **arguments, hold="none")
    with pytest.raises(ValueError, match=r"diagonal_step: interval "):
        diagonal_step(state, u[:, 0], torch.ones(2), **arguments)
