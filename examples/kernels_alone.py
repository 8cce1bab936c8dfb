"""Operators in a plain nn.Module: one diagonal SSM layer that learns from irregular observations.

The layer uses two functions of ssmts_kernels. It is trained to predict the next value of irregularly
sampled damped waves, then run again one observation at a time, with the same outputs.

    python examples/kernels_alone.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmts_kernels import diagonal_scan, diagonal_step


class DiagonalSSM(nn.Module):
    """n_modes complex modes a channel, over intervals of any length."""

    def __init__(self, channels: int, n_modes: int) -> None:
        super().__init__()
        self.log_decay = nn.Parameter(torch.full((channels, n_modes), -1.0))
        self.frequency = nn.Parameter(torch.linspace(0.1, 3.0, n_modes).repeat(channels, 1))
        self.B = nn.Parameter(torch.ones(channels, n_modes, dtype=torch.complex64))
        self.C = nn.Parameter(0.1 * torch.randn(channels, n_modes, dtype=torch.complex64))
        self.D = nn.Parameter(torch.zeros(channels))

    def system(self) -> dict[str, Tensor]:
        """Return the matrices; the real part of A is negative by construction."""
        A = torch.complex(-self.log_decay.exp(), self.frequency)
        return {"A": A, "B": self.B, "C": self.C, "D": self.D}

    def forward(self, u: Tensor, intervals: Tensor) -> Tensor:
        """Map (batch, length, channels) over (batch, length) intervals to (batch, length, channels)."""
        y = diagonal_scan(u, intervals, **self.system())
        assert isinstance(y, Tensor)
        return y


def waves(batch: int, length: int) -> tuple[Tensor, Tensor]:
    """Return damped waves and the intervals at which they were observed."""
    intervals = 0.05 + 0.3 * torch.rand(batch, length)
    intervals[:, 0] = 0
    times = intervals.cumsum(1)
    phase = 6.3 * torch.rand(batch, 1)
    return (torch.exp(-0.05 * times) * torch.sin(2.0 * times + phase))[..., None], intervals


def main(steps: int = 150) -> tuple[float, float]:
    """Train, stream, and return the last loss and the largest difference between scan and stream."""
    torch.manual_seed(0)
    model = DiagonalSSM(channels=1, n_modes=8)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    loss = torch.tensor(0.0)
    for _ in range(steps):
        u, intervals = waves(32, 80)
        loss = (model(u, intervals)[:, 20:-1] - u[:, 21:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    u, intervals = waves(1, 50)
    difference = 0.0
    with torch.no_grad():
        expected, system = model(u, intervals), model.system()
        state, previous = torch.zeros(1, 1, 8, dtype=torch.complex64), None
        for k in range(50):
            y, state = diagonal_step(state, u[:, k], intervals[:, k], **system, previous_input=previous)
            previous = u[:, k]
            difference = max(difference, float((y - expected[:, k]).abs().max()))
    print(f"loss after {steps} steps: {loss.item():.4f}; scan and stream differ by {difference:.1e}")
    return loss.item(), difference


if __name__ == "__main__":
    main()
