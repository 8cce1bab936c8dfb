import pytest
import torch
from operator_conformance import CUDA, DEVICE, Inputs, RecurrentConformance

from ssmts_kernels import backend
from ssmts_kernels.selective_scan import selective_scan, selective_scan_step


def with_last_state(**inputs):
    return selective_scan(**inputs, return_last_state=True)


class TestSelectiveScan(RecurrentConformance):
    operator = with_last_state
    chunk = 32  # of the torch form and the compiled loop; a multiple of Triton's 16
    backends = ("cpu", "numba", "triton")
    differentiable = (
        "u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state", "intervals",
    )  # fmt: skip
    sequence = ("u", "delta", "B", "C", "z", "intervals")
    batched = (*sequence, "initial_state")
    half_inputs = ("u", "delta", "B", "C", "z")
    hold = "euler"

    def build(self, length, dtype=torch.float64, seed=0, lengths=False, initial=True) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        batch, channels, n = 3, 3, 2

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)

        inputs = {
            "u": normal(batch, length, channels),
            "delta": normal(batch, length, channels) - 1,
            "A": -2 * normal(channels, n).abs(),
            "B": normal(batch, length, n),
            "C": normal(batch, length, n),
            "D": normal(channels),
            "z": normal(batch, length, channels),
            "delta_bias": 0.1 * normal(channels),
            "delta_softplus": True,
            "intervals": normal(batch, length).abs(),
            "hold": self.hold,
        }
        if initial:
            inputs["initial_state"] = normal(batch, channels, n)
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def carry(self, inputs, outputs, end):
        return {"initial_state": outputs[1]}

    def extremes(self):
        inputs = {k: v for k, v in self.build(70, torch.float32).items() if k not in ("delta_bias", "z")}
        inputs["delta_softplus"] = False
        delta = inputs["delta"] = inputs["delta"].abs()
        reset = delta.clone()
        reset[:, 20] = 1e6
        return {
            "tiny steps": {**inputs, "delta": 1e-6 * delta},
            "long steps": {**inputs, "delta": 1e3 * delta},
            "no step": {**inputs, "delta": 0 * delta},
            "one step that wipes the state out": {**inputs, "delta": reset},
            "fast decay": {**inputs, "A": inputs["A"] - 1e4},
            "modes at zero": {**inputs, "A": 0 * inputs["A"]},
            "slow modes": {**inputs, "A": 1e-6 * inputs["A"]},
            "large inputs": {**inputs, "u": 1e4 * inputs["u"]},
            "softplus of large arguments": {**inputs, "delta": 80 * self.build(70, torch.float32)["delta"],
                                            "delta_softplus": True},
        }  # fmt: skip

    def invalid(self):
        inputs = self.build(4)
        return {
            "u of two dimensions": ("u", {**inputs, "u": inputs["u"][0]}),
            "short delta": ("delta", {**inputs, "delta": inputs["delta"][:, 1:]}),
            "A of other channels": ("A", {**inputs, "A": inputs["A"][1:]}),
            "complex A": ("A", {**inputs, "A": inputs["A"] + 0j}),
            "B per channel": ("B", {**inputs, "B": inputs["u"]}),
            "C of other modes": ("C", {**inputs, "C": inputs["C"][..., 1:]}),
            "D of two dimensions": ("D", {**inputs, "D": inputs["A"]}),
            "short z": ("z", {**inputs, "z": inputs["z"][:, 1:]}),
            "bias of other channels": ("delta_bias", {**inputs, "delta_bias": inputs["D"][1:]}),
            "integer u": ("u", {**inputs, "u": inputs["u"].long()}),
            "intervals per channel": ("intervals", {**inputs, "intervals": inputs["u"]}),
            "state of other modes": (
                "initial_state",
                {**inputs, "initial_state": inputs["initial_state"][..., 1:]},
            ),
            "float lengths": ("lengths", {**inputs, "lengths": torch.ones(3)}),
            "unknown hold": ("hold", {**inputs, "hold": "foh"}),
            "other device": ("delta", {**inputs, "delta": inputs["delta"].to("meta")}),
        }

    def opcheck_calls(self):
        def call(**options):
            inputs = self.build(7, **options)
            names = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state", "intervals")
            tensors = [inputs[k].clone().requires_grad_() if k in inputs else None for k in names]
            zoh = self.hold == "zoh"
            return *tensors, inputs.get("lengths"), inputs["delta_softplus"], zoh, True, "cpu"

        op = torch.ops.ssmts.selective_scan.default
        bare = list(call(initial=False))
        bare[5:8] = [None] * 3
        return [(op, call()), (op, call(lengths=True)), (op, tuple(bare))]


