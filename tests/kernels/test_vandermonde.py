import pytest
import torch
from operator_conformance import DEVICE, Inputs, OperatorConformance

from ssmts_kernels import backend, vandermonde


class TestVandermonde(OperatorConformance):
    operator = vandermonde
    chunk = 16  # L = 16 splits into 4 x 4 exactly
    backends = ("cpu", "triton")
    differentiable = ("C", "A")
    modes = (torch.complex64, torch.complex128)

    def build(self, length, dtype=torch.float64, seed=0, **options) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        mode = self.modes[dtype == torch.float64]
        C = torch.randn(3, 4, generator=generator, dtype=mode)
        A = torch.randn(3, 4, generator=generator, dtype=mode)
        A = A - 2 * A.real.clamp(min=0) - 0.01
        return {"C": C.to(DEVICE), "A": A.to(DEVICE), "length": length}

    def extremes(self):
        inputs = self.build(65_536, torch.float32)
        C, A = inputs["C"], inputs["A"]
        phases = 1j * A.imag if A.is_complex() else 0 * A
        return {
            "long": inputs,
            "undamped and long": {**inputs, "A": phases + 0j if A.is_complex() else phases},
            "tiny modes": {**inputs, "A": 1e-6 * A},
            "huge modes": {**inputs, "A": 1e3 * A},
            "large weights": {**inputs, "C": 1e4 * C},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "A with a missing row": ("A", {**inputs, "A": inputs["A"][:2]}),
            "C of one dimension": ("C", {**inputs, "C": inputs["C"][0]}),
            "integer A": ("A", {**inputs, "A": torch.ones(3, 4, dtype=torch.int64)}),
            "mixed dtypes": ("A", {**inputs, "A": inputs["A"].real.contiguous().float()}),
            "negative length": ("length", {**inputs, "length": -1}),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        C, A = inputs["C"].requires_grad_(), inputs["A"].requires_grad_()
        return [(torch.ops.ssmts.vandermonde.default, (C, A, 7, "cpu"))]


class TestVandermondeRealModes(TestVandermonde):
    backends = ("cpu",)
    modes = (torch.float32, torch.float64)


def test_real_modes_in_triton():
    pytest.importorskip("triton")
    case = TestVandermondeRealModes()
    case.assert_agrees("triton", case.build(37))


def test_reference_is_the_impulse_response():
    generator = torch.Generator().manual_seed(0)
    C = torch.randn(2, 3, generator=generator, dtype=torch.complex128)
    A = torch.complex(-torch.rand(2, 3, generator=generator), torch.randn(2, 3, generator=generator)).to(
        C.dtype
    )
    state, expected = torch.ones_like(A), []
    for _ in range(9):
        expected.append(2 * (C * state).sum(-1).real)
        state = torch.exp(A) * state
    with backend("reference"):
        torch.testing.assert_close(vandermonde(C, A, 9), torch.stack(expected, -1))


@pytest.mark.parametrize(("rows", "modes"), [(0, 3), (2, 0)])
def test_no_rows_or_no_modes(rows, modes):
    C = torch.zeros(rows, modes, dtype=torch.complex64)
    kernel = vandermonde(C, C.clone(), 5)
    assert kernel.shape == (rows, 5)
    assert (kernel == 0).all()


def test_no_array_of_rows_modes_and_length():
    H, N, L = 4, 8, 16_384
    C = torch.randn(H, N, dtype=torch.complex64, requires_grad=True)
    A = torch.complex(-torch.rand(H, N), torch.randn(H, N)).requires_grad_()
    with torch.profiler.profile(profile_memory=True) as profile:
        vandermonde(C, A, L).sum().backward()
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert largest < H * N * L * 4 / 4


@pytest.mark.parametrize("config", range(4))
def test_every_triton_configuration(config, every_triton_configuration):
    every_triton_configuration("vandermonde", config, TestVandermonde(), TestVandermonde().build(70))
