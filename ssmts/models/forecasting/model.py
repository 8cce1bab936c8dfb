"""A fitted forecasting model: linear branch and, where it was kept, deep branch."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssmts.data.arrays import Float
from ssmts.models.config import ModelConfig
from ssmts.models.deep.ensemble import DeepEnsemble
from ssmts.models.forecasting.short_history import ShortHistory
from ssmts.models.irregular.autocovariance import Autocovariance, covariance_modes
from ssmts.models.irregular.hold import Hold
from ssmts.models.irregular.kriging_variance import GapWidths
from ssmts.models.linear.path import LinearPath
from ssmts.models.panels.branch import PanelBranch
from ssmts.models.panels.grid_series import on_grid
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import ModeBank
from ssmts.models.state_space.window_states import final_weights, observation_weights, window_deviation
from ssmts.models.uncertainty.error_quantiles import ErrorQuantiles
from ssmts.training.files import below

__all__ = ["ForecastModel"]

_CACHED_CLOCKS = 16
_PARTS = ("config", "linear", "deep", "error_quantiles", "covariance", "gap_widths", "panel", "short")


@dataclass
class _ClockWeights:
    """Weights of a clock: of the mean (length,) and of the features (length, n_features)."""

    mean: Float
    features: Float


class ForecastModel:
    """Forecasts at lead times 0, 1, ..., horizon from the observations of a window.

    Parameters
    ----------
    config : ModelConfig
    linear : LinearPath
    deep : DeepEnsemble, optional
    error_quantiles : ErrorQuantiles, optional
        Quantiles of forecast errors; None in files of older versions.
    covariance : Autocovariance, optional
        Autocovariance of the training data; None: linear interpolation in gaps.
    gap_widths : GapWidths, optional
        How far expectations inside gaps miss; None: as far as the covariance claims.
    panel : PanelBranch, optional
        Forecasts in place of the linear and deep branches; see :mod:`ssmts.models.panels`.
    short : ShortHistory, optional
        What becomes of windows that hold less than the context; None: the same as of whole ones.
    """

    def __init__(
        self,
        config: ModelConfig,
        linear: LinearPath,
        deep: DeepEnsemble | None = None,
        error_quantiles: ErrorQuantiles | None = None,
        covariance: Autocovariance | None = None,
        gap_widths: GapWidths | None = None,
        panel: PanelBranch | None = None,
        short: ShortHistory | None = None,
    ) -> None:
        self.config, self.linear, self.deep, self.error_quantiles = config, linear, deep, error_quantiles
        self.covariance, self.gap_widths, self.panel = covariance, gap_widths, panel
        self.short = short
        self.bank: ModeBank = linear.bank
        self.hold = Hold(config.hold, covariance, config.linear.context)
        self._clocks: OrderedDict[tuple[int, float], _ClockWeights] = OrderedDict()
        self._lock = Lock()

    def forecast(self, windows: SequenceStack) -> Float:
        """Forecast the windows of a stack from their last observation.

        Parameters
        ----------
        windows : SequenceStack
            One window a sequence, cut to the context; standardised values.

        Returns
        -------
        ndarray of float64, shape (n, horizon + 1)
        """
        if self.panel is not None:
            return self.panel.forecast(self.on_grid(windows), windows.groups)
        windows, features, mean, deviation = self.summary(windows)
        every = features
        if windows.extra is not None:
            every = np.concatenate([features, windows.extra[:, -1]], axis=-1)
        forecast = self.linear.forecast(every, mean, deviation, windows.groups)
        if self.deep is not None:
            forecast += self.deep.correct_last(windows, features, mean, deviation)
        context = self.config.linear.context
        if self.short is not None and self.short.is_short(windows, context):
            values = self.on_grid(windows)
            return self.short.mixed(forecast, values, float(values.shape[1]), context)
        return forecast

    def replaced(self, **parts: Any) -> ForecastModel:
        """The model with some parts replaced, by the names of its parameters."""
        return ForecastModel(**({name: getattr(self, name) for name in _PARTS} | parts))

    def summary(self, windows: SequenceStack) -> tuple[SequenceStack, Float, Float, Float]:
        """Windows after the hold, and their features, mean and standard deviation."""
        windows = self.held(windows)
        weights = self._weights(windows)
        mean = windows.values @ weights.mean
        centred = windows.values - mean[:, None]
        return windows, centred @ weights.features, mean, window_deviation(windows.times, centred)

    def held(self, windows: SequenceStack) -> SequenceStack:
        """Windows after the hold: on the reference grid where it fills gaps."""
        if windows.interval == 1.0 or not self.hold.applies(windows.times):
            return windows
        return self.hold.filled(windows)

    def on_grid(self, windows: SequenceStack) -> Float:
        """Values of windows on the reference grid that ends at their origin, (n, n_steps)."""
        windows = self.held(windows)
        return on_grid(windows.times, windows.values)[0]

    @property
    def least_history(self) -> float:
        """Reference steps before an origin that a forecast needs."""
        if self.panel is None:
            return self.config.linear.context
        return float(min(one.member.context for one in self.panel.members))

    def deviation(self, windows: SequenceStack) -> Float:
        """What errors of the windows of a stack are measured in, (n,).

        Their deviation as :meth:`forecast` sees it, or the scale that the panel branch gives them.
        """
        if self.panel is not None:
            return self.panel.scale(self.on_grid(windows), windows.groups)
        windows = self.held(windows)
        mean = windows.values @ self._weights(windows).mean
        deviation = window_deviation(windows.times, windows.values - mean[:, None])
        if self.short is None:
            return deviation
        return np.asarray(deviation * self.short.width(windows, self.config.linear.context))

    def _weights(self, windows: SequenceStack) -> _ClockWeights:
        """Weights of a clock; those of the last 16 regular clocks are cached."""
        interval = windows.interval
        if interval is None:
            return self._compute(windows.times)
        key = (len(windows.times), interval)
        with self._lock:
            known = self._clocks.get(key)
            if known is not None:
                self._clocks.move_to_end(key)
                return known
        fresh = self._compute(interval * np.arange(len(windows.times), dtype=np.float64))
        with self._lock:
            self._clocks[key] = fresh
            if len(self._clocks) > _CACHED_CLOCKS:
                self._clocks.popitem(last=False)
        return fresh

    def _compute(self, times: Float) -> _ClockWeights:
        return _ClockWeights(observation_weights(times), final_weights(times, self.bank))

    def to_tensors(self) -> dict[str, Tensor]:
        """All fitted arrays by name; the config describes the rest."""
        tensors = {
            "linear.shared": torch.from_numpy(self.linear.shared),
            "linear.by_group": torch.from_numpy(self.linear.by_group),
        }
        if self.covariance is not None:
            known = np.append(self.covariance.weights, self.covariance.nugget)
            tensors["hold.covariance"] = torch.from_numpy(known)
        if self.gap_widths is not None:
            tensors |= {f"gaps.{name}": tensor for name, tensor in self.gap_widths.to_tensors().items()}
        if self.deep is not None:
            tensors |= {f"deep.{name}": tensor for name, tensor in self.deep.to_tensors().items()}
        if self.panel is not None:
            own, _ = self.panel.to_state()
            tensors |= {f"panel.{name}": tensor for name, tensor in own.items()}
        if self.short is not None:
            tensors |= {f"short.{name}": tensor for name, tensor in self.short.to_tensors().items()}
        if self.error_quantiles is not None:
            tensors |= {
                f"spread.{name}": tensor for name, tensor in self.error_quantiles.to_tensors().items()
            }
        return tensors

    @classmethod
    def from_tensors(cls, config: ModelConfig, tensors: dict[str, Tensor]) -> ForecastModel:
        """Rebuild a model from its config and the tensors of :meth:`to_tensors`."""
        linear = LinearPath(
            config.linear, tensors["linear.shared"].numpy(), tensors["linear.by_group"].numpy()
        )
        deep = None
        if config.deep is not None:
            parts = below("deep.", tensors)
            deep = DeepEnsemble.from_tensors(config.deep, linear, parts)
        covariance = None
        if (known := tensors.get("hold.covariance")) is not None:
            modes = covariance_modes(linear.bank, config.linear.context)
            covariance = Autocovariance(modes[: len(known) - 1], known[:-1].numpy(), float(known[-1]))
        own = below("spread.", tensors)
        error_quantiles = ErrorQuantiles.from_tensors(own) if own else None
        own = below("gaps.", tensors)
        panel = None
        if config.panel is not None:
            panel = PanelBranch.from_state(below("panel.", tensors), config.panel)
        short = below("short.", tensors)
        return cls(
            config=config,
            linear=linear,
            deep=deep,
            error_quantiles=error_quantiles,
            covariance=covariance,
            gap_widths=GapWidths.from_tensors(own) if own else None,
            panel=panel,
            short=ShortHistory.from_tensors(short) if short else None,
        )

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _PARTS}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]
