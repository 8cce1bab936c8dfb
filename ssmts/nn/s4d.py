"""S4D: the diagonal state-space layer."""

from __future__ import annotations

import torch
from torch import Tensor

from ssmts.nn.hippo import diagonal_init
from ssmts.nn.layer import SSMState, checked_scan, latest_inputs
from ssmts.nn.lti import ModalLayer
from ssmts_kernels import diagonal_scan, diagonal_step, hold_weights, vandermonde
from ssmts_kernels.hold import HOLDS, start_intervals
from ssmts_kernels.precision import without_autocast

__all__ = ["S4D"]


class S4D(ModalLayer):
    r"""Diagonal state-space layer in continuous time.

    Parameters
    ----------
    d_model : int
        Features, each with a system of its own.
    d_state : int
        Real state size N of each system, even: N / 2 complex modes, each standing for a conjugate pair.
    init : {"legs", "inv", "lin", "real"}
        Initial modes, see `ssmts.nn.hippo.diagonal_init`.
    hold : {"foh", "zoh", "bilinear", "bilinear_s4"}
        How the input behaves between observations. "foh" and "zoh" are integrated exactly.
    delta_range : tuple of float
        Range of the initial Δ, log-uniform.

    Notes
    -----
    Parameters, views and shapes are those of :class:`~ssmts.nn.lti.ModalLayer`.

    References
    ----------
    Gu, Gupta, Goel and Ré, "On the Parameterization and Initialization of Diagonal State Space Models",
    NeurIPS 2022: section 3 (the kernel as a product with a Vandermonde matrix) and 4 (initial modes).
    """

    HOLDS = HOLDS

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        *,
        init: str = "legs",
        hold: str = "foh",
        delta_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__(d_model, *diagonal_init(init, d_state), hold, delta_range)

    @without_autocast
    def scan(
        self,
        u: Tensor,
        intervals: Tensor,
        initial_state: SSMState | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, SSMState]:
        """Observations at any instants, see :meth:`SSMLayer.scan`."""
        u, intervals, _ = checked_scan(type(self).__name__, self.d_model, u, intervals, lengths)
        state = initial_state or self.initial_state(u.shape[0])
        B, C = torch.view_as_complex(self.B), torch.view_as_complex(self.C)
        y, x = diagonal_scan(
            u,
            start_intervals(intervals, self.hold),
            self.A,
            B,
            C,
            self.D,
            delta=self.delta,
            hold=self.hold,
            initial_state=state.x,
            initial_input=state.u,
            return_last_state=True,
            lengths=lengths,
        )
        return y, SSMState(x, latest_inputs(state.u[:, None], u, lengths)[:, 0])

    def _advance(self, u: Tensor, interval: Tensor, state: SSMState) -> tuple[Tensor, SSMState]:
        B, C = torch.view_as_complex(self.B), torch.view_as_complex(self.C)
        y, x = diagonal_step(
            state.x,
            u,
            interval,
            self.A,
            B,
            C,
            self.D,
            delta=self.delta,
            hold=self.hold,
            previous_input=state.u,
        )
        return y, SSMState(x, u)

    def _responses(self, length: int, rate: float) -> tuple[Tensor, Tensor]:
        # An observation is taken up twice: at the end of its own interval (current) and over the next one
        # (previous). From then on both decay alike: the first sample apart, the kernel is one Vandermonde
        # product.
        A = self.A * self.delta[:, None]
        BC = torch.view_as_complex(self.B) * torch.view_as_complex(self.C) * self.delta[:, None]
        A_bar, previous, current = self._weights(A, rate)
        heads = [current]
        if self.hold in ("foh", "bilinear"):
            heads.append(torch.zeros_like(current))
        elif rate != 1:
            heads.append(self._weights(A, 1.0)[2])
        head = BC * torch.stack(heads)
        tail = A_bar * head + BC * previous
        exponent = _log_bilinear(A, rate) if self.hold.startswith("bilinear") else A * rate
        decaying = vandermonde(tail.flatten(0, 1), exponent.repeat(len(heads), 1), max(length - 1, 0))
        kernels = torch.cat(
            [2 * head.real.sum(-1, keepdim=True), decaying.reshape(*tail.shape[:2], -1)], dim=-1
        )
        return kernels[0, :, :length], kernels[-1, :, :length]

    def _weights(self, A: Tensor, interval: float) -> tuple[Tensor, Tensor, Tensor]:
        return hold_weights(A, torch.tensor(interval, dtype=torch.float64, device=A.device), self.hold)


def _log_bilinear(A: Tensor, interval: float) -> Tensor:
    """Logarithm of the bilinear A_bar, taken in double: powers of A_bar multiply its error by the length."""
    half = 0.5 * interval * A.to(torch.complex128)
    A_bar = (1 + half) / (1 - half)
    return torch.log(torch.where(A_bar == 0, 1e-300, A_bar)).to(A.dtype)
