"""The dual form as fused Triton kernels.

Forward: a program owns one head of one row and a tile of P, walks through the chunks and keeps the state in
registers. Backward: the same walk in reverse leaves the adjoint state at the end of each chunk; then all
chunks at once recompute their scores and form every gradient. States are (N, P), and what would be the
transpose of a product is a product of transposed loads: Triton 3.4 to 3.7.0 miscompiles the former on Hopper.
Gradients of B and C leave per head and are summed over a group's heads by torch, in a fixed order.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmts_kernels.ssd.decays import CHUNK, checkpoints, cumulative

# Wider tiles spill registers and, in float32, exceed an H100's shared memory (compiled for sm_90).
BLOCK_P = 32
# What products take when x, B and C are halves. float16 lacks the range for states; numpy, which the
# interpreter computes with, lacks bfloat16.
OPERANDS = {torch.bfloat16: tl.float32 if triton.knobs.runtime.interpret else tl.bfloat16}


def forward(
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    initial_state: Tensor | None,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the last state (batch, H, P, N) and, if `save`, the states at the start of each chunk."""
    batch, _, heads, head_dim = x.shape
    modes = B.shape[-1]
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    last_state = exponent.new_empty(batch, heads, head_dim, modes)
    starts = exponent.new_empty(checkpoints(x, B) if save else (0,))
    inputs, sizes, options = _arguments(x, exponent, gain, B, C, D)
    initial = None if initial_state is None else initial_state.contiguous()
    _forward[(batch * heads, triton.cdiv(head_dim, options["BLOCK_P"]))](
        *inputs, initial, y, last_state, starts, *sizes,
        HAS_STATE=initial is not None, SAVE=save, num_warps=4, **options,
    )  # fmt: skip
    return y, last_state, starts


