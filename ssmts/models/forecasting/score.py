"""Mean squared error of a fitted forecaster over rolling origins."""

from __future__ import annotations

import numpy as np

from ssmts.data.series import Panel
from ssmts.errors import TooShortError
from ssmts.models.forecasting.backtest import SequenceSource
from ssmts.models.forecasting.fitted import FittedForecaster
from ssmts.models.forecasting.history import continued
from ssmts.models.forecasting.rolling_origins import rolling_forecasts
from ssmts.models.linear.lead_times import at_leads
from ssmts.models.sequences.sequence import stack_sequences

__all__ = ["mean_squared_error", "with_context"]


def mean_squared_error(fitted: FittedForecaster, panel: Panel) -> float:
    """Mean squared error over origins a horizon apart and all observations that follow, in training scale.

    Raises
    ------
    TooShortError
        If no series holds a context and a horizon.
    """
    linear = fitted.model.config.linear
    panel = with_context(fitted, panel)
    sequences = fitted.sequences(panel)
    sources = None
    if fitted.bounds is not None:
        sources = {k: SequenceSource(fitted, panel, own) for k, own in enumerate(sequences)}
    total, count = 0.0, 0
    for stack in stack_sequences(sequences):
        interval = float(np.median(np.diff(stack.times)))
        stride = max(1, round(linear.horizon / interval))
        for window in rolling_forecasts(fitted.model, [stack], stride=stride):
            values = stack.values[window.member]
            for row, forecast in zip(window.rows, window.forecast):
                end = int(
                    np.searchsorted(stack.times, stack.times[row] + linear.horizon + 1e-6, side="right")
                )
                if end <= row + 1:  # a hole as long as the horizon begins here
                    continue
                leads = stack.times[row + 1 : end] - stack.times[row]
                ahead = at_leads(forecast[None], np.minimum(leads, linear.horizon))[0]
                if sources is not None:
                    assert stack.numbers is not None
                    ahead = sources[int(stack.numbers[window.member])].within(ahead, slice(row + 1, end))
                errors = ahead - values[row + 1 : end]
                total += float(errors @ errors)
                count += len(errors)
    if not count:
        clock = panel.clock
        need = clock.show_duration((linear.context + linear.horizon) * fitted.step)
        raise TooShortError(
            f"X holds no whole window to score: a context and a horizon are {need} together. Give more rows, "
            "or rows that begin where the training data ended."
        )
    return total / count


def with_context(fitted: FittedForecaster, panel: Panel) -> Panel:
    """The panel, each of its series preceded by the end of its training data if it follows them.

    A series follows if it begins within a horizon after its end in training: rows that are missing in between
    are missing observations.
    """
    if fitted.tail is None:
        return panel
    begins = {series.id: series.times[0] for series in panel.series}
    longest = max(fitted.horizon, 1.5 * fitted.step)
    tails = {
        own.id: own
        for own in fitted.tail.series
        if own.id in begins and 0 < begins[own.id] - own.times[-1] <= longest * (1 + 1e-9)
    }
    series = [
        continued(Panel((tails[own.id],), panel.layout), Panel((own,), panel.layout), "X").series[0]
        if own.id in tails
        else own
        for own in panel.series
    ]
    return Panel(tuple(series), panel.layout)
