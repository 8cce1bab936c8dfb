import numpy as np
import pytest
import torch
from operator_conformance import DEVICE, Inputs, SignalConformance

from ssmts_kernels import backend, fft_conv
from ssmts_kernels.fft_conv.cpu import _fast_length


class TestFftConv(SignalConformance):
    operator = fft_conv
    backends = ("cpu", "numba")
    chunk = 64
    differentiable = ("u", "kernel")
    sequence = ("u",)
    batched = ("u",)
    half_inputs = ("u",)

    def build(self, length, dtype=torch.float64, seed=0, lengths=False) -> Inputs:
        generator = torch.Generator().manual_seed(seed)
        inputs = {
            "u": torch.randn(3, length, 2, generator=generator, dtype=dtype).to(DEVICE),
            "kernel": torch.randn(2, 300, generator=generator, dtype=dtype).to(DEVICE),
        }
        if lengths:
            inputs["lengths"] = torch.tensor([0, length - 4, length], device=DEVICE)
        return inputs

    def extremes(self):
        inputs = self.build(700, torch.float32)
        return {
            "large inputs": {**inputs, "u": 1e4 * inputs["u"]},
            "tiny kernel": {**inputs, "kernel": 1e-6 * inputs["kernel"]},
        }

    def invalid(self):
        inputs = self.build(4)
        return {
            "u of two dimensions": ("u", {**inputs, "u": inputs["u"][0]}),
            "kernel of another width": ("kernel", {**inputs, "kernel": inputs["kernel"][:1]}),
            "complex kernel": ("kernel", {**inputs, "kernel": inputs["kernel"] + 0j}),
            "float lengths": ("lengths", {**inputs, "lengths": torch.ones(3)}),
        }

    def opcheck_calls(self):
        inputs = self.build(7)
        return [
            (
                torch.ops.ssmts.fft_conv.default,
                (inputs["u"].requires_grad_(), inputs["kernel"].requires_grad_(), "cpu"),
            )
        ]


def test_a_kernel_shorter_than_the_signal():
    case = TestFftConv()
    inputs = case.build(50)
    case.assert_agrees("cpu", {**inputs, "kernel": inputs["kernel"][:, :3]})


@pytest.mark.parametrize("length", [1, 100, 200])
@pytest.mark.parametrize("name", ["reference", "cpu", "numba"])
def test_is_numpy_s_convolution(name, length):
    if name == "numba":
        pytest.importorskip("numba", reason="the compiled loops need numba")
    rng = np.random.default_rng(0)
    u, kernel = rng.standard_normal((2, length, 3)), rng.standard_normal((3, length))
    with backend(name):
        y = fft_conv(torch.from_numpy(u), torch.from_numpy(kernel)).numpy()
    for row in range(2):
        for channel in range(3):
            expected = np.convolve(u[row, :, channel], kernel[channel])[:length]
            np.testing.assert_allclose(y[row, :, channel], expected, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("batch", "length", "channels", "taps"),
    [
        (5, 513, 48, 513),  # sizes 2^a, 2^a 3 and 2^a 9, whole vectors of channels
        (2, 100, 64, 40),
        (9, 530, 16, 900),
        (3, 90, 7, 90),  # lanes shared by rows
        (1, 70, 5, 70),
        (1, 300, 1, 300),  # too narrow: the torch form
        (2, 33, 32, 0),
    ],
)
def test_compiled_loops_at_every_width_and_size(batch, length, channels, taps, dtype):
    pytest.importorskip("numba", reason="the compiled loops need numba")
    generator = torch.Generator().manual_seed(0)
    case = TestFftConv()
    inputs = {
        "u": torch.randn(batch, length, channels, generator=generator, dtype=dtype),
        "kernel": torch.randn(channels, taps, generator=generator, dtype=dtype),
    }
    outputs, gradients = case.gradients("numba", inputs)
    expected, expected_gradients = case.gradients("cpu", inputs)
    case.assert_close(outputs[0], expected[0], "y")
    for key, gradient in gradients.items():
        case.assert_close(gradient, expected_gradients[key], f"gradient of {key}")


@pytest.mark.parametrize("name", ["cpu", "numba"])
def test_65536_steps_stay_within_rounding_of_float64(name):
    if name == "numba":
        pytest.importorskip("numba", reason="the compiled loops need numba")
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, 65_536, 8, generator=generator)
    kernel = torch.randn(8, 65_536, generator=generator)
    with backend(name):
        y = fft_conv(u, kernel)
    with backend("cpu"):
        expected = fft_conv(u.double(), kernel.double())
    assert (y - expected).abs().max() < 2e-6 * expected.abs().max()


def test_transforms_cover_every_length_in_two_levels_or_more():
    pytest.importorskip("numba", reason="the compiled loops need numba")
    from ssmts_kernels.fft_conv.compiled import _sizes

    for length in range(1, 3000, 7):
        for size, radices in _sizes(length):
            assert size >= length
            assert np.prod(radices) == size
            assert len(radices) >= 2
        assert min(_sizes(length))[0] <= max(16, 1.34 * length)


def test_fast_lengths_are_even_and_smooth():
    for least in range(1, 3000, 7):
        size = _fast_length(least)
        assert least <= size <= max(2, 2 * least)
        assert size % 2 == 0
        for prime in (2, 3, 5):
            while size % prime == 0:
                size //= prime
        assert size == 1
