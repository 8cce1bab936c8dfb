"""Plots of forecasts, modes and losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data import Panel, Times
from ssmts.data.arrays import Float
from ssmts.errors import NotTrainedError, ParameterError
from ssmts.estimators.forecasters.quantile_levels import interval_levels
from ssmts.estimators.forecasters.reader import HistoryReader
from ssmts.models.forecasting.explain import components, explain_panel
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.predict import forecast_panel
from ssmts.models.forecasting.quantiles import error_quantiles_of, quantile_panel
from ssmts.models.panels.branch import PanelBranch

__all__ = ["plot", "plot_components", "plot_losses", "plot_weights"]


def plot(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, level: Any, axes: Any, **asked: Any
) -> Any:
    """Draw the context and the forecast of the first series; `asked` are keywords of `predict`."""
    panel = reader.history(X, asked.pop("future", None))
    times, values = forecast_panel(fitted, panel, **asked)
    intervals = {}
    if level is not None:
        suffixes, levels = interval_levels(level, error_quantiles_of(fitted).levels)
        _, ends = quantile_panel(fitted, panel, levels, **asked)
        percents = [suffix.rpartition("-")[2] for suffix in suffixes[::2]]
        intervals = {f"{own}%": ends[0][:, :, 2 * k : 2 * k + 2] for k, own in enumerate(percents)}
    context = fitted.model.config.linear.context * fitted.step
    return plot_forecast(panel, times[0], values[0], context, axes, intervals)


def plot_components(
    fitted: FittedForecaster, reader: HistoryReader, X: Any, *, axes: Any, **asked: Any
) -> Any:
    """Draw the components of the forecast of the first series, one below the other."""
    panel = reader.history(X, asked.pop("future", None))
    options = {name: asked.pop(name, None) for name in ("horizon", "step", "at")}
    times, names, values = explain_panel(fitted, panel, **options, **asked)
    parts = components(fitted, names, values[0])
    axes = _given_or_new(axes, len(parts), figsize=(9, 1.2 + 1.4 * len(parts)), nrows=len(parts), sharex=True)
    stamps = _stamps(panel, times[0])
    for (name, own), ax in zip(parts.items(), axes, strict=False):
        for channel, line in zip(panel.channels, own.T, strict=True):
            ax.plot(stamps, line, linewidth=1.4, label=str(channel))
        if name != "past":
            ax.axhline(0.0, color="0.7", linewidth=0.8)
        ax.set_ylabel(name)
    if panel.n_channels > 1:
        axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False)
    return axes


def plot_forecast(
    panel: Panel,
    times: Times,
    values: Float,
    context: float,
    axes: Any,
    intervals: Mapping[str, Float],
) -> Any:
    """Draw the last context of the first series and its forecast, one axes per channel.

    `intervals` maps labels to lower and upper ends, (n_instants, n_channels, 2).
    """
    series, n_channels = panel.series[0], panel.n_channels
    axes = _given_or_new(axes, n_channels, figsize=(9, 1.2 + 1.8 * n_channels), nrows=n_channels, sharex=True)
    shown = series.times > series.origin - context
    past, future = _stamps(panel, series.times[shown]), _stamps(panel, times)
    widest_first = sorted(intervals.items(), key=lambda item: -float(np.ptp(item[1], axis=2).mean()))
    for channel, ax in enumerate(axes[:n_channels]):
        observed = series.values[shown, channel]
        ax.plot(past, observed, color="0.35", linewidth=1.0, label="observed")
        for name, ends in widest_first:
            low, high = ends[:, channel].T
            ax.fill_between(future, low, high, color="tab:blue", alpha=0.2, linewidth=0, label=name)
        ax.plot(future, values[:, channel], color="tab:blue", linewidth=1.6, label="forecast")
        ax.axvline(_stamps(panel, np.array([series.origin]))[0], color="0.7", linewidth=0.8)
        ax.set_ylabel(str(panel.channels[channel]))
    axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False)
    return axes


def _plot_mixture(panel: PanelBranch, axes: Any) -> Any:
    axes = _given_or_new(axes, 1, figsize=(7, 1.0 + 0.25 * len(panel.names)), ncols=1)
    weights = panel.mixture(np.arange(len(panel.unit)), panel.reach).mean(axis=0)
    order = np.argsort(weights)
    axes[0].barh([panel.names[k] for k in order], weights[order], color="tab:blue")
    axes[0].set_xlabel("mean weight over the series")
    return axes


def plot_weights(fitted: FittedForecaster, axes: Any) -> Any:
    """Draw each mode's share of the squared weights of the linear branch, by decay time and period.

    For a panel branch, the mean weight of each forecast that is mixed.
    """
    if fitted.model.panel is not None:
        return _plot_mixture(fitted.model.panel, axes)
    linear, clock = fitted.model.linear, fitted.layout.clock
    bank = linear.bank
    axes = _given_or_new(axes, 2, figsize=(9, 3.6), ncols=2)
    unit = f"steps of {clock.short_duration(fitted.step)}" if clock.kind == "datetime" else "units of time"
    in_unit = 1.0 if clock.kind == "datetime" else fitted.step
    energy = (linear.by_group[:, : bank.n_features, 1:] ** 2).sum(axis=(0, 2))
    n_modes, n_real = len(bank.A), bank.n_real
    share = energy[:n_modes].copy()
    share[n_real:] += energy[n_modes:]
    share /= max(float(share.sum()), np.finfo(np.float64).tiny)
    with np.errstate(divide="ignore"):
        decay, period = -in_unit / bank.A.real, in_unit * 2.0 * np.pi / bank.A.imag
    axes[0].vlines(decay[:n_real], 0.0, share[:n_real], color="tab:blue", linewidth=1.5)
    axes[0].plot(decay[:n_real], share[:n_real], "o", color="tab:blue", markersize=5)
    axes[0].set(xscale="log", ylabel="share of squared weights", title="decaying", ylim=(0.0, None))
    sizes = 8.0 + 300.0 * share[n_real:] / max(float(share[n_real:].max(initial=0.0)), 1e-300)
    points = axes[1].scatter(
        decay[n_real:], period[n_real:], s=sizes, c=share[n_real:], cmap="viridis_r", vmin=0.0, alpha=0.8
    )
    axes[1].set(xscale="log", yscale="log", ylabel=f"period ({unit})", title="oscillating")
    axes[1].figure.colorbar(points, ax=axes[1], label="share of squared weights")
    for ax in axes[:2]:
        ax.set_xlabel(f"decay time ({unit})")
    return axes


def plot_losses(history: Mapping[str, Any], ax: Any) -> Any:
    """Draw the losses of every network of the deep branch by epoch."""
    epochs = history.get("deep", {}).get("epochs", [])
    if not epochs:
        reason = history.get("deep", {}).get("reason", "this forecaster is solved in closed form")
        raise NotTrainedError(f"There are no losses to draw, no network was trained: {reason}.")
    (ax,) = _given_or_new(ax, 1, figsize=(7, 3.6))
    table = pd.DataFrame(epochs)
    for number, (member, own) in enumerate(table.groupby("member")):
        for column, style in (("train_loss", "--"), ("validation_loss", "-")):
            label = f"member {member}, {column.partition('_')[0]}"
            ax.plot(own["epoch"], own[column], style, color=f"C{number}", marker=".", label=label)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def _given_or_new(axes: Any, count: int, **subplots: Any) -> Any:
    """Flat array of at least `count` axes, of a new figure where none are given."""
    if axes is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError('plots need matplotlib: pip install "ssmts[plot]"') from error
        _, axes = plt.subplots(squeeze=False, layout="constrained", **subplots)
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    if len(axes) < count:
        raise ParameterError("axes", len(axes), f"{count}, one for each picture")
    return axes


def _stamps(panel: Panel, times: Times) -> Any:
    if panel.clock.kind == "number":
        return times
    stamps = pd.to_datetime(panel.layout.to_stamps(times), unit="ns")
    zone = panel.layout.tz
    return stamps if zone is None else stamps.tz_localize("UTC").tz_convert(zone).tz_localize(None)
