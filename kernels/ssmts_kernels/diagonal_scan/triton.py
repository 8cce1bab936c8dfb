"""The scan as one fused pass a (row, channel): states stay in registers, Ā and the hold's weights never reach
memory.

Only the states at the start of each chunk are stored. The backward pass walks through the chunks in reverse,
runs each forward again into a scratch area of its own, and leaves the gradients of the parameters per row and
those of the intervals per channel, for torch to sum in a fixed order: no atomics, the same bits each time.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmts_kernels._triton import launch, parts

CHUNK = 64
CONFIGS = [triton.Config({}, num_warps=warps) for warps in (1, 2, 4)]
_HOLDS = {"foh": 0, "zoh": 1, "bilinear": 2, "bilinear_s4": 3}


def forward(
    u: Tensor, intervals: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, previous: Tensor, hold: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (batch, length, D), the last state and the states before each chunk, flat."""
    batch, length, channels = u.shape
    n = A.shape[-1]
    y = torch.zeros_like(u, memory_format=torch.contiguous_format)
    kept = parts(state.new_zeros(triton.cdiv(length, CHUNK), *state.shape))
    last = parts(state).clone()
    if u.numel() and n:
        launch(
            _forward, lambda meta: (batch * channels,),
            u.contiguous(), intervals.to(u.dtype).contiguous(), parts(A), parts(B), parts(C), parts(state),
            previous.contiguous(), y, last, kept, batch, length, channels, n,
            **_options(A, hold),
        )  # fmt: skip
    return y, _whole(last, A), _whole(kept, A).flatten()


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    kept: Tensor,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    previous: Tensor,
    hold: str,
    with_intervals: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, intervals, A, B, C, the first state and the input before the first."""
    batch, length, channels = u.shape
    n = A.shape[-1]
    grad_u = torch.zeros_like(u, memory_format=torch.contiguous_format)
    grad_before, grad_intervals = torch.zeros_like(grad_u), torch.zeros_like(grad_u)
    grad_state = parts(grad_last).clone()
    grad_A, grad_B, grad_C = (torch.zeros_like(grad_state) for _ in range(3))
    scratch = grad_state.new_empty(batch, channels, CHUNK, n, 2)
    if u.numel() and n:
        launch(
            _backward, lambda meta: (batch * channels,),
            grad_y.contiguous(), parts(kept), u.contiguous(), intervals.to(u.dtype).contiguous(),
            parts(A), parts(B), parts(C), previous.contiguous(), scratch,
            grad_u, grad_before, grad_intervals, grad_A, grad_B, grad_C, grad_state,
            batch, length, channels, n, **_options(A, hold),
        )  # fmt: skip
    # What observation k owes to the interval after it.
    grad_u[:, :-1] += grad_before[:, 1:]
    grad_previous = grad_before[:, 0].clone() if length else torch.zeros_like(previous)
    return (
        grad_u,
        grad_intervals.sum(-1).to(intervals.dtype),
        _whole(grad_A, A).sum(0),
        _whole(grad_B, A).sum(0),
        _whole(grad_C, A).sum(0),
        _whole(grad_state, A),
        grad_previous,
    )


def _options(A: Tensor, hold: str) -> dict[str, int]:
    return {
        "PAIR": 2 if A.is_complex() else 1,
        "HOLD": _HOLDS[hold],
        "TERMS": 16 if A.real.dtype == torch.float64 else 8,
        "BLOCK_N": triton.next_power_of_2(max(A.shape[-1], 1)),
        "CHUNK": CHUNK,
    }


def _whole(planes: Tensor, like: Tensor) -> Tensor:
    return torch.view_as_complex(planes) if like.is_complex() else planes[..., 0].clone()


@triton.jit
def _times(a, a_imag, b, b_imag):
    return a * b - a_imag * b_imag, a * b_imag + a_imag * b


@triton.jit
def _over(a, a_imag, b, b_imag):
    scale = 1 / (b * b + b_imag * b_imag)
    return (a * b + a_imag * b_imag) * scale, (a_imag * b - a * b_imag) * scale


@triton.jit
def _load(base, index, mask, other: tl.constexpr):
    return tl.load(base + 2 * index, mask=mask, other=other), tl.load(
        base + 2 * index + 1, mask=mask, other=0.0
    )


@triton.jit
def _store(base, index, real, imag, mask):
    tl.store(base + 2 * index, real, mask=mask)
    tl.store(base + 2 * index + 1, imag, mask=mask)


@triton.jit
def _phi3(z, z_imag, TERMS: tl.constexpr):
    """φ3(z) = Σ zᵐ / (m + 3)! for |z| < 1, by Horner."""
    real, imag = tl.zeros_like(z) + 1.0, tl.zeros_like(z)
    for m in tl.static_range(TERMS):
        real, imag = _times(real, imag, z / (TERMS - m + 3), z_imag / (TERMS - m + 3))
        real += 1.0
    return real / 6, imag / 6


@triton.jit
def _phis(z, z_imag, e, e_imag, TERMS: tl.constexpr):
    """φ1, φ2 and φ2' at z, where e = exp(z): series near 0, closed forms elsewhere."""
    near = z * z + z_imag * z_imag < 1
    zn, zn_imag = tl.where(near, z, 0.0), tl.where(near, z_imag, 0.0)
    zf, zf_imag = tl.where(near, 1.0, z), tl.where(near, 0.0, z_imag)
    three, three_imag = _phi3(zn, zn_imag, TERMS)
    two, two_imag = _times(zn, zn_imag, three, three_imag)
    two += 0.5
    one, one_imag = _times(zn, zn_imag, two, two_imag)
    far1, far1_imag = _over(e - 1, e_imag, zf, zf_imag)
    far2, far2_imag = _over(far1 - 1, far1_imag, zf, zf_imag)
    far, far_imag = _over(far1 - 2 * far2, far1_imag - 2 * far2_imag, zf, zf_imag)
    return (
        tl.where(near, one + 1, far1), tl.where(near, one_imag, far1_imag),
        tl.where(near, two, far2), tl.where(near, two_imag, far2_imag),
        tl.where(near, two - 2 * three, far), tl.where(near, two_imag - 2 * three_imag, far_imag),
    )  # fmt: skip


