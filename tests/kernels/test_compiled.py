"""What the compiled loops promise beyond the conformance tests: threads, forks, wide tiles, vectors."""

import multiprocessing
import sys
import threading

import numpy as np
import pytest
import torch

from ssmts_kernels import backend, fft_conv, selective_scan, ssd

pytest.importorskip("numba", reason="the compiled loops need numba")


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def selective(batch, channels, modes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    u = torch.randn(batch, 40, channels, generator=generator, dtype=dtype)
    B = torch.randn(batch, 40, modes, generator=generator, dtype=dtype)
    A = -torch.rand(channels, modes, generator=generator, dtype=dtype)
    return [t.requires_grad_() for t in (u, u.detach().abs(), A, B, B.detach().flip(1))]


def gradients(name, operator, leaves, **options):
    with backend(name):
        y = operator(*leaves, **options)
    return y.detach(), *torch.autograd.grad(y.square().sum(), leaves)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("batch", "channels", "modes"), [(1, 1, 1), (9, 64, 3), (4, 80, 4), (2, 33, 70), (5, 32, 20)]
)
def test_every_width_of_tile_agrees(batch, channels, modes, dtype):
    leaves = selective(batch, channels, modes, dtype)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}
    for a, e in zip(
        *(gradients(n, selective_scan, leaves, hold="zoh") for n in ("numba", "cpu")), strict=True
    ):
        torch.testing.assert_close(a / e.abs().max(), e / e.abs().max(), **tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("batch", "length", "heads", "groups", "p", "n"),
    [(1, 16, 1, 1, 16, 16), (1, 150, 6, 2, 20, 17), (3, 37, 5, 1, 64, 4), (9, 65, 2, 2, 1, 33)],
)
def test_ssd_of_every_width_and_part_of_heads_agrees(batch, length, heads, groups, p, n, dtype):
    generator = torch.Generator().manual_seed(4)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    x, A, D = normal(batch, length, heads, p), normal(heads), normal(heads)
    delta = normal(batch, length, heads)
    leaves = [x, delta, A, normal(batch, length, groups, n), normal(batch, length, groups, n), D]

    def operator(x, delta, A, B, C, D):
        return ssd(x, delta.abs(), -A.abs(), B, C, D)

    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}
    for a, e in zip(*(gradients(name, operator, leaves) for name in ("numba", "cpu")), strict=True):
        torch.testing.assert_close(a / e.abs().max(), e / e.abs().max(), **tolerance)


@pytest.mark.parametrize("hold", ["euler", "zoh"])
def test_threads_do_not_change_a_bit(threads, hold):
    leaves = selective(5, 80, 4)
    x = torch.randn(3, 37, 4, 20, requires_grad=True)
    weights = torch.randn(3, 37, 2, 6, requires_grad=True)
    dual = [x, torch.rand(3, 37, 4), -torch.rand(4), weights, weights.detach().clone()]
    dual = [t.detach().requires_grad_() for t in dual]
    signal, taps = torch.randn(9, 50, 32, requires_grad=True), torch.randn(32, 50, requires_grad=True)
    results = []
    for count in (1, 3):
        threads(count)
        results.append(
            gradients("numba", selective_scan, leaves, hold=hold)
            + gradients("numba", ssd, dual, hold=hold)
            + gradients("numba", fft_conv, [signal, taps])
        )
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_python_threads_may_call_at_once(threads):
    threads(2)
    leaves = selective(5, 80, 4)
    expected, results = gradients("numba", selective_scan, leaves), []
    callers = [
        threading.Thread(target=lambda: results.append(gradients("numba", selective_scan, leaves)))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 4
    assert all(torch.equal(a, b) for result in results for a, b in zip(result, expected, strict=True))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(threads):
    threads(2)
    leaves = [t.detach() for t in selective(5, 80, 4)]
    with torch.no_grad(), backend("numba"):
        expected = selective_scan(*leaves).numpy()
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)

        def call():
            # torch's own parallel loops must not run in a fork; ours are what is tested
            from ssmts_kernels._parallel import spread

            seen = np.zeros(8)
            spread(lambda first, last: seen.__setitem__(slice(first, last), 1), 8)
            sender.send(seen.sum())

        child = context.Process(target=call)
        child.start()
        assert receiver.poll(60), "the forked process hangs"
        assert receiver.recv() == 8
        child.join()
        np.testing.assert_array_equal(selective_scan(*leaves).numpy(), expected)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2e-7), (np.float64, 1e-15)])
def test_exponential_and_phi_of_vectors(dtype, bound):
    simd = pytest.importorskip("ssmts_kernels._simd")

    @simd.numba.njit
    def run(z, lanes, exponential, value, slope):
        for i in range(0, len(z), lanes):
            a = simd.exp(simd.load(z, i))
            p = simd.phi1(simd.load(z, i), a)
            simd.store(exponential, i, a)
            simd.store(value, i, p)
            simd.store(slope, i, simd.phi1_slope(simd.load(z, i), a, p))

    z = np.concatenate([-np.logspace(-8, 1.9, 800), np.logspace(-8, 1.9, 800)]).astype(dtype)
    results = [np.empty_like(z) for _ in range(3)]
    run(z, simd.BYTES // z.itemsize, *results)
    wide = z.astype(np.longdouble)
    value = np.expm1(wide) / wide
    series = 0.5 + wide / 3 + wide**2 / 8 + wide**3 / 30 + wide**4 / 144 + wide**5 / 840
    slope = np.where(np.abs(wide) < 1e-2, series, (np.exp(wide) - value) / wide)
    for got, exact, factor in zip(results, (np.exp(wide), value, slope), (1, 2, 8), strict=True):
        assert np.max(np.abs(got - exact) / exact) < factor * bound

    edges = np.zeros(16, dtype)
    edges[:6] = [0, -1e4, 1e4, -np.inf, np.nan, np.inf]
    results = [np.empty_like(edges) for _ in range(3)]
    run(edges, simd.BYTES // edges.itemsize, *results)
    np.testing.assert_array_equal(results[0][:6], [1, 0, np.inf, 0, np.nan, np.inf])
    assert results[1][0] == 1
    assert results[2][0] == 0.5
