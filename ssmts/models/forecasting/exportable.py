"""`predict` as one module of plain tensor operations, for exporters: any rate, on a regular grid.

Everything that depends on the clock alone (interpolation of rows, weights of the mean and of the features,
the spline over lead times) is linear in the values, and a constant here. The module computes in float64 and
the deep branch in float32, as in the estimator.
"""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ssmts.data.arrays import Float, Rows
from ssmts.models.deep.tokens import LARGEST, recent_values
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.linear.lead_times import at_leads
from ssmts.models.linear.moments import floored
from ssmts.models.sequences.grid import begun_at, on_reference_grid
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.window_states import final_weights, observation_weights, window_deviation

__all__ = ["ExportableForecast", "ExportableStream"]


class _Constants(nn.Module):
    """A module with arrays that do not change."""

    def _constant(self, name: str, value: Float | Rows) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value)))


class ExportableForecast(_Constants):
    """Forecasts of windows on a regular grid.

    Parameters
    ----------
    model : ForecastModel
        A deep branch must read one token only.
    scale : ndarray of float64, shape (n_series, n_channels)
        Training scale.
    groups : ndarray of int64, shape (n_series + 1, n_channels)
        Group of each channel of each series; the last row is that of a series not seen in training. -1:
        shared weights.
    interval : float
        Interval of the rows and of the forecast, in reference steps.
    leads : ndarray of float64, shape (n_leads,)
        Lead times in reference steps.
    """

    def __init__(
        self, model: ForecastModel, scale: Float, groups: Rows, interval: float, leads: Float
    ) -> None:
        super().__init__()
        linear = model.config.linear
        self.n_rows = int(np.ceil((linear.context - 1.0) / interval - 1e-9)) + 1
        times = interval * np.arange(1.0 - self.n_rows, 1.0, dtype=np.float64)
        eye = np.eye(self.n_rows)
        ((times, rows),) = on_reference_grid(times, eye, every_phase=False)
        observed = times
        times, rows = begun_at(1.0 - linear.context, times, rows)
        lead_in = bool(times[0] not in observed)
        # The hold is linear in the rows, too.
        nothing = np.zeros(len(rows))
        window = SequenceStack(
            times=times - times[0],
            values=rows,
            starts=nothing,
            groups=nothing.astype(np.int64),
            lead_in=lead_in,
        )
        window = model.held(window)
        times, rows = window.times, window.values
        weights = [model.linear.shared]
        if len(model.linear.by_group) > 1:
            weights += list(model.linear.by_group)
        lines = at_leads(np.eye(linear.horizon + 1), leads)
        self._constant("rows", rows)
        self._constant("of_mean", observation_weights(times))
        self._constant("of_features", final_weights(times, model.bank))
        self._constant("weights", np.stack(weights) @ lines)
        self._constant("scale", np.concatenate([scale, np.ones((1, scale.shape[1]))]))
        self._constant("group", groups + 1 if len(weights) > 1 else np.zeros_like(groups))
        self.deviation = _Deviation(times)
        self.deep = None if model.deep is None else _Correction(model, times, lines)

    def forward(self, values: Tensor, series: Tensor) -> Tensor:
        """Forecast from the last of the rows.

        Parameters
        ----------
        values : Tensor of float64
            (n, n_rows, n_channels), in the data's units, without missing values.
        series : Tensor of int64
            (n,), number of each series in training; -1 for a series not in the training data.

        Returns
        -------
        Tensor of float64
            (n, n_leads, n_channels), in the data's units.
        """
        values = values.transpose(1, 2)
        scale, level = self._scale_of(values, series), values[..., -1:]
        window = (values - level) / scale[..., None] @ self.get_buffer("rows")
        mean = window @ self.get_buffer("of_mean")
        centred = window - mean[..., None]
        return self._forecast(
            centred, centred @ self.get_buffer("of_features"), mean, scale, level, series
        ).transpose(1, 2)

    def _number(self, series: Tensor) -> Tensor:
        """Row of a series in the tables; the last row for a new series."""
        return torch.where(series < 0, self.get_buffer("scale").shape[0] - 1, series)

    def _scale_of(self, values: Tensor, series: Tensor) -> Tensor:
        """Scale of every channel, (n, n_channels): from training, or of the window for a new series."""
        mean = values.mean(-1)
        own = (values - mean[..., None]).square().mean(-1).sqrt()
        own = torch.where(own > 1e-12 * mean.abs(), own, 1.0)
        return torch.where(series[:, None] < 0, own, self.get_buffer("scale")[self._number(series)])

    def _forecast(
        self, centred: Tensor, features: Tensor, mean: Tensor, scale: Tensor, level: Tensor, series: Tensor
    ) -> Tensor:
        """Forecast in the units of the data, (n, n_channels, n_leads), from the features of windows."""
        weights = self.get_buffer("weights")
        deviation = self.deviation(centred)
        every = torch.cat([features, deviation[..., None]], -1)
        if len(weights) == 1:
            forecast = every @ weights[0]
        else:
            n_groups, n_features, n_leads = weights.shape
            flat = weights.transpose(0, 1).reshape(n_features, n_groups * n_leads)
            of_groups = (every @ flat).view(*every.shape[:2], n_groups, n_leads)
            group = self.get_buffer("group")[self._number(series)][..., None, None]
            forecast = of_groups.gather(2, group.expand(-1, -1, 1, n_leads))[:, :, 0]
        if self.deep is not None:
            forecast = forecast + self.deep(centred, features, deviation)
        return (forecast + mean[..., None]) * scale[..., None] + level


