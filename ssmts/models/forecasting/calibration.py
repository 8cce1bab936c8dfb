"""Calibration: widths of intervals by their coverage on later data."""

from __future__ import annotations

from collections.abc import Sequence as Seq
from dataclasses import replace

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.series import Panel
from ssmts.errors import TooShortError
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.forecasting.quantiles import error_quantiles_of
from ssmts.models.forecasting.rolling_origins import RollingForecasts, rolling_by_member
from ssmts.models.sequences.sequence import stack_sequences
from ssmts.models.uncertainty.conformal import Judged, judge, width_path

__all__ = ["calibrated", "widths_of"]

_RECENT = 4.0  # contexts and horizons that the final width is averaged over, at most half of the data
_ORIGINS = 48  # per horizon: errors from closer origins are nearly the same


def widths_of(fitted: FittedForecaster, blocks: Seq[RollingForecasts]) -> tuple[Judged, Float]:
    """Errors of the forecasts of one sequence, and the widths of intervals that follow from them.

    Returns
    -------
    judged : Judged
    widths : ndarray of float64, shape (n_windows + 1,)
        Factor on the widths at each origin, in the order of the blocks' rows; last the factor at the end.
    """
    rows = np.concatenate([block.rows for block in blocks])
    order = np.argsort(rows)
    forecast = np.concatenate([block.forecast for block in blocks])[order]
    deviation = np.concatenate([block.deviation for block in blocks])[order]
    error_quantiles, linear, first = error_quantiles_of(fitted), fitted.model.config.linear, blocks[0]
    judged = judge(error_quantiles, first.stack, first.member, rows[order], forecast, deviation)
    group = int(first.stack.groups[first.member])
    path = width_path(judged, linear.horizon + 0.25 * linear.context, error_quantiles.width(group))
    widths = path.copy()
    widths[order] = path[:-1]
    return judged, widths


def calibrated(fitted: FittedForecaster, panel: Panel) -> ForecastModel:
    """The model with intervals calibrated on a panel.

    Factors are averaged over the end of the panel: the last one alone is as noisy as the last observation.

    Raises
    ------
    TooShortError
        If no series holds a context and a step after it.
    """
    model = fitted.model
    plain = replace(fitted, model=model.replaced(error_quantiles=error_quantiles_of(fitted).plain))
    stride = max(1, model.config.linear.horizon // _ORIGINS)
    n_groups, span = fitted.scaling.n_groups, model.config.linear.context + model.config.linear.horizon
    total, counts = np.zeros(n_groups + 1), np.zeros(n_groups + 1)
    for stack in stack_sequences(plain.sequences(panel)):
        for member, own in rolling_by_member(model, stack, stride=stride, horizon=1.0).items():
            judged, widths = widths_of(plain, own)
            group = int(stack.groups[member])
            walk = judged.end - judged.issued[0]
            recent = np.append(judged.issued, judged.end) >= judged.end - min(_RECENT * span, 0.5 * walk)
            for k in {group if 0 <= group < n_groups else n_groups, n_groups}:
                total[k] += judged.count * np.log(widths[recent]).mean()
                counts[k] += judged.count
    if not counts[-1]:
        need = panel.clock.show_duration((model.config.linear.context + 1.0) * fitted.step)
        raise TooShortError(
            f"X holds no observation to calibrate on: it needs a context and the steps after it, more than "
            f"{need}. Give more rows, or rows that begin where the training data ended."
        )
    log_width = np.where(counts > 0, total / np.maximum(counts, 1), total[-1] / counts[-1])
    return model.replaced(error_quantiles=replace(error_quantiles_of(fitted), widths=np.exp(log_width)))