class TestZeroOrderHold(TestSelectiveScan):
    hold = "zoh"


@pytest.fixture
def inputs():
    case = TestZeroOrderHold().build(21)
    return {k: v for k, v in case.items() if k not in ("D", "z", "initial_state")}


@pytest.mark.parametrize("hold", ["euler", "zoh"])
def test_reference_is_the_recurrence(inputs, hold):
    inputs["hold"] = hold
    step = (
        torch.nn.functional.softplus(inputs["delta"] + inputs["delta_bias"]) * inputs["intervals"][..., None]
    )
    A, state, expected = inputs["A"], torch.zeros(3, 3, 2, dtype=torch.float64, device=DEVICE), []
    for k in range(21):
        decay = torch.exp(step[:, k, :, None] * A)
        weight = step[:, k, :, None] if hold == "euler" else (decay - 1) / A
        state = decay * state + weight * inputs["B"][:, k, None] * inputs["u"][:, k, :, None]
        expected.append(torch.einsum("bdn,bn->bd", state, inputs["C"][:, k]))
    with backend("reference"):
        y, last_state = with_last_state(**inputs)
    torch.testing.assert_close(y, torch.stack(expected, 1))
    torch.testing.assert_close(last_state, state)


def test_halved_intervals_with_a_held_input_change_nothing(inputs):
    """Zero-order hold is exact: two half intervals of the same input are one interval of it."""
    y, last_state = with_last_state(**inputs)
    held = {k: v.repeat_interleave(2, 1) for k, v in inputs.items() if k in TestZeroOrderHold.sequence}
    fine, fine_state = with_last_state(**{**inputs, **held, "intervals": held["intervals"] / 2})
    torch.testing.assert_close(fine[:, 1::2], y)
    torch.testing.assert_close(fine_state, last_state)


def test_euler_is_the_limit_of_short_steps(inputs):
    short = {**inputs, "intervals": 1e-5 * inputs["intervals"]}
    exact = with_last_state(**short)[0]
    torch.testing.assert_close(with_last_state(**{**short, "hold": "euler"})[0], exact, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_steps_are_the_scan(inputs, hold, name):
    inputs["hold"] = hold
    inputs["D"], inputs["z"] = torch.ones(3, dtype=torch.float64, device=DEVICE), inputs["u"].flip(0)
    y, last_state = with_last_state(**inputs)
    state = torch.zeros_like(last_state)
    with backend(name):
        for k in range(21):
            now = {n: inputs[n][:, k] for n in ("u", "delta", "B", "C", "z")}
            rest = {n: inputs[n] for n in ("A", "D", "delta_bias", "delta_softplus", "hold")}
            given, before = state, state.clone()
            out, state = selective_scan_step(state, **now, **rest, interval=inputs["intervals"][:, k])
            assert torch.equal(given, before), "the given state is not modified"
            torch.testing.assert_close(out, y[:, k])
    torch.testing.assert_close(state, last_state)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
def test_step_is_differentiable_and_takes_a_number(inputs, hold):
    now = [inputs[n][:, 0].clone().requires_grad_() for n in ("u", "delta")]
    weights = [t.clone().requires_grad_() for t in (inputs["A"], inputs["B"][:, 0], inputs["C"][:, 0])]
    state = torch.randn(3, 3, 2, dtype=torch.float64, device=DEVICE).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *args: selective_scan_step(*args, delta_softplus=True, interval=0.7, hold=hold),
        [state, *now, *weights],
    )


