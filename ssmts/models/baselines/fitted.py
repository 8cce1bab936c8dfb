"""The fitted state of a baseline: a method, a season, and quantiles of its errors at past origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.duration import parse_horizon, reference_step
from ssmts.data.series import Layout, Panel, Times
from ssmts.errors import NonFiniteForecastError
from ssmts.models.baselines.grid import channel_on_grid, grid_leads, main_season, seasonal_scale
from ssmts.models.baselines.method import LocalMethod
from ssmts.models.linear.cv_residuals import HeldOutErrors
from ssmts.models.uncertainty.error_quantiles import DEFAULT_LEVELS, ErrorQuantiles, fit_error_quantiles
from ssmts.progress import tracked

__all__ = ["FittedBaseline", "fit_baseline"]

_MOST_WINDOWS = 4_000  # past origins of all series together
_ORIGINS = (8, 400)  # the fewest and the most of a series
_MANY = 24  # series and channels that have a table of errors each


@dataclass(frozen=True)
class FittedBaseline:
    """A fitted baseline.

    Parameters
    ----------
    method : LocalMethod
    layout : Layout
        Of the training data.
    step : int or float
        Reference step in nanoseconds, or in the unit of a number clock.
    horizon : int or float
        Longest forecast, likewise.
    n_steps : int
        The same in reference steps, rounded up.
    season : int
        In reference steps, 1 for none.
    tail : Panel
        The training data.
    errors : ErrorQuantiles or None
        In units of :func:`seasonal_scale`; None for a method with intervals of its own.
    groups : dict
        Number of the table of errors by id and channel.
    """

    method: LocalMethod
    layout: Layout
    step: int | float
    horizon: int | float
    n_steps: int
    season: int
    tail: Panel
    errors: ErrorQuantiles | None
    groups: dict[Any, int]

    @property
    def levels(self) -> Float:
        """Quantile levels between which others are interpolated."""
        return np.array(DEFAULT_LEVELS) if self.errors is None else self.errors.levels

    def forecast(
        self, panel: Panel, times: list[Times], levels: Float | None = None
    ) -> tuple[list[Float], list[Float]]:
        """Forecast every series at its instants.

        Parameters
        ----------
        panel : Panel
        times : list of ndarray, each (n_instants,)
            After the origin of each series.
        levels : ndarray of float64, shape (n_levels,), optional
            Quantile levels.

        Returns
        -------
        values : list of ndarray of float64, each (n_instants, n_channels)
            NaN for channels that were never observed.
        quantiles : list of ndarray of float64, each (n_instants, n_channels, n_levels)
        """
        asked = np.empty(0) if levels is None else levels
        found: list[Float] = []
        around: list[Float] = []
        for series, instants in zip(tracked(panel.series), times, strict=True):
            values = np.full((len(instants), panel.n_channels), np.nan)
            quantiles = np.full((*values.shape, len(asked)), np.nan)
            for channel in range(panel.n_channels):
                grid = channel_on_grid(series, channel, self.step)
                if grid is None:
                    continue
                own, seen, last = grid
                leads = grid_leads(last, instants, self.step)
                n_steps = max(int(np.ceil(leads.max() - 1e-9)), 1) if len(leads) else 1
                mean, ends = self.method.forecast(own, n_steps, self.season, asked)
                knots = np.arange(n_steps + 1.0)
                values[:, channel] = np.interp(leads, knots, np.append(own[-1], mean))
                if not np.isfinite(values[:, channel]).all():
                    raise NonFiniteForecastError(
                        f"The forecast{series.whose} is not finite. Check its history for extreme "
                        "values, or scale the data."
                    )
                if not len(asked):
                    continue
                if self.errors is None:
                    ends = np.vstack([np.full(len(asked), own[-1]), ends])
                    quantiles[:, channel] = np.stack([np.interp(leads, knots, one) for one in ends.T], axis=1)
                else:
                    unit = np.nan_to_num(seasonal_scale(own, seen, self.season))
                    group = self.groups.get((series.id, channel), -1)
                    offsets = self.errors.offsets(asked, leads, group)
                    quantiles[:, channel] = values[:, channel, None] + unit * offsets
            found.append(values)
            around.append(quantiles)
        return found, around


def fit_baseline(panel: Panel, method: LocalMethod, horizon: Any, season: int | None) -> FittedBaseline:
    """Fit a baseline.

    Parameters
    ----------
    panel : Panel
    method : LocalMethod
    horizon : int or duration
    season : int or None
        In reference steps; None looks for one.

    Raises
    ------
    HorizonError, DurationError
        If the horizon is not one.
    TooShortError
        If no series has two observations.
    """
    step = reference_step(panel)
    reach = parse_horizon(horizon, panel.clock, panel.layout.counted_step(step))
    n_steps = max(1, int(np.ceil(reach / step - 1e-6)))
    if season is None:
        season = main_season(panel, step, n_steps)
    errors, groups = None, {}
    if not method.has_quantiles:
        keys = [(s.id, channel) for s in panel.series for channel in range(panel.n_channels)]
        groups = {key: number for number, key in enumerate(keys)} if len(keys) <= _MANY else {}
        held_out = _past_errors(panel, method, step, n_steps, season)
        errors = fit_error_quantiles(held_out, max(len(groups), 1), np.array(DEFAULT_LEVELS), 1.0)
    return FittedBaseline(
        method, panel.layout, step, reach, n_steps, season, tail=panel, errors=errors, groups=groups
    )


def _past_errors(panel: Panel, method: LocalMethod, step: float, n_steps: int, season: int) -> HeldOutErrors:
    """Errors at origins in the later half of each series, in its own unit.

    The methods learn nothing from other rows than those before an origin: every error is a held-out one. Each
    counts with both signs, so that the forecast is the median and lies inside every interval.
    """
    n_groups = len(panel.series) * panel.n_channels
    most = int(np.clip(_MOST_WINDOWS // n_groups, *_ORIGINS))
    rows: list[Float] = []
    groups: list[int] = []
    for group in tracked(range(n_groups), "errors of series"):
        number, channel = divmod(group, panel.n_channels)
        grid = channel_on_grid(panel.series[number], channel, step)
        if grid is None:
            continue
        values, seen, _ = grid
        unit = seasonal_scale(values, seen, season)
        if not unit > 0:
            continue
        truth = values if seen is None else np.where(seen, values, np.nan)
        first = min(max(season + 1, len(values) // 2), len(values) - 1)
        origins = np.arange(first, len(values))
        for origin in origins[:: -(-len(origins) // most)].tolist():
            ahead = truth[origin : origin + n_steps]
            mean, _ = method.forecast(values[:origin], len(ahead), season, np.empty(0))
            errors = np.full(n_steps + 1, np.nan)
            errors[0] = 0.0
            errors[1 : len(ahead) + 1] = (ahead - mean) / unit
            rows.append(errors)
            groups.append(group)
    found = np.stack(rows) if rows else np.zeros((1, n_steps + 1))
    both = np.concatenate([found, -found]).astype(np.float32)
    return HeldOutErrors(both, deviation=np.zeros(len(both)), groups=np.tile(groups or [0], 2))
