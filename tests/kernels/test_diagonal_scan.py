import pytest
import torch
from operator_conformance import CUDA, DEVICE, Inputs, RecurrentConformance

from ssmts_kernels import backend, diagonal_scan, hold_weights
from ssmts_kernels.diagonal_scan.weights import table_for


def with_last_state(**inputs):
    return diagonal_scan(**inputs, return_last_state=True)


class TestDiagonalScan(RecurrentConformance):
    operator = with_last_state
    chunk = 64
    differentiable = ("u", "intervals", "A", "B", "C", "D", "delta", "initial_state", "initial_input")
    sequence = ("u", "intervals")
    batched = ("u", "intervals", "initial_state", "initial_input")
    half_inputs = ("u",)
    hold = "foh"
    modes = (torch.complex64, torch.complex128)

    def build(self, length, dtype=torch.float64, seed=0, lengths=False, initial=True) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        batch, channels, n = 3, 2, 4

        def normal(*shape, dtype=dtype):
            return torch.randn(*shape, generator=generator, dtype=dtype).to(DEVICE)

        mode = self.modes[dtype == torch.float64]
        A = normal(channels, n, dtype=mode)
        inputs = {
            "u": normal(batch, length, channels),
            "intervals": self.intervals(normal(batch, length)),
            "A": A - 2 * A.real.clamp(min=0) - 0.05,
            "B": normal(channels, n, dtype=mode),
            "C": normal(channels, n, dtype=mode),
            "D": normal(channels),
            "delta": normal(channels).abs() + 0.1,
            "hold": self.hold,
        }
        if initial:
            inputs["initial_state"] = normal(batch, channels, n, dtype=mode)
            inputs["initial_input"] = normal(batch, channels)
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def intervals(self, normal):
        return normal.abs()

    def carry(self, inputs, outputs, end):
        return {"initial_state": outputs[1], "initial_input": inputs["u"][:, -1]}

    def extremes(self):
        inputs = self.build(50, torch.float32)
        A, intervals = inputs["A"], inputs["intervals"]
        gaps = intervals.clone()
        gaps[1, 30] = 1e3
        return {
            "tiny intervals": {**inputs, "intervals": 1e-6 * intervals},
            "long intervals": {**inputs, "intervals": 1e3 * intervals},
            "no time passes": {**inputs, "intervals": 0 * intervals},
            "one wide gap": {**inputs, "intervals": gaps},
            "fast decay": {**inputs, "A": A - 1e3},
            "modes at zero": {**inputs, "A": 0 * A},
            "large inputs": {**inputs, "u": 1e4 * inputs["u"]},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "u of two dimensions": ("u", {**inputs, "u": inputs["u"][0]}),
            "too few intervals": ("intervals", {**inputs, "intervals": inputs["intervals"][:, 1:]}),
            "another D": ("B", {**inputs, "B": inputs["B"][:1]}),
            "another dtype": ("C", {**inputs, "C": inputs["C"].to(torch.complex64)}),
            "integer u": ("u", {**inputs, "u": inputs["u"].long()}),
            "unknown hold": ("hold", {**inputs, "hold": "cubic"}),
            "real state": (
                "initial_state",
                {**inputs, "initial_state": inputs["initial_state"].real.to(torch.int32)},
            ),
            "float lengths": ("lengths", {**inputs, "lengths": torch.ones(3)}),
            "D of two dimensions": ("D", {**inputs, "D": inputs["A"].real}),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        names = ("u", "intervals", "A", "B", "C", "initial_state", "initial_input")
        tensors = [inputs[k].clone().requires_grad_() for k in names]
        return [(torch.ops.ssmts.diagonal_scan.default, (*tensors, self.hold, "cpu"))]


class TestZeroOrderHold(TestDiagonalScan):
    hold = "zoh"


@pytest.mark.parametrize("hold", ["bilinear", "bilinear_s4"])
@pytest.mark.parametrize("length", [1, 70])
@pytest.mark.parametrize("regular", [True, False])
def test_bilinear_holds(hold, length, regular):
    case = TestRepeatedIntervals() if regular else TestDiagonalScan()
    case.assert_agrees("cpu", {**case.build(length), "hold": hold})


class TestRealModes(TestDiagonalScan):
    modes = (torch.float32, torch.float64)


class TestRepeatedIntervals(TestDiagonalScan):
    """A regular grid with holes: the table of distinct intervals."""

    def intervals(self, normal):
        return (normal.abs() * 2).round()


def test_reference_solves_the_differential_equation():
    """Against a fine explicit integration of x' = Δ (A x + B u) with u linear between observations."""
    generator = torch.Generator().manual_seed(3)
    A = torch.complex(-torch.rand(1, 2, generator=generator), torch.randn(1, 2, generator=generator)).to(
        torch.complex128
    )
    B, C = (torch.randn(1, 2, generator=generator, dtype=torch.complex128) for _ in range(2))
    u = torch.randn(1, 4, 1, generator=generator, dtype=torch.float64)
    intervals = torch.tensor([[0.0, 0.7, 0.2, 1.3]], dtype=torch.float64)
    delta = torch.tensor([0.8], dtype=torch.float64)
    x, fine = torch.zeros(1, 2, dtype=torch.complex128), 4000
    for k in range(1, 4):
        h = intervals[0, k] / fine
        for j in range(fine):
            s = (j + 0.5) / fine
            held = (1 - s) * u[0, k - 1] + s * u[0, k]
            middle = x + 0.5 * h * delta * (A * x + B * held)
            x = x + h * delta * (A * middle + B * held)
    with backend("reference"):
        y, last = diagonal_scan(u, intervals, A, B, C, delta=delta, return_last_state=True)
    torch.testing.assert_close(last[0], x, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(y[0, -1], 2 * (C * x).sum(-1).real, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_long_undamped_modes_drift_little():
    """65,536 observations of modes without damping: phase errors grow with L ε and no faster."""
    generator = torch.Generator().manual_seed(5)
    A = 1j * torch.tensor([[0.1, 0.7, 3.0]])
    B = torch.ones_like(A)
    u = torch.randn(1, 65_536, 1, generator=generator)
    intervals = torch.rand(1, 65_536, generator=generator)
    _, last = diagonal_scan(u, intervals, A, B, B, return_last_state=True)
    wide = (u.double(), intervals.double(), A.to(torch.complex128), *(2 * [B.to(torch.complex128)]))
    _, expected = diagonal_scan(*wide, return_last_state=True)
    assert (last - expected).abs().max() < 65_536 * 1.2e-7 * expected.abs().max()


@pytest.mark.parametrize("fastest", [60.0, 150.0, 5000.0])
@pytest.mark.parametrize("hold", ["foh", "zoh"])
@pytest.mark.parametrize("gap", [False, True])
def test_fast_modes_beside_slow_ones(fastest, hold, gap):
    """Modes of S4D's "legs" over steps from 1e-3 to 1e-1: tables of several sizes, or none, in one call."""
    case = TestDiagonalScan()
    inputs = case.build(70)
    ladder = torch.linspace(0.1, 1, 4, dtype=torch.float64, device=DEVICE)
    inputs["A"] = torch.complex(torch.full_like(ladder, -0.5), fastest * ladder).repeat(2, 1)
    inputs["delta"] = torch.tensor([1e-2, 1.0], dtype=torch.float64, device=DEVICE)
    inputs["intervals"] = inputs["intervals"].clamp(max=1.5)
    if gap:
        inputs["intervals"][1, 40] = 40.0
    case.assert_agrees("cpu", {**inputs, "hold": hold})


@pytest.mark.parametrize("fastest", [1.0, 20.0, 300.0])
@pytest.mark.parametrize("mode", [torch.complex64, torch.complex128])
def test_tables_converge_in_both_precisions(fastest, mode):
    generator = torch.Generator().manual_seed(0)
    intervals = 1.5 * torch.rand(4, 256, generator=generator, dtype=torch.float64)
    A = torch.complex(
        -torch.rand(1, 9, generator=generator).double(), torch.linspace(0.01, fastest, 9).double()
    )
    table = table_for(A.to(mode), intervals, "foh")
    assert table is not None
    found = torch.einsum("lk,fkdn->fldn", table.basis(intervals[0]).to(mode), table.rows)
    exact = torch.stack(hold_weights(A, intervals[0, :, None, None], "foh"))
    assert (found - exact).abs().max() < (3e-6 if mode == torch.complex64 else 1e-12)


@pytest.fixture
def interpreted(monkeypatch):
    """Two rows of five observations, in chunks of 4: the interpreter takes 0.1 s for a step of the kernel."""
    module = pytest.importorskip("ssmts_kernels.diagonal_scan.triton")
    monkeypatch.setattr(module, "CHUNK", 4)
    case = TestDiagonalScan()
    inputs = case.build(5)
    rows, one = slice(0, 2), slice(0, 1)
    small = {k: inputs[k][one] for k in ("A", "B", "C", "D", "delta")}
    small |= {"u": inputs["u"][rows, :, one], "intervals": inputs["intervals"][rows]}
    small |= {k: inputs[k][rows, one] for k in ("initial_state", "initial_input")}
    return case, small


def test_triton_agrees(interpreted):
    case, inputs = interpreted
    case.assert_agrees("triton", inputs)


@pytest.mark.parametrize("hold", ["zoh", "bilinear", "bilinear_s4"])
def test_triton_holds_in_float32(hold, interpreted):
    case, inputs = interpreted
    narrow = {k: v.to(torch.complex64 if v.is_complex() else torch.float32) for k, v in inputs.items()}
    case.assert_agrees("triton", {**narrow, "hold": hold})


def test_triton_agrees_on_real_modes_and_short_rows(interpreted):
    case, inputs = interpreted
    real = {k: v.real if v.is_complex() else v for k, v in inputs.items()}
    case.assert_agrees("triton", {**real, "lengths": torch.tensor([1, 5], device=DEVICE)})


@pytest.mark.skipif(not CUDA, reason="the configurations differ in warps, which the interpreter has none of")
@pytest.mark.parametrize("config", range(3))
def test_every_triton_configuration(config, interpreted, every_triton_configuration):
    case, inputs = interpreted
    every_triton_configuration("diagonal_scan", config, case, inputs)
