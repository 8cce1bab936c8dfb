"""The latest window of each channel of each series, stacked by clock: what a forecast reads."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmts.data.arrays import Float, Rows
from ssmts.data.series import Panel, Series
from ssmts.errors import AllMissingError, DeadChannelWarning, TooShortError, TooShortWarning
from ssmts.models.sequences.grid import begun_at, on_reference_grid, regular_interval
from ssmts.models.sequences.scaling import Scaling, require_squares
from ssmts.models.sequences.sequence import SequenceStack

__all__ = ["LastWindows", "last_windows", "window_rows"]


@dataclass(frozen=True)
class LastWindows:
    """Windows that share one clock and end at the last observation of their channel.

    Parameters
    ----------
    stack : SequenceStack
        Standardised; `starts` are absolute, in reference steps.
    series, channels : ndarray of int64, shape (n,)
        Which series of the panel and which channel each window is.
    last, scale : ndarray of float64, shape (n,)
        values = stack.values * scale + last.
    age : ndarray of float64, shape (n,)
        Reference steps from the window's last observation to the origin of its series.
    """

    stack: SequenceStack
    series: Rows
    channels: Rows
    last: Float
    scale: Float
    age: Float


def last_windows(
    panel: Panel, scaling: Scaling, step: float, context: float, *, same_start: bool = False
) -> list[LastWindows]:
    """Latest window of each channel of each series, stacked by clock.

    A channel whose last observation is older than its series' origin is forecast from that observation, with
    the context before it (docs/decisions/004-late-channels.md).

    Parameters
    ----------
    panel : Panel
    scaling : Scaling
    step : int or float
        Reference step in the unit of the clock.
    context : float
        In reference steps.
    same_start : bool
        Stack only windows that also begin at the same instant (token grids are fixed in absolute time).

    Raises
    ------
    TooShortError
        If the window of a series holds fewer than two observations.
    AllMissingError
        If a channel was not observed in it.

    Notes
    -----
    Where rows are single observations (a channel column) a series need not have every channel: one without
    two observations in its context has no window, and a warning names it if it was observed before.
    """
    partial = panel.layout.channel_col is not None
    outdated: list[str] = []
    dead: list[str] = []
    stacked: dict[tuple[object, bool, object], list[tuple[Any, ...]]] = {}
    for number, series in enumerate(panel.series):
        scale, groups = scaling.of_series(series)
        own_clocks = (
            _separate_clocks(series, panel.channels, step, context, outdated)
            if partial
            else _clocks(series, panel.channels, step, context, dead if scaling.knows(series) else None)
        )
        for times, values, channels in own_clocks:
            to_origin = (times - times[-1]) / step
            ((to_origin, values),) = on_reference_grid(to_origin, values, every_phase=False)
            n_inside = int(np.count_nonzero(to_origin > -context * (1 - 1e-9)))
            if n_inside < 2:
                raise _too_short(series, n_inside, context)
            observed = to_origin
            to_origin, values = begun_at(1.0 - context, to_origin, values)
            lead_in = bool(to_origin[0] not in observed)
            start = scaling.steps_of(times[-1], step) + float(to_origin[0])
            relative = to_origin - to_origin[0]
            interval = regular_interval(relative)
            key: object = relative.tobytes() if interval is None else (len(relative), interval)
            last = values[:, -1]
            # In C order whatever the frame's: the same sums to the last bit.
            with np.errstate(over="ignore", invalid="ignore"):
                own = np.ascontiguousarray((values - last[:, None]) / scale[channels, None])
            require_squares(own, values, [panel.layout.channels[k] for k in channels], series)
            age = np.full(len(channels), (series.origin - times[-1]) / step)
            item = (relative, own, start, groups[channels], number, channels, last, scale[channels], age)
            stacked.setdefault((key, lead_in, start if same_start else None), []).append(item)
    if dead:
        shown = "; ".join(dead[:5]) + ("; ..." if len(dead) > 5 else "")
        warnings.warn(
            f"{len(dead)} channel(s) were not observed in the context of {context:g} reference steps before "
            f"their last row ({shown}): mean and deviation of the training data stand for them. Give "
            "more history where there is some.",
            DeadChannelWarning,
            stacklevel=2,
        )
    if outdated:
        shown = "; ".join(outdated[:5]) + ("; ..." if len(outdated) > 5 else "")
        warnings.warn(
            f"{len(outdated)} channel(s) were not observed twice in the context of {context:g} reference "
            f"steps before their last row and are not forecast ({shown}). Give more history.",
            TooShortWarning,
            stacklevel=2,
        )
    out = []
    for (_, lead_in, _), items in stacked.items():
        clocks, blocks, begins, groups_, numbers, which, lasts, scales, ages = zip(*items)
        counts = [len(block) for block in blocks]
        joined = [np.concatenate(parts) for parts in (blocks, groups_, which, lasts, scales, ages)]
        stack = SequenceStack(
            times=clocks[0],
            values=joined[0],
            starts=np.repeat(begins, counts),
            groups=joined[1],
            lead_in=lead_in,
        )
        out.append(LastWindows(stack, np.repeat(numbers, counts), *joined[2:]))
    return out


def _clocks(
    series: Series, names: tuple[Hashable, ...], step: float, context: float, dead: list[str] | None
) -> Iterator[tuple[Any, Float, Rows]]:
    """Times, values (n, length) and channels of a series' last window, channels of one clock together.

    Channels without an observation there are named in `dead` and left out; None: they are an error. The
    observation before the window comes with it where there is one: the window begins on the line from it.
    """
    stop = int(np.searchsorted(series.times, series.origin, side="right"))
    to_origin = (series.times[:stop] - series.origin) / step
    begin = int(np.searchsorted(to_origin, -context * (1 - 1e-9), side="right"))
    if stop - begin < 2:
        raise _too_short(series, stop - begin, context)
    seen = ~np.isnan(series.values[max(begin - 1, 0) : stop])
    whole = seen.all(axis=0)
    if whole.any():
        window = slice(max(begin - 1, 0), stop)
        yield series.times[window], series.values[window].T[whole], np.flatnonzero(whole)
    for channel in np.flatnonzero(~whole):
        rows = window_rows(series, int(channel), begin, stop, step, context)
        if not len(rows) and dead is not None:
            dead.append(f"{names[channel]!r}{series.whose}")
            continue
        if not len(rows):
            raise AllMissingError(
                f"{series.label} has no observation of channel {names[channel]!r} in the context of "
                f"{context:g} reference steps before its last row. Give more history."
            )
        yield series.times[rows], series.values[rows, channel][None], np.array([channel])


def _separate_clocks(
    series: Series, names: tuple[Hashable, ...], step: float, context: float, outdated: list[str]
) -> Iterator[tuple[Any, Float, Rows]]:
    """The same channel by channel; one that is not observed twice is left out, and named if it once was."""
    to_origin = (series.times - series.origin) / step
    begin = int(np.searchsorted(to_origin, -context * (1 - 1e-9), side="right"))
    n_forecast = 0
    for channel, name in enumerate(names):
        rows = window_rows(series, channel, begin, len(series.times), step, context)
        times = series.times[rows]
        if len(rows) and int(np.count_nonzero((times - times[-1]) / step > -context * (1 - 1e-9))) > 1:
            n_forecast += 1
            yield times, series.values[rows, channel][None], np.array([channel])
        elif not np.isnan(series.values[:, channel]).all():
            outdated.append(f"{name!r}{series.whose}")
    if not n_forecast:
        raise _too_short(series, 1, context)


def window_rows(series: Series, channel: int, begin: int, stop: int, step: float, context: float) -> Rows:
    """Rows of a channel's last window, and of the observation before it where it begins between two.

    Parameters
    ----------
    series : Series
    channel : int
    begin, stop : int
        Rows of the window of the series, in which the channel has to be observed.
    step : int or float
        Reference step in the unit of the clock.
    context : float
        In reference steps.

    Returns
    -------
    ndarray of int64
        Empty if the channel was not observed.
    """
    seen = np.flatnonzero(~np.isnan(series.values[:stop, channel]))
    if not len(seen) or seen[-1] < begin:
        return seen[:0]
    to_last = (series.times[seen] - series.times[seen[-1]]) / step
    first = int(np.searchsorted(to_last, 1.0 - context * (1.0 + 1e-9)))
    between = to_last[first] > 1.0 - context * (1.0 - 1e-9)
    return seen[max(first - int(between), 0) :]


def _too_short(series: Series, count: int, context: float) -> TooShortError:
    return TooShortError(
        f"{series.label} has {count} observation on the reference grid in the context of {context:g} "
        "reference steps before its last one, but at least 2 are needed: Found array with 1 sample(s) while "
        "a minimum of 2 is required. Give more recent history."
    )
