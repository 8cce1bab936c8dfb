r"""Right-angle convolution as a compiled loop, channels in the lanes of vectors.

The product of two real polynomials of degree below M, modulo :math:`z^M - i`, is its lower half plus i times
its upper half: the real part is the causal convolution, without padding to 2 M. The modulus splits into
:math:`z^{M/r} - \rho_q` again and again, down to single points. Unlike the steps of a plain FFT those need
one set of roots a block and no permutation, and the channels stay last.

References
----------
Nussbaumer, "Fast Fourier Transform and Convolution Algorithms", 2nd edition, Springer 1982, chapter 3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ssmts_kernels._parallel import spread
from ssmts_kernels._simd import BYTES
from ssmts_kernels.fft_conv import cpu
from ssmts_kernels.fft_conv.loops import backward_loop, forward_loop, spectrum_loop

Array = NDArray[Any]
_HANDED_OVER = 1 << 18
"""Numbers of the kernels' spectra from which other threads are asked: waking them takes 0.1 ms."""
Plan = tuple[tuple[int, ...], Array, Array]
"""(length, channels, size of the transform, lanes), levels and table, as the loops read them."""


def forward(u: Tensor, kernel: Tensor) -> Tensor:
    """Return the (batch, length, D) convolution; u and kernel share their dtype."""
    if _too_few(u):
        return cpu.forward(u, kernel)
    signal = _in_lanes(u)
    plan = _plan(signal)
    y = torch.empty_like(signal)
    arrays = _flat(signal), _spectra(kernel, u, plan), _flat(y)
    spread(forward_loop, len(signal) * _tiles(signal), *plan, *arrays)
    return _from_lanes(y, u)


def backward(grad: Tensor, u: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of u and kernel: correlations of grad with the other one."""
    if _too_few(u):
        return cpu.backward(grad, u, kernel)
    signal = _in_lanes(u)
    plan, tiles = _plan(signal), _tiles(signal)
    # As many groups of rows as keep a few threads busy, whatever their number: the order of the sum is fixed.
    groups = min(len(signal), max(1, 8 // tiles))
    grad_u = torch.empty_like(signal)
    grad_taps = signal.new_empty(groups, *signal.shape[1:])
    outer = _in_lanes(grad)
    arrays = _flat(outer), _flat(signal), _spectra(kernel, u, plan), _flat(grad_u), _flat(grad_taps)
    spread(backward_loop, groups * tiles, *plan, *arrays, groups)
    channels = u.shape[2]
    if len(signal) == len(u):
        by_channel = grad_taps.sum(0)[:, :channels]
    else:
        by_channel = grad_taps[0, :, : len(u) * channels].reshape(-1, len(u), channels).sum(1)
    taps = min(u.shape[1], kernel.shape[1])
    grad_kernel = torch.zeros_like(kernel, memory_format=torch.contiguous_format)
    grad_kernel[:, :taps] = by_channel[:taps].mT
    return _from_lanes(grad_u, u), grad_kernel


def _too_few(u: Tensor) -> bool:
    """Whether most lanes would idle."""
    return u.numel() == 0 or len(u) * u.shape[2] < _lanes(u) // 4


def _lanes(u: Tensor) -> int:
    return BYTES // u.element_size()


def _tiles(signal: Tensor) -> int:
    return signal.shape[2] // _lanes(signal)


def _in_lanes(u: Tensor) -> Tensor:
    """Fill whole vectors: with channels, or else with the channels of all rows side by side."""
    if u.shape[2] % _lanes(u) == 0:
        return u.contiguous()
    rows = u.transpose(0, 1).flatten(1)
    return pad(rows, (0, -rows.shape[1] % _lanes(u))).contiguous()[None]


def _from_lanes(y: Tensor, u: Tensor) -> Tensor:
    batch, _, channels = u.shape
    if channels % _lanes(u) == 0:
        return y
    return y[0, :, : batch * channels].reshape(-1, batch, channels).transpose(0, 1).contiguous()


def _spectra(kernel: Tensor, u: Tensor, plan: Plan) -> Array:
    """Transform the kernels of all lanes."""
    (length, channels, size, lanes), levels, table = plan
    taps = kernel[:, :length].mT
    filled = _in_lanes(taps[None] if u.shape[2] % lanes == 0 else taps.expand(len(u), *taps.shape))
    spectra = _flat(filled.new_empty(2 * size * channels))
    layout = len(taps), channels, size, lanes
    arguments = layout, levels, table, _flat(filled), spectra
    if len(spectra) < _HANDED_OVER:
        spectrum_loop(0, channels // lanes, *arguments)
    else:
        spread(spectrum_loop, channels // lanes, *arguments)
    return spectra


def _plan(signal: Tensor) -> Plan:
    size, levels, table = _tree(signal.shape[1], str(signal.dtype).removeprefix("torch."))
    return (*signal.shape[1:], size, _lanes(signal)), levels, table


@lru_cache(maxsize=32)
def _tree(length: int, dtype: str) -> tuple[int, Array, Array]:
    """Return the size of the transform, its levels and their roots, as the loops read them."""
    size, radices = min(_sizes(length))
    levels, roots, angles, block, used = [], [], np.array([0.25]), size, 0
    for radix in radices:  # a block at angle t has the modulus z^block - exp(2πi t)
        levels.append((radix, block, used))
        powers = np.exp(2j * np.pi / radix * angles[:, None] * np.arange(1, radix))
        roots.append(powers.view(np.float64).ravel())
        used += roots[-1].size
        angles = ((angles[:, None] + np.arange(radix)) / radix).ravel()
        block //= radix
    return size, np.array(levels), np.concatenate([*roots, [1 / size]]).astype(dtype)


def _sizes(length: int) -> list[tuple[int, list[int]]]:
    """Return sizes of at least `length` and their radices, two or more."""
    found = []
    for threes in range(3):
        twos = max(2 if threes else 4, (-(-length // 3**threes) - 1).bit_length())
        fours = (0, 2, 1)[twos % 3]
        radices = [3] * threes + [4] * fours + [8] * ((twos - 2 * fours) // 3)
        found.append((3**threes << twos, radices))
    return found


def _flat(value: Tensor) -> Array:
    return value.detach().view(-1).numpy()
