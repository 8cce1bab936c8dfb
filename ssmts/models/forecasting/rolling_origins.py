"""Forecasts from many origins in one pass, for scores and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.models.forecasting.model import ForecastModel
from ssmts.models.panels.branch import PanelBranch
from ssmts.models.sequences.origins import future_values, origin_rows
from ssmts.models.sequences.sequence import SequenceStack, window_at
from ssmts.models.state_space.window_states import window_states
from ssmts.progress import advance, tracked

__all__ = ["RollingForecasts", "rolling_by_member", "rolling_forecasts"]


@dataclass(frozen=True)
class RollingForecasts:
    """Forecasts of one sequence from some origins, in standardised units.

    Parameters
    ----------
    stack : SequenceStack
    member : int
        Position of the sequence in the stack.
    rows : ndarray of int64, shape (n_windows,)
        Rows of the origins.
    forecast : ndarray of float64, shape (n_windows, horizon + 1)
        At lead times 0, 1, ..., horizon.
    deviation : ndarray of float64, shape (n_windows,)
        Standard deviation of each window.
    """

    stack: SequenceStack
    member: int
    rows: Rows
    forecast: Float
    deviation: Float

    @property
    def truth(self) -> Float:
        """Values at the same lead times, interpolated linearly where the clock is not the reference grid."""
        return future_values(self.stack, self.member, self.rows, self.forecast.shape[1] - 1)


def rolling_forecasts(
    model: ForecastModel,
    stacks: list[SequenceStack],
    *,
    stride: int = 1,
    horizon: float | None = None,
) -> Iterator[RollingForecasts]:
    """Forecast from every `stride`-th origin with a full context before it and a full horizon after it.

    Parameters
    ----------
    model : ForecastModel
    stacks : list of SequenceStack
        Standardised values, times in reference steps.
    stride : int
        In rows.
    horizon : float, optional
        Time that must follow an origin, in reference steps; by default the horizon of the model.

    Yields
    ------
    RollingForecasts
        Block by block of each sequence.
    """
    if model.panel is not None:
        yield from _panel_forecasts(model, model.panel, stacks, stride, horizon)
        return
    config = model.config.linear
    deep = model.deep
    token_stride = deep.config.token_stride if deep is not None and deep.config.n_tokens > 1 else None
    for stack in stacks:
        rows = origin_rows(stack, config.context, config.horizon if horizon is None else horizon, stride)
        filled, rows = _with_gaps(model, stack, rows)
        yield from filled
        done = 0
        for block in window_states(stack, model.bank, config.context, rows, token_stride):
            done += len(block.rows) * len(block.members)
            advance(done / (len(rows) * len(stack.values)))
            for i, member in enumerate(block.members):
                mean, deviation = block.mean[i], block.deviation[i]
                features = stack.joined(model.bank.features(block.final[i]), member, block.rows)
                groups = np.full(len(features), stack.groups[member])
                forecast = model.linear.forecast(features, mean, deviation, groups)
                if deep is not None:
                    forecast += deep.correct_block(stack, member, block, i)
                yield RollingForecasts(
                    stack=stack, member=member, rows=block.rows, forecast=forecast, deviation=deviation
                )


def _panel_forecasts(
    model: ForecastModel,
    panel: PanelBranch,
    stacks: list[SequenceStack],
    stride: int,
    horizon: float | None,
) -> Iterator[RollingForecasts]:
    """Forecasts of the panel branch, from every origin that has the least history behind it."""
    horizon = model.config.linear.horizon if horizon is None else horizon
    for stack in stacks:
        rows = origin_rows(stack, model.least_history, horizon, stride)
        if not len(rows):
            continue
        found = []
        for row in tracked(rows.tolist()):
            values = model.on_grid(window_at(stack, row, model.config.linear.context))
            found.append((panel.forecast(values, stack.groups), panel.scale(values, stack.groups)))
        forecasts, scales = (np.stack(parts, axis=1) for parts in zip(*found))
        for member in range(len(stack.values)):
            yield RollingForecasts(
                stack=stack, member=member, rows=rows, forecast=forecasts[member], deviation=scales[member]
            )


def rolling_by_member(
    model: ForecastModel, stack: SequenceStack, *, stride: int, horizon: float
) -> dict[int, list[RollingForecasts]]:
    """All blocks of :func:`rolling_forecasts` for one stack, by sequence."""
    blocks: dict[int, list[RollingForecasts]] = {}
    for block in rolling_forecasts(model, [stack], stride=stride, horizon=horizon):
        blocks.setdefault(block.member, []).append(block)
    return blocks


def _with_gaps(model: ForecastModel, stack: SequenceStack, rows: Rows) -> tuple[list[RollingForecasts], Rows]:
    """Forecasts of windows with gaps that the hold fills, one by one, and the rows of the other windows."""
    if stack.interval == 1.0:
        return [], rows
    filled, lines, forecasts, deviations = [], [], [], []
    for row in rows.tolist():
        window = window_at(stack, row, model.config.linear.context)
        if model.hold.applies(window.times):
            window = model.held(window)
            filled.append(row)
            forecasts.append(model.forecast(window))
            deviations.append(model.deviation(window))
        else:
            lines.append(row)
    if not filled:
        return [], rows
    found = [
        RollingForecasts(stack, member, np.array(filled), *own)
        for member, own in enumerate(zip(np.stack(forecasts, axis=1), np.stack(deviations, axis=1)))
    ]
    return found, np.array(lines, dtype=np.int64)
