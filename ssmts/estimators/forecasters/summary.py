"""What the fit of a forecaster chose, and its errors on held-out blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.estimators.summary import Summary
from ssmts.models.forecasting.fitted import FittedForecaster

__all__ = ["summarised"]

_MOST_NAMES = 5
_HOLDS = {
    "auto": "lines; the conditional expectation where they miss 3% of the variance",
    "foh": "lines",
    "gp": "the conditional expectation",
    "zoh": "the last value",
}
_DAY = 86_400 * 10**9
_MSE = "mean squared error (variance = 1)"


def summarised(name: str, fitted: FittedForecaster) -> Summary:
    """The summary of a forecaster of class `name`."""
    parts = {"data": _data(fitted), "chosen": _chosen(fitted), "on held-out blocks": _held_out(fitted)}
    return Summary(name, {part: values for part, values in parts.items() if values})


def _data(fitted: FittedForecaster) -> dict[str, Any]:
    layout = fitted.layout
    names = [str(name) for name in layout.channels]
    more = f", ... ({len(names)})" if len(names) > _MOST_NAMES else ""
    found: dict[str, Any] = {"channels": ", ".join(names[:_MOST_NAMES]) + more}
    if fitted.tail is not None:
        found["series"] = len(fitted.tail.series)
        found["ends"] = layout.show_instant(max(series.origin for series in fitted.tail.series))
    if fitted.columns is not None and fitted.columns.all:
        found["covariates"] = ", ".join(map(str, fitted.columns.all))
    if "n_windows" in fitted.history:
        found["windows"] = int(fitted.history["n_windows"])
    return found


def _chosen(fitted: FittedForecaster) -> dict[str, Any]:
    history, linear = fitted.history, fitted.model.config.linear
    found: dict[str, Any] = {
        "step": fitted.layout.clock.short_duration(fitted.step),
        "horizon": _steps(fitted, linear.horizon),
        "context": _steps(fitted, linear.context),
        "season": "none" if linear.period is None else _steps(fitted, linear.period),
        "branch": _branch(fitted),
    }
    deep = history.get("deep")
    if deep is not None:
        accepted = deep.get("accepted", False)
        found["deep branch"] = "kept" if accepted else f"left out: {deep.get('reason', 'no gain')}"
    for key, label in (("covariates", "effect of covariates"), ("mixing", "reads other channels")):
        if key in history:
            found[label] = "kept" if history[key].get("accepted") else "left out: no gain"
    found["between observations"] = _HOLDS.get(fitted.model.config.hold, fitted.model.config.hold)
    return found


def _steps(fitted: FittedForecaster, count: float) -> str:
    clock, duration = fitted.layout.clock, count * fitted.step
    if clock.kind == "number":
        return f"{count:.4g} steps"
    days = duration / _DAY
    text = f"{days:,.0f}D" if clock.months is None and days >= 1000 else clock.short_duration(duration)
    return f"{count:.4g} steps ({text})"


def _branch(fitted: FittedForecaster) -> str:
    panel = fitted.model.panel
    if panel is None:
        return f"linear, {len(fitted.model.bank.A)} modes"
    weights = panel.mixture(np.arange(len(panel.unit)), panel.reach).mean(axis=0)
    order = np.argsort(weights)[::-1][:3]
    first = ", ".join(f"{panel.names[k]} {weights[k]:.0%}" for k in order)
    return f"mixture of {len(panel.names)} forecasts: {first}" + (", ..." if len(panel.names) > 3 else "")


def _held_out(fitted: FittedForecaster) -> dict[str, Any]:
    """Errors in units of the variance of training, or of the error of the last value."""
    history = fitted.history
    panel = history.get("panel", {}) if fitted.model.panel is not None else {}
    found: dict[str, Any] = {}
    if "mse_of_panel" in panel:
        found[_MSE] = float(panel["mse_of_panel"])
        found["the same, linear branch alone"] = float(panel["mse_of_linear"])
    elif not panel and "cross_validated_mse" in history:
        found[_MSE] = float(history["cross_validated_mse"])
    relative = panel.get("relative_errors", {})
    if relative:
        best = min(relative, key=relative.__getitem__)
        found["error / that of the last value"] = f"{relative[best]:.3g} ({best}, the best of the mixture)"
    for key, label in (("context", "context"), ("period", "season")):
        errors = history.get(f"errors_by_{key}", {})
        if len(errors) > 1:
            of_each = [f"{candidate}: {error:.4g}" for candidate, error in errors.items()]
            found[f"by {label} [steps]"] = ", ".join(of_each)
    deep = history.get("deep", {})
    if "gain" in deep:
        found["gain of the deep branch"] = f"{deep['gain']:.2g} ± {deep.get('standard_error', np.nan):.2g}"
    return found
