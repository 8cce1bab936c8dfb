r"""The linear recurrence of a diagonal state-space model over irregular intervals."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts_kernels._check import Arguments, real_dtype
from ssmts_kernels._dispatch import materialised, requested
from ssmts_kernels.diagonal_scan import final_state_op, op, reference, step
from ssmts_kernels.hold import HOLDS
from ssmts_kernels.padding import valid_positions

__all__ = ["diagonal_final_state", "diagonal_scan", "diagonal_step"]


def diagonal_scan(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    delta: Tensor | None = None,
    hold: str = "foh",
    initial_state: Tensor | None = None,
    initial_input: Tensor | None = None,
    return_last_state: bool = False,
    lengths: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Run N modes a channel over observations at any instants.

    The continuous system :math:`x' = \Delta (A x + B u),\ y = 2\,\mathrm{Re}(C x) + D u` is integrated
    exactly for the held input: :math:`x_k = \bar A_k x_{k-1} + B (w^0_k u_{k-1} + w^1_k u_k)` with the
    weights of `ssmts_kernels.hold_weights` for the interval :math:`\Delta\, \delta t_k`. A complex mode
    stands for itself and its conjugate; real modes are summed as they are.

    Parameters
    ----------
    u : Tensor
        (batch, length, D) input: float32, float64, bfloat16 or float16.
    intervals : Tensor
        (batch, length) time from observation k - 1 to k, >= 0, in units of the reference step, float32 or
        float64. They are used as they stand: `ssmts_kernels.hold.start_intervals` has the rule for a series'
        first one.
    A, B, C : Tensor
        (D, N) modes (Re A <= 0), input and output weights, of one dtype, real or complex.
    D : Tensor, optional
        (D,) feed-through.
    delta : Tensor, optional
        (D,) learned step of each channel, in units of the reference step; 1 by default.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        How the input behaves between observations.
    initial_state : Tensor, optional
        (batch, D, N) state before the first interval; 0 by default.
    initial_input : Tensor, optional
        (batch, D) observation at that instant, which "foh" and "bilinear" need to cross a first interval
        other than 0; 0 by default.
    return_last_state : bool
        Return the state after the last observation as well.
    lengths : Tensor, optional
        (batch,) integers, observations of each row; the rest is padding. Padding is ignored in u and
        intervals and is 0 in y; the last state is that after the row's last observation.

    Returns
    -------
    y : Tensor
        (batch, length, D), of u's dtype.
    last_state : Tensor
        (batch, D, N), of A's dtype, double where u is; only with `return_last_state`.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, a length is out of range, or the hold is unknown.

    References
    ----------
    Smith, Warrington and Linderman, "Simplified State Space Layers for Sequence Modeling", ICLR 2023, section
    3.2 and appendix A; the holds: `ssmts_kernels.hold_weights`.
    """
    arguments = _checked(
        "diagonal_scan", u, intervals, A, B, delta, hold, initial_state, initial_input, lengths
    )
    arguments.check("C", C, "D N", "mode")
    arguments.same_dtype("C", C, "A", A)
    arguments.optional("D", D, "D", "real")
    if (name := requested()) == "reference":
        y, last_state = reference.diagonal_scan(
            u, intervals, A, B, C, D, delta, hold, initial_state, initial_input, lengths
        )
    else:
        tensors, valid = _prepared(u, intervals, A, B, delta, initial_state, initial_input, lengths)
        signal, intervals, A, B, state, previous = tensors
        y, last_state, _ = op.diagonal_scan(
            signal, intervals, A, B, materialised(C.to(A.dtype)), state, previous, hold, name
        )
        if D is not None:
            y = y + D * signal
        if valid is not None:
            y = torch.where(valid[..., None], y, 0)
        y = y.to(u.dtype)
    return (y, last_state) if return_last_state else y


def diagonal_final_state(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    *,
    delta: Tensor | None = None,
    hold: str = "foh",
    initial_state: Tensor | None = None,
    initial_input: Tensor | None = None,
    lengths: Tensor | None = None,
) -> Tensor:
    """Compute the last state of `diagonal_scan` alone: what a linear forecaster needs of a window.

    Parameters
    ----------
    u, intervals, A, B, delta, hold, initial_state, initial_input, lengths
        As in `diagonal_scan`.

    Returns
    -------
    Tensor
        (batch, D, N) state at each row's last observation, of A's dtype, double where u is.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, a length is out of range, or the hold is unknown.
    """
    _checked("diagonal_final_state", u, intervals, A, B, delta, hold, initial_state, initial_input, lengths)
    if (name := requested()) == "reference":
        return reference.diagonal_final_state(
            u, intervals, A, B, delta, hold, initial_state, initial_input, lengths
        )
    if initial_state is None:
        initial_state = A.detach().new_zeros((1, 1, 1)).expand(u.shape[0], *A.shape)
    if initial_input is None:
        initial_input = u.detach().new_zeros((1, 1)).expand(u.shape[0], u.shape[2])
    tensors, _ = _prepared(u, intervals, A, B, delta, initial_state, initial_input, lengths)
    last: Tensor = final_state_op.diagonal_final_state(*tensors, hold, name)
    return last