class ExportableStream(ExportableForecast):
    """Forecasts of a stream on the reference grid, one step at a time.

    One step multiplies the state of a window by the transition of the mode bank, adds the observations that
    enter at its end and subtracts those that leave at its beginning: constants times two or three values,
    whatever the length of the window. A stream starts with a state and a window of zeros; forecasts are valid
    once the window is full.
    """

    def __init__(self, model: ForecastModel, scale: Float, groups: Rows, leads: Float) -> None:
        super().__init__(model, scale, groups, 1.0, leads)
        bank = model.bank
        self.n_real, self.n_modes, self.n_features = bank.n_real, len(bank.A), bank.n_features
        step = np.exp(bank.A)
        self._constant("real", step.real)
        self._constant("imaginary", step.imag[bank.n_real :])
        weights = self.get_buffer("rows") @ self.get_buffer("of_features")
        nothing = torch.zeros(1, self.n_features, dtype=torch.float64)
        edges = torch.cat([nothing, weights]) - self._moved(torch.cat([weights, nothing]))
        ends = sorted({*range(min(3, self.n_rows)), self.n_rows - 1, self.n_rows})
        self._constant("ends", np.array(ends))
        self._constant("edges", edges.numpy()[ends])
        self._constant("of_one", weights.numpy().sum(axis=0))

    def forward(  # type: ignore[override]
        self, values: Tensor, series: Tensor, state: Tensor, window: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Add one observation of every channel.

        Parameters
        ----------
        values : Tensor of float64
            (n, n_channels), in the data's units.
        series : Tensor of int64
            (n,), as for `ExportableForecast`.
        state : Tensor of float64
            (n, n_channels, n_features); zeros at first.
        window : Tensor of float64
            (n, n_channels, n_rows), the latest values; zeros at first.

        Returns
        -------
        forecast : Tensor of float64
            (n, n_leads, n_channels).
        state, window : Tensor of float64
            For the next call.
        """
        both = torch.cat([window, values[..., None]], -1)
        state = self._moved(state) + both[..., self.get_buffer("ends")] @ self.get_buffer("edges")
        window = both[..., 1:]
        scale, level = self._scale_of(window, series), window[..., -1:]
        relative = (window - level) / scale[..., None] @ self.get_buffer("rows")
        mean = relative @ self.get_buffer("of_mean")
        middle = mean * scale + level[..., 0]
        features = (state - middle[..., None] * self.get_buffer("of_one")) / scale[..., None]
        centred = relative - mean[..., None]
        forecast = self._forecast(centred, features, mean, scale, level, series)
        return forecast.transpose(1, 2), state, window

    def _moved(self, state: Tensor) -> Tensor:
        """State of the bank one reference step later, as real and imaginary parts."""
        real, imaginary = self.get_buffer("real"), self.get_buffer("imaginary")
        x, y = state[..., : self.n_modes], state[..., self.n_modes :]
        alone, paired = x[..., : self.n_real], x[..., self.n_real :]
        decay = real[self.n_real :]
        return torch.cat(
            [alone * real[: self.n_real], decay * paired - imaginary * y, imaginary * paired + decay * y], -1
        )


class _Deviation(_Constants):
    """`floored(window_deviation(times, ...))` in tensors: a quadratic form of neighbours."""

    def __init__(self, times: Float) -> None:
        super().__init__()
        # The coefficients of the quadratic form are evaluated with unit vectors.
        n = len(times)
        probe = np.eye(n)
        total = times[-1] - times[0] + 1.0
        squares = window_deviation(times, probe) ** 2 * total
        pairs = window_deviation(times, probe[:-1] + probe[1:]) ** 2 * total - squares[:-1] - squares[1:]
        self._constant("own", squares / total)
        self._constant("beside", pairs / total)
        self.floor = float(floored(np.zeros(1))[0]) ** 2

    def forward(self, centred: Tensor) -> Tensor:
        own = centred.square() @ self.get_buffer("own")
        beside = (centred[..., :-1] * centred[..., 1:]) @ self.get_buffer("beside")
        return ((own + beside).clamp_min(0.0) + self.floor).sqrt()


class _Correction(_Constants):
    """The deep branch at the token of the origin, (..., n_leads) in standardised units."""

    def __init__(self, model: ForecastModel, times: Float, lines: Float) -> None:
        super().__init__()
        deep = model.deep
        assert deep is not None
        n_recent = deep.config.n_recent
        recent = [
            recent_values(times, own, times[-1:, None], times[:1], n_recent) for own in np.eye(len(times))
        ]
        encoder = deep.encoder
        self._constant("recent", np.concatenate(recent)[:, 0])
        self._constant("mean", encoder.mean)
        self._constant("projection", encoder.projection)
        self._constant("lines", deep.share / len(deep.members) * lines)
        self.members = nn.ModuleList(copy.deepcopy(member).cpu() for member in deep.members)

    def forward(self, centred: Tensor, features: Tensor, deviation: Tensor) -> Tensor:
        scale = deviation[..., None]
        components = (features / scale - self.get_buffer("mean")) @ self.get_buffer("projection")
        tokens = torch.cat(
            [components.clamp(-LARGEST, LARGEST), centred @ self.get_buffer("recent") / scale], -1
        )
        read = tokens.flatten(0, 1)[:, None].to(torch.float32)
        found = sum(member(read, torch.zeros_like(read[..., 0])) for member in self.members)
        total = cast("Tensor", found).to(torch.float64).view(*tokens.shape[:2], -1)
        return total @ self.get_buffer("lines") * scale