def test_step_errors_name_the_argument(inputs):
    now = {n: inputs[n][:, 0] for n in ("u", "delta", "B", "C")}
    state = torch.zeros(3, 3, 2, dtype=torch.float64, device=DEVICE)
    with pytest.raises(ValueError, match="selective_scan_step: interval"):
        selective_scan_step(state, **now, A=inputs["A"], interval=inputs["u"][0, :2, 0])
    with pytest.raises(ValueError, match="selective_scan_step: state"):
        selective_scan_step(state[0], **now, A=inputs["A"])


@pytest.mark.parametrize("shape", [(0, 5, 3, 2), (2, 0, 3, 2), (2, 5, 0, 2), (2, 5, 3, 0)])
def test_empty(shape):
    batch, length, channels, n = shape
    u = torch.ones(batch, length, channels, device=DEVICE, requires_grad=True)
    state = torch.ones(batch, channels, n, device=DEVICE, requires_grad=True)
    B = torch.ones(batch, length, n, device=DEVICE)
    y, last_state = selective_scan(
        u, u, -torch.ones(channels, n, device=DEVICE), B, B, initial_state=state, return_last_state=True
    )
    assert y.shape == u.shape
    assert last_state.shape == state.shape
    (y.sum() + last_state.sum()).backward()
    assert u.grad.shape == u.shape
    if length == 0:
        assert (state.grad == 1).all()


def test_65536_steps_stay_within_rounding_of_float64():
    """The bound: 1e-5 of the largest value, for modes from undamped to gone within a step."""
    generator = torch.Generator().manual_seed(5)
    length, channels = 65_536, 4
    u = torch.randn(1, length, channels, generator=generator)
    delta = 0.1 * torch.rand(1, length, channels, generator=generator)
    A = -torch.tensor([[0.0, 1e-3, 1.0, 1e3]]).expand(channels, 4).contiguous()
    B, C = torch.randn(2, 1, length, 4, generator=generator).unbind()
    y = selective_scan(u, delta, A, B, C, hold="zoh")
    exact = selective_scan(*(t.double() for t in (u, delta, A, B, C)), hold="zoh")
    assert (y - exact).abs().max() < 1e-5 * exact.abs().max()


def test_gradients_are_the_same_bits_every_time():
    case = TestSelectiveScan()
    inputs = case.build(100, torch.float32)
    first, second = (case.gradients("auto" if CUDA else "cpu", inputs)[1] for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_backward_keeps_no_state_of_every_step():
    batch, length, channels, n = 2, 1024, 32, 16
    u = torch.randn(batch, length, channels, requires_grad=True)
    delta, B = torch.rand(batch, length, channels), torch.randn(batch, length, n)
    A = -torch.rand(channels, n)
    with torch.profiler.profile(profile_memory=True) as profile:
        selective_scan(u, delta, A, B, B).sum().backward()
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert largest < batch * length * channels * n * 4 / 4


@pytest.mark.skipif(CUDA, reason="tile sizes are tried in the interpreter")
@pytest.mark.parametrize("tile", [16, 128, 4096])
@pytest.mark.slow
def test_every_tile_size_agrees(monkeypatch, tile):
    """From one channel and mode-wide tiles to several warps; the shape picks one of them."""
    triton_path = pytest.importorskip("ssmts_kernels.selective_scan.triton")
    monkeypatch.setattr(triton_path, "TILE", tile)
    case = TestZeroOrderHold()
    case.assert_agrees("triton", case.build(17, lengths=True))