def backward(
    grad_y: Tensor,
    grad_last: Tensor,
    starts: Tensor,
    x: Tensor,
    exponent: Tensor,
    gain: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return the gradients of x, exponent, gain, B, C, D and initial_state; D's is empty if it is None."""
    batch, length, heads, head_dim = x.shape
    groups, modes = B.shape[2:]
    chunks = -(-length // CHUNK)
    inputs, sizes, options = _arguments(x, exponent, gain, B, C, D)
    grad_y, grad_last = grad_y.contiguous(), grad_last.contiguous()
    ends, grad_state = torch.empty_like(starts), exponent.new_empty(batch, heads, head_dim, modes)
    _adjoints[(batch * heads, triton.cdiv(head_dim, options["BLOCK_P"]))](
        *inputs, grad_y, grad_last, ends, grad_state, *sizes, num_warps=4, **options
    )
    grad_x = exponent.new_empty(x.shape)
    grad_exponent, grad_gain = (exponent.new_empty(batch, length, heads) for _ in range(2))
    grad_B, grad_C = exponent.new_empty(2, batch, length, groups, heads // groups, modes)
    grad_D = exponent.new_empty(batch * chunks if D is not None else 0, heads)
    _gradients[(batch * heads, chunks)](
        *inputs, grad_y, starts, ends, grad_x, grad_exponent, grad_gain, grad_B, grad_C, grad_D, *sizes,
        num_warps=8, num_stages=1, **options,  # loads ahead of their stage would spill registers
    )  # fmt: skip
    return (
        grad_x, grad_exponent, grad_gain, grad_B.sum(3), grad_C.sum(3),
        grad_D.sum(0) if D is not None else x.new_empty(0), grad_state,
    )  # fmt: skip


def _arguments(
    x: Tensor, exponent: Tensor, gain: Tensor, B: Tensor, C: Tensor, D: Tensor | None
) -> tuple[tuple[Tensor | None, ...], tuple[int, ...], dict[str, object]]:
    """Return input tensors, sizes and compile-time arguments that all kernels share."""
    _, length, heads, head_dim = x.shape
    groups, modes = B.shape[2:]
    double = exponent.dtype == torch.float64
    halves = x.dtype in OPERANDS and B.dtype == C.dtype == x.dtype and not double
    options = {
        "HAS_D": D is not None,
        "DTYPE": tl.float64 if double else tl.float32,
        "OPERAND": OPERANDS[x.dtype] if halves else tl.float64 if double else tl.float32,
        "PRECISION": "tf32" if torch.backends.cuda.matmul.allow_tf32 else "tf32x3",
        "Q": CHUNK,
        "BLOCK_P": min(BLOCK_P, max(16, triton.next_power_of_2(head_dim))),
        "BLOCK_N": max(16, triton.next_power_of_2(modes)),
    }
    high, low = cumulative(exponent)
    tensors = (x, high, low, gain, B, C, D)
    contiguous = tuple(None if value is None else value.contiguous() for value in tensors)
    return contiguous, (length, heads, head_dim, groups, modes), options


@triton.jit
def _dot(a, b, OPERAND: tl.constexpr, DTYPE: tl.constexpr, PRECISION: tl.constexpr):
    return tl.dot(a.to(OPERAND), b.to(OPERAND), input_precision=PRECISION, out_dtype=DTYPE)


@triton.jit
def _decays(high, low, base, end, heads, t):
    """Return the chunk's cumulative exponents, both parts, and decays from its start, to its end, overall."""
    hi = tl.load(high + base + t * heads)
    lo = tl.load(low + base + t * heads)
    hi_end = tl.load(high + base + end * heads)
    lo_end = tl.load(low + base + end * heads)
    to_end = tl.exp(tl.minimum((hi_end - hi) + (lo_end - lo), 0.0))
    return hi, lo, tl.exp(hi), to_end, tl.exp(hi_end)


@triton.jit
def _between(hi_i, lo_i, hi_j, lo_j, causal):
    """Decay from step j to step i; broadcasts, so that either of them may be the first axis."""
    return tl.where(causal, tl.exp(tl.minimum((hi_i - hi_j) + (lo_i - lo_j), 0.0)), 0.0)


@triton.jit
def _forward(
    x, high, low, gain, B, C, D, initial, y, last, starts, length, heads, head_dim, groups, modes,
    HAS_D: tl.constexpr, HAS_STATE: tl.constexpr, SAVE: tl.constexpr, DTYPE: tl.constexpr,
    OPERAND: tl.constexpr, PRECISION: tl.constexpr, Q: tl.constexpr, BLOCK_P: tl.constexpr,
    BLOCK_N: tl.constexpr,
):  # fmt: skip
    b = (tl.program_id(0) // heads).to(tl.int64)
    h = tl.program_id(0) % heads
    p = tl.program_id(1) * BLOCK_P + tl.arange(0, BLOCK_P)
    n = tl.arange(0, BLOCK_N)
    t = tl.arange(0, Q)
    in_p, in_n = p < head_dim, n < modes
    in_np = in_n[:, None] & in_p[None, :]
    share = heads // groups
    g = h // share
    outer = ((b * heads + h) * head_dim + p)[None, :] * modes + n[:, None]
    state = tl.zeros((BLOCK_N, BLOCK_P), DTYPE)
    if HAS_STATE:
        state += tl.load(initial + outer, in_np, 0.0).to(DTYPE)
    chunks = (length + Q - 1) // Q
    for chunk in range(chunks):
        rows = chunk * Q + t
        inside = rows < length
        if SAVE:
            block = ((b * chunks + chunk) * groups + g) * modes + n
            saved = (block[:, None] * share + h % share) * head_dim + p[None, :]
            tl.store(starts + saved, state, in_np)
        hi, lo, since_start, to_end, whole = _decays(
            high, low, (b * chunks + chunk) * Q * heads + h, Q - 1, heads, t
        )  # fmt: skip
        at = (b * length + rows) * heads + h
        xp = at[:, None] * head_dim + p[None, :]
        bn = ((b * length + rows) * groups + g)[:, None] * modes + n[None, :]
        in_tp, in_tn = inside[:, None] & in_p[None, :], inside[:, None] & in_n[None, :]
        x_t = tl.load(x + xp, in_tp, 0.0).to(DTYPE)
        taken_up = x_t * tl.load(gain + at, inside, 0.0)[:, None]
        B_t = tl.load(B + bn, in_tn, 0.0)
        C_t = tl.load(C + bn, in_tn, 0.0)
        decay = _between(hi[:, None], lo[:, None], hi[None, :], lo[None, :], t[:, None] >= t[None, :])
        scores = _dot(C_t, tl.trans(B_t), OPERAND, DTYPE, PRECISION) * decay
        out = _dot(C_t, state, OPERAND, DTYPE, PRECISION) * since_start[:, None]
        out += _dot(scores, taken_up, OPERAND, DTYPE, PRECISION)
        if HAS_D:
            out += tl.load(D + h).to(DTYPE) * x_t
        tl.store(y + xp, out, in_tp)
        added = taken_up * to_end[:, None]
        state = state * whole + _dot(tl.trans(B_t), added, OPERAND, DTYPE, PRECISION)
        if OPERAND != DTYPE:
            # The low part goes in as well: rounding what enters would make the state itself a half.
            lost = added - added.to(OPERAND).to(DTYPE)
            state += _dot(tl.trans(B_t), lost, OPERAND, DTYPE, PRECISION)
    tl.store(last + outer, state, in_np)


@triton.jit
def _adjoints(
    x, high, low, gain, B, C, D, grad_y, grad_last, ends, grad_state, length, heads, head_dim, groups, modes,
    HAS_D: tl.constexpr, DTYPE: tl.constexpr, OPERAND: tl.constexpr, PRECISION: tl.constexpr,
    Q: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    b = (tl.program_id(0) // heads).to(tl.int64)
    h = tl.program_id(0) % heads
    p = tl.program_id(1) * BLOCK_P + tl.arange(0, BLOCK_P)
    n = tl.arange(0, BLOCK_N)
    t = tl.arange(0, Q)
    in_p, in_n = p < head_dim, n < modes
    in_np = in_n[:, None] & in_p[None, :]
    share = heads // groups
    g = h // share
    outer = ((b * heads + h) * head_dim + p)[None, :] * modes + n[:, None]
    adjoint = tl.load(grad_last + outer, in_np, 0.0).to(DTYPE)
    chunks = (length + Q - 1) // Q
    for i in range(chunks):
        chunk = chunks - 1 - i
        rows = chunk * Q + t
        inside = rows < length
        block = ((b * chunks + chunk) * groups + g) * modes + n
        saved = (block[:, None] * share + h % share) * head_dim + p[None, :]
        tl.store(ends + saved, adjoint, in_np)
        _, _, since_start, _, whole = _decays(
            high, low, (b * chunks + chunk) * Q * heads + h, Q - 1, heads, t
        )  # fmt: skip
        xp = ((b * length + rows) * heads + h)[:, None] * head_dim + p[None, :]
        bn = ((b * length + rows) * groups + g)[:, None] * modes + n[None, :]
        grad = tl.load(grad_y + xp, inside[:, None] & in_p[None, :], 0.0).to(DTYPE)
        C_t = tl.load(C + bn, inside[:, None] & in_n[None, :], 0.0)
        adjoint = adjoint * whole + _dot(
            tl.trans(C_t), grad * since_start[:, None], OPERAND, DTYPE, PRECISION
        )  # fmt: skip
    tl.store(grad_state + outer, adjoint, in_np)


@triton.jit
def _gradients(
    x, high, low, gain, B, C, D, grad_y, starts, ends,
    grad_x, grad_exponent, grad_gain, grad_B, grad_C, grad_D, length, heads, head_dim, groups, modes,
    HAS_D: tl.constexpr, DTYPE: tl.constexpr, OPERAND: tl.constexpr, PRECISION: tl.constexpr,
    Q: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    b = (tl.program_id(0) // heads).to(tl.int64)
    h = tl.program_id(0) % heads
    chunk = tl.program_id(1)
    n = tl.arange(0, BLOCK_N)
    t = tl.arange(0, Q)
    in_n = n < modes
    share = heads // groups
    g = h // share
    chunks = tl.num_programs(1)
    rows = chunk * Q + t
    inside = rows < length
    in_tn = inside[:, None] & in_n[None, :]
    at = (b * length + rows) * heads + h
    bn = ((b * length + rows) * groups + g)[:, None] * modes + n[None, :]
    hi, lo, since_start, to_end, whole = _decays(
        high, low, (b * chunks + chunk) * Q * heads + h, Q - 1, heads, t
    )  # fmt: skip
    gain_t = tl.load(gain + at, inside, 0.0)
    B_t = tl.load(B + bn, in_tn, 0.0)
    C_t = tl.load(C + bn, in_tn, 0.0)
    # Both orientations of each (Q, Q) array, because none may be made by transposing a product.
    decay = _between(hi[:, None], lo[:, None], hi[None, :], lo[None, :], t[:, None] >= t[None, :])
    decay_t = _between(hi[None, :], lo[None, :], hi[:, None], lo[:, None], t[None, :] >= t[:, None])
    scores_t = _dot(B_t, tl.trans(C_t), OPERAND, DTYPE, PRECISION) * decay_t
    pairs = tl.zeros((Q, Q), DTYPE)
    pairs_t = tl.zeros((Q, Q), DTYPE)
    sum_B = tl.zeros((Q, BLOCK_N), DTYPE)
    sum_C = tl.zeros((Q, BLOCK_N), DTYPE)
    carried = tl.zeros((Q,), DTYPE)
    kept = tl.zeros((Q,), DTYPE)
    sum_gain = tl.zeros((Q,), DTYPE)
    sum_through = tl.zeros((BLOCK_N,), DTYPE)
    sum_D = tl.zeros((Q,), DTYPE)
    for p0 in range(0, head_dim, BLOCK_P):
        p = p0 + tl.arange(0, BLOCK_P)
        in_p = p < head_dim
        in_np, in_tp = in_n[:, None] & in_p[None, :], inside[:, None] & in_p[None, :]
        xp = at[:, None] * head_dim + p[None, :]
        block = ((b * chunks + chunk) * groups + g) * modes + n
        saved = (block[:, None] * share + h % share) * head_dim + p[None, :]
        x_t = tl.load(x + xp, in_tp, 0.0).to(DTYPE)
        grad = tl.load(grad_y + xp, in_tp, 0.0).to(DTYPE)
        start = tl.load(starts + saved, in_np, 0.0)
        end = tl.load(ends + saved, in_np, 0.0)
        taken_up = x_t * gain_t[:, None]
        pairs += _dot(grad, tl.trans(taken_up), OPERAND, DTYPE, PRECISION)
        pairs_t += _dot(taken_up, tl.trans(grad), OPERAND, DTYPE, PRECISION)
        from_start = grad * since_start[:, None]
        carried += tl.sum(_dot(C_t, start, OPERAND, DTYPE, PRECISION) * from_start, 1)
        sum_C += _dot(from_start, tl.trans(start), OPERAND, DTYPE, PRECISION)
        into_end = _dot(B_t, end, OPERAND, DTYPE, PRECISION) * to_end[:, None]
        kept += tl.sum(into_end * taken_up, 1)
        sum_B += _dot(taken_up * to_end[:, None], tl.trans(end), OPERAND, DTYPE, PRECISION)
        sum_through += tl.sum(start * end, 1)
        to_taken_up = into_end + _dot(scores_t, grad, OPERAND, DTYPE, PRECISION)
        sum_gain += tl.sum(to_taken_up * x_t, 1)
        to_x = to_taken_up * gain_t[:, None]
        if HAS_D:
            to_x += tl.load(D + h).to(DTYPE) * grad
            sum_D += tl.sum(grad * x_t, 1)
        tl.store(grad_x + xp, to_x, in_tp)
    pairs *= decay
    pairs_t *= decay_t
    sum_C += _dot(pairs, B_t, OPERAND, DTYPE, PRECISION)
    sum_B += _dot(pairs_t, C_t, OPERAND, DTYPE, PRECISION)
    # Paths across exponent k: see the torch form. A step's own term is left out, it would cancel.
    raw_scores = _dot(C_t, tl.trans(B_t), OPERAND, DTYPE, PRECISION)
    flow = tl.where(t[:, None] > t[None, :], pairs * raw_scores, 0.0)
    crossing = tl.sum(flow, 1) + carried
    leaving = tl.sum(flow, 0)
    to_exponent = tl.cumsum(crossing, 0, reverse=True) - tl.cumsum(leaving, 0, reverse=True)
    to_exponent += (tl.cumsum(kept, 0) - kept) + tl.sum(sum_through, 0) * whole
    tl.store(grad_exponent + at, to_exponent, inside)
    tl.store(grad_gain + at, sum_gain, inside)
    per_head = at[:, None] * modes + n[None, :]
    tl.store(grad_B + per_head, sum_B, in_tn)
    tl.store(grad_C + per_head, sum_C, in_tn)
    if HAS_D:
        tl.store(grad_D + (b * chunks + chunk) * heads + h, tl.sum(sum_D, 0))