def diagonal_step(
    state: Tensor,
    u: Tensor,
    interval: Tensor | float,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    delta: Tensor | None = None,
    hold: str = "foh",
    previous_input: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Take up one observation: one turn of `diagonal_scan`.

    Parameters
    ----------
    state : Tensor
        (batch, D, N) state at the previous observation: the step is computed in its dtype. It is not
        modified.
    u : Tensor
        (batch, D) new observation.
    interval : Tensor or float
        Time since the previous observation in units of the reference step: (batch,), or one number for all
        rows.
    A, B, C, D, delta, hold
        As in `diagonal_scan`.
    previous_input : Tensor, optional
        (batch, D) previous observation, which "foh" and "bilinear" need unless the interval is 0; 0 by
        default.

    Returns
    -------
    y : Tensor
        (batch, D), of u's dtype.
    state : Tensor
        (batch, D, N), of `state`'s dtype.

    Raises
    ------
    ValueError
        If an argument has a wrong shape, dtype or device, or the hold is unknown.
    """
    parameters = (A, B, C, D, delta)
    seen = None
    if (
        isinstance(interval, (int, float))
        and requested() != "reference"
        and not _records(state, u, *parameters)
    ):
        seen = step.key(state, u, interval, parameters, hold, previous_input)
        prepared = step.recall(seen)
        if prepared is not None:
            return prepared.step(state, u, previous_input)
    arguments = Arguments("diagonal_step")
    for name, value in (("A", A), ("B", B), ("C", C)):
        arguments.check(name, value, "D N", "mode")
        arguments.same_dtype(name, value, "A", A)
    arguments.check("state", state, "batch D N", "mode")
    arguments.check("u", u, "batch D", "signal")
    if state.is_complex() != A.is_complex():
        arguments.fail("state", f"must be {'complex' if A.is_complex() else 'real'} as A is")
    arguments.optional("D", D, "D", "real")
    arguments.optional("delta", delta, "D", "real")
    arguments.optional("previous_input", previous_input, "batch D", "signal")
    arguments.choice("hold", hold, HOLDS)
    if seen is not None:
        prepared = step.remember(seen, state, float(interval), parameters, hold)
        return prepared.step(state, u, previous_input)
    if not isinstance(interval, Tensor):
        interval = u.new_full((u.shape[0],), interval, dtype=torch.float64)
    arguments.check("interval", interval, "batch", "real")
    dtype, real = state.dtype, real_dtype(state.dtype)
    A, B, C, delta = A.to(dtype), B.to(dtype), C.to(dtype), None if delta is None else delta.to(real)
    y, last_state = reference.diagonal_scan(
        u.to(real)[:, None], interval[:, None], A, B, C, D, delta, hold, state, previous_input, None
    )
    return y[:, 0].to(u.dtype), last_state.to(dtype)


def _records(*tensors: Tensor | None) -> bool:
    """Whether autograd or a compiler records this call: neither may see cached tensors."""
    if torch.compiler.is_compiling():
        return True
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _checked(
    operator: str,
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    delta: Tensor | None,
    hold: str,
    initial_state: Tensor | None,
    initial_input: Tensor | None,
    lengths: Tensor | None,
) -> Arguments:
    """Check what scan and final state share."""
    arguments = Arguments(operator)
    arguments.check("u", u, "batch length D", "signal")
    arguments.check("intervals", intervals, "batch length", "real")
    arguments.check("A", A, "D N", "mode")
    arguments.check("B", B, "D N", "mode")
    arguments.same_dtype("B", B, "A", A)
    arguments.optional("delta", delta, "D", "real")
    arguments.choice("hold", hold, HOLDS)
    arguments.optional("initial_state", initial_state, "batch D N", "mode")
    arguments.optional("initial_input", initial_input, "batch D", "signal")
    arguments.lengths(lengths)
    if initial_state is not None and initial_state.is_complex() != A.is_complex():
        arguments.fail("initial_state", f"must be {'complex' if A.is_complex() else 'real'} as A is")
    return arguments


def _prepared(
    u: Tensor,
    intervals: Tensor,
    A: Tensor,
    B: Tensor,
    delta: Tensor | None,
    initial_state: Tensor | None,
    initial_input: Tensor | None,
    lengths: Tensor | None,
) -> tuple[list[Tensor], Tensor | None]:
    """Bring the arguments to the form of the operators; returns the mask of `lengths` as well."""
    dtype = reference.state_dtype(u, A)
    signal, valid = u.to(real_dtype(dtype)), None
    if lengths is not None:
        # Inputs of 0 over intervals of 0 leave the state where it is.
        valid = valid_positions(lengths, u.shape[1])
        signal, intervals = torch.where(valid[..., None], signal, 0), torch.where(valid, intervals, 0)
    A, B = A.to(dtype), B.to(dtype)
    if delta is not None:
        A, B = A * delta[:, None], B * delta[:, None]
    batch, _, channels = u.shape
    state = A.new_zeros(batch, *A.shape) if initial_state is None else initial_state.to(dtype)
    previous = signal.new_zeros(batch, channels) if initial_input is None else initial_input.to(signal.dtype)
    return [materialised(value) for value in (signal, intervals, A, B, state, previous)], valid