@triton.jit
def _weights(a, a_imag, delta, HOLD: tl.constexpr, TERMS: tl.constexpr):
    """Ā, g0, g1 (the weights over δ) and their derivatives by z = aδ, as re and im: twelve arrays."""
    z, z_imag = a * delta, a_imag * delta
    if HOLD >= 2:
        inverse, inverse_imag = _over(tl.zeros_like(z) + 1.0, tl.zeros_like(z), 1 - z / 2, -z_imag / 2)
        e, e_imag = _times(1 + z / 2, z_imag / 2, inverse, inverse_imag)
        de, de_imag = _times(inverse, inverse_imag, inverse, inverse_imag)
        share = 0.5 if HOLD == 2 else 1.0
        first = 0.5 if HOLD == 2 else 0.0
        g0, g0_imag = inverse * first, inverse_imag * first
        g1, g1_imag = inverse * share, inverse_imag * share
        d0, d0_imag = 0.5 * first * de, 0.5 * first * de_imag
        d1, d1_imag = 0.5 * share * de, 0.5 * share * de_imag
    else:
        turns = a_imag.to(tl.float64) * delta * 0.15915494309189535
        phase = ((turns - tl.floor(turns)) * 6.283185307179586).to(z.dtype)
        radius = tl.exp(z)
        e, e_imag = radius * tl.cos(phase), radius * tl.sin(phase)
        de, de_imag = e, e_imag
        one, one_imag, two, two_imag, slope, slope_imag = _phis(z, z_imag, e, e_imag, TERMS)
        falling, falling_imag = one - two, one_imag - two_imag
        if HOLD == 1:
            g0, g0_imag = tl.zeros_like(z), tl.zeros_like(z)
            d0, d0_imag = tl.zeros_like(z), tl.zeros_like(z)
            g1, g1_imag, d1, d1_imag = one, one_imag, falling, falling_imag
        else:
            g0, g0_imag, g1, g1_imag = falling, falling_imag, two, two_imag
            d0, d0_imag = falling - slope, falling_imag - slope_imag
            d1, d1_imag = slope, slope_imag
    return e, e_imag, g0, g0_imag, g1, g1_imag, de, de_imag, d0, d0_imag, d1, d1_imag


@triton.jit
def _advance(x, x_imag, e, e_imag, g0, g0_imag, g1, g1_imag, b, b_imag, before, current, delta):
    """Ā x + B δ (g0 u_{k-1} + g1 u_k)."""
    held, held_imag = delta * (g0 * before + g1 * current), delta * (g0_imag * before + g1_imag * current)
    taken, taken_imag = _times(b, b_imag, held, held_imag)
    x, x_imag = _times(e, e_imag, x, x_imag)
    return x + taken, x_imag + taken_imag


