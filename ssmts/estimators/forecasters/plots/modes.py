"""Which modes of the state space, or which forecasts of a mixture, a model relies on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.estimators.forecasters.plots.draw import draw
from ssmts.estimators.forecasters.plots.picture import Bars, Chart, Picture, Points, Stems
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.panels.branch import PanelBranch

__all__ = ["modes_picture", "plot_weights"]


def plot_weights(fitted: FittedForecaster, axes: Any, interactive: Any) -> Any:
    """Draw each mode's share of the squared weights of the linear branch, by decay time and period.

    For a panel branch, the mean weight of each forecast that is mixed.
    """
    return draw(modes_picture(fitted), axes, interactive)


def modes_picture(fitted: FittedForecaster) -> Picture:
    """Decaying and oscillating modes, or the weights of a mixture."""
    if fitted.model.panel is not None:
        return _mixture(fitted.model.panel)
    linear, clock = fitted.model.linear, fitted.layout.clock
    bank = linear.bank
    unit = f"steps of {clock.short_duration(fitted.step)}" if clock.kind == "datetime" else "units of time"
    in_unit = 1.0 if clock.kind == "datetime" else fitted.step
    energy = (linear.by_group[:, : bank.n_features, 1:] ** 2).sum(axis=(0, 2))
    n_modes, n_real = len(bank.A), bank.n_real
    share = energy[:n_modes].copy()
    share[n_real:] += energy[n_modes:]
    share /= max(float(share.sum()), np.finfo(np.float64).tiny)
    with np.errstate(divide="ignore"):
        decay, period = -in_unit / bank.A.real, in_unit * 2.0 * np.pi / bank.A.imag
    label, measure = f"decay time ({unit})", "share of squared weights"
    decaying = Chart(
        [Stems(decay[:n_real], share[:n_real])],
        title="decaying",
        x_label=label,
        y_label=measure,
        x_log=True,
        y_limits=(0.0, None),
    )
    oscillating = Chart(
        [Points(decay[n_real:], period[n_real:], share[n_real:], measure)],
        title="oscillating",
        x_label=label,
        y_label=f"period ({unit})",
        x_log=True,
        y_log=True,
    )
    return Picture([decaying, oscillating], columns=2, height=2.7)


def _mixture(panel: PanelBranch) -> Picture:
    weights = panel.mixture(np.arange(len(panel.unit)), panel.reach).mean(axis=0)
    order = np.argsort(weights)
    names = [panel.names[k] for k in order]
    chart = Chart([Bars(names, weights[order])], x_label="mean weight over the series")
    return Picture([chart], width=7.0, height=0.1 + 0.25 * len(names))
