"""Forecasters without memory: one matrix over the context, and a perceptron."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

__all__ = ["DLinear", "ContextMLP"]


class DLinear(nn.Module):
    """One linear map for the moving average of the context and one for the rest, channels alike.

    Parameters
    ----------
    context_length, horizon : int
        Observations seen and forecast.
    kernel_size : int
        Observations of the moving average, odd; the ends of the context are repeated.

    Raises
    ------
    ValueError
        If kernel_size is even or below 1.

    References
    ----------
    Zeng, Chen, Zhang and Xu, "Are Transformers effective for time series forecasting?", AAAI 2023.
    """

    def __init__(self, context_length: int, horizon: int, *, kernel_size: int = 25) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and at least 1, got {kernel_size}")
        self.average = nn.AvgPool1d(kernel_size, stride=1)
        self.reach = (kernel_size - 1) // 2
        self.trend = nn.Linear(context_length, horizon)
        self.rest = nn.Linear(context_length, horizon)
        for layer in (self.trend, self.rest):  # both begin as the mean of the context
            nn.init.constant_(layer.weight, 1 / context_length)

    def forward(self, u: Tensor) -> Tensor:
        """Context (batch, context_length, channels) -> forecast (batch, horizon, channels)."""
        series = u.mT
        padded = nn.functional.pad(series, (self.reach, self.reach), mode="replicate")
        trend = self.average(padded)
        return cast("Tensor", self.trend(trend) + self.rest(series - trend)).mT


class ContextMLP(nn.Module):
    """Perceptron with one hidden layer over the context of a channel, around its last value.

    Parameters
    ----------
    context_length, horizon : int
        Observations seen and forecast.
    hidden : int
        Hidden width.
    dropout : float
        Fraction of hidden units dropped, in training.
    """

    def __init__(self, context_length: int, horizon: int, *, hidden: int = 256, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(context_length, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, horizon)
        )

    def forward(self, u: Tensor) -> Tensor:
        """Context (batch, context_length, channels) -> forecast (batch, horizon, channels)."""
        last = u[:, -1:]
        forecast: Tensor = last + self.layers((u - last).mT).mT
        return forecast