@triton.autotune(configs=CONFIGS, key=["length", "n_modes"])
@triton.jit
def _forward(
    u, intervals, A, B, C, state, previous, y, last, kept, batch, length, channels, n_modes,
    PAIR: tl.constexpr, HOLD: tl.constexpr, TERMS: tl.constexpr, BLOCK_N: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    row, channel = program // channels, program % channels
    n = tl.arange(0, BLOCK_N)
    mask = n < n_modes
    a, a_imag = _load(A, channel * n_modes + n, mask, -1.0)
    b, b_imag = _load(B, channel * n_modes + n, mask, 0.0)
    c, c_imag = _load(C, channel * n_modes + n, mask, 0.0)
    x, x_imag = _load(state, program * n_modes + n, mask, 0.0)
    before = tl.load(previous + program)
    for k in range(length):
        if k % CHUNK == 0:
            place = (k // CHUNK * batch * channels + program) * n_modes + n
            _store(kept, place, x, x_imag, mask)
        delta = tl.load(intervals + row * length + k)
        current = tl.load(u + (row * length + k) * channels + channel)
        e, ei, g0, g0i, g1, g1i, _a, _b, _c, _d, _e, _f = _weights(a, a_imag, delta, HOLD, TERMS)
        x, x_imag = _advance(x, x_imag, e, ei, g0, g0i, g1, g1i, b, b_imag, before, current, delta)
        tl.store(y + (row * length + k) * channels + channel, PAIR * tl.sum(c * x - c_imag * x_imag, axis=0))
        before = current
    _store(last, program * n_modes + n, x, x_imag, mask)


@triton.autotune(configs=CONFIGS, key=["length", "n_modes"], restore_value=["grad_state"])
@triton.jit
def _backward(
    grad_y, kept, u, intervals, A, B, C, previous, scratch,
    grad_u, grad_before, grad_intervals, grad_A, grad_B, grad_C, grad_state, batch, length, channels, n_modes,
    PAIR: tl.constexpr, HOLD: tl.constexpr, TERMS: tl.constexpr, BLOCK_N: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    row, channel = program // channels, program % channels
    n = tl.arange(0, BLOCK_N)
    mask = n < n_modes
    a, a_imag = _load(A, channel * n_modes + n, mask, -1.0)
    b, b_imag = _load(B, channel * n_modes + n, mask, 0.0)
    c, c_imag = _load(C, channel * n_modes + n, mask, 0.0)
    # The conjugated adjoint: m_k = Ā_{k+1} m_{k+1} + 2 C g_k.
    m, m_imag = _load(grad_state, program * n_modes + n, mask, 0.0)
    m_imag = -m_imag
    of_a, of_a_imag = tl.zeros_like(a), tl.zeros_like(a)
    of_b, of_b_imag = tl.zeros_like(a), tl.zeros_like(a)
    of_c, of_c_imag = tl.zeros_like(a), tl.zeros_like(a)
    chunks = (length + CHUNK - 1) // CHUNK
    for back in range(chunks):
        start = (chunks - 1 - back) * CHUNK
        stop = tl.minimum(start + CHUNK, length)
        x, x_imag = _load(kept, ((chunks - 1 - back) * batch * channels + program) * n_modes + n, mask, 0.0)
        for k in range(start, stop):
            _store(scratch, (program * CHUNK + k - start) * n_modes + n, x, x_imag, mask)
            delta = tl.load(intervals + row * length + k)
            current = tl.load(u + (row * length + k) * channels + channel)
            earlier = u + (row * length + tl.maximum(k - 1, 0)) * channels + channel
            before = tl.load(tl.where(k == 0, previous + program, earlier))
            e, ei, g0, g0i, g1, g1i, _a, _b, _c, _d, _e, _f = _weights(a, a_imag, delta, HOLD, TERMS)
            x, x_imag = _advance(x, x_imag, e, ei, g0, g0i, g1, g1i, b, b_imag, before, current, delta)
        tl.debug_barrier()
        # x is the state after the chunk: each turn takes the state before it from the scratch area.
        for turn in range(stop - start):
            k = stop - 1 - turn
            place = (row * length + k) * channels + channel
            gradient = PAIR * tl.load(grad_y + place)
            of_c += gradient * x
            of_c_imag += gradient * x_imag
            m += gradient * c
            m_imag += gradient * c_imag
            x, x_imag = _load(scratch, (program * CHUNK + k - start) * n_modes + n, mask, 0.0)
            delta = tl.load(intervals + row * length + k)
            current = tl.load(u + place)
            earlier = u + (row * length + tl.maximum(k - 1, 0)) * channels + channel
            before = tl.load(tl.where(k == 0, previous + program, earlier))
            e, ei, g0, g0i, g1, g1i, de, dei, d0, d0i, d1, d1i = _weights(a, a_imag, delta, HOLD, TERMS)
            held, held_imag = g0 * before + g1 * current, g0i * before + g1i * current
            slope, slope_imag = d0 * before + d1 * current, d0i * before + d1i * current
            added, added_imag = _times(m, m_imag, held, held_imag)
            of_b += delta * added
            of_b_imag += delta * added_imag
            mb, mb_imag = _times(m, m_imag, b, b_imag)
            tl.store(grad_u + place, delta * tl.sum(mb * g1 - mb_imag * g1i, axis=0))
            tl.store(grad_before + place, delta * tl.sum(mb * g0 - mb_imag * g0i, axis=0))
            # dx_k/dz = Ā' x_{k-1} + B δ (g0' u_{k-1} + g1' u_k), where z = aδ.
            moved, moved_imag = _times(x, x_imag, de, dei)
            bent, bent_imag = _times(b, b_imag, slope, slope_imag)
            by_z, by_z_imag = _times(m, m_imag, moved + delta * bent, moved_imag + delta * bent_imag)
            of_a += delta * by_z
            of_a_imag += delta * by_z_imag
            direct = mb * held - mb_imag * held_imag
            tl.store(grad_intervals + place, tl.sum(a * by_z - a_imag * by_z_imag + direct, axis=0))
            m, m_imag = _times(e, ei, m, m_imag)
    at = program * n_modes + n
    _store(grad_A, at, of_a, -of_a_imag, mask)
    _store(grad_B, at, of_b, -of_b_imag, mask)
    _store(grad_C, at, of_c, -of_c_imag, mask)
    _store(grad_state, at, m, -m_imag, mask)
