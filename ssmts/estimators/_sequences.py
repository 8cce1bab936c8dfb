"""From panels to the sequences that models read: reference steps, training scale, groups, last windows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data import CovariateColumns, Panel, Series
from ssmts.errors import AllMissingError, TooShortError, TooShortWarning
from ssmts.estimators._classes import StaticClasses
from ssmts.models.arrays import Float, Rows
from ssmts.models.sequences import (
    Sequence,
    SequenceStack,
    begun_at,
    on_reference_grid,
    regular_interval,
)

__all__ = ["LastWindows", "RowWeights", "Scaling", "last_windows", "training_sequences", "window_rows"]

_MOST_GROUPS = 24
_ENOUGH = 8  # observations that say how much a series varies
_PRIOR_COUNT = 4.0  # observations that the usual scale counts for where there are fewer

ExtraFeatures = Callable[[Series, Any], Float]
RowWeights = Mapping[Hashable | None, Float]


@dataclass(frozen=True)
class Scaling:
    """Training scale of every series and channel, and which of them share weights.

    Parameters
    ----------
    ids : tuple
        Ids of the training series.
    scale : ndarray of float64, shape (n_series, n_channels)
        Standard deviation of the observed values; 1 for a constant channel.
    grouping : {"series", "static", "channel", "none"}
        Linear weights of its own for every channel of every series, of every class of series, for every
        channel, or shared by all.
    level : ndarray of float64, shape (n_series, n_channels), optional
        Mean of the observed values.
    classes : StaticClasses, optional
        Which series are of a kind.
    """

    ids: tuple[Hashable, ...]
    scale: Float
    grouping: str
    level: Float | None = None
    classes: StaticClasses | None = None

    @classmethod
    def of(cls, panel: Panel, whole: Panel) -> Scaling:
        """Scale and grouping of a training panel; `whole` may hold later rows and further series."""
        own = {series.id: _moments(series) for series in panel.series}
        moments = [own[s.id] if s.id in own else _moments(s) for s in whole.series]
        scale = np.stack([_or_one(*both) for both in moments])
        n_series, n_channels = scale.shape
        if 1 < n_series * n_channels <= _MOST_GROUPS:
            grouping = "series"
        else:
            grouping = "channel" if 1 < n_channels <= _MOST_GROUPS else "none"
        return cls(whole.ids, scale, grouping, np.stack([level for level, _ in moments]))

    def with_classes(self, panel: Panel, columns: CovariateColumns) -> Scaling:
        """The same where series of a class, as static covariates tell them apart, share weights."""
        known = [series.covariates for series in panel.series]
        static = np.stack([own.static for own in known if own is not None])
        classes = StaticClasses.found_in(static, columns, max(_MOST_GROUPS // self.scale.shape[1], 1))
        return replace(self, grouping="static", classes=classes)

    def extended(self, panel: Panel) -> Scaling:
        """With the series of a panel that are new, each on its own scale; the grouping stays."""
        new = [series for series in panel.series if series.id not in self.position]
        ids = (*self.ids, *(series.id for series in new))
        scale = np.concatenate([self.scale, *(self.of_series(series)[0][None] for series in new)])
        level = self.level
        if level is not None:
            level = np.concatenate([level, *(_moments(series)[0][None] for series in new)])
        return replace(self, ids=ids, scale=scale, level=level)

    def without(self, gone: Collection[Hashable]) -> tuple[Scaling, Rows]:
        """Without some series, and the numbers of the groups that stay."""
        stay = [number for number, id_ in enumerate(self.ids) if id_ not in gone]
        level = None if self.level is None else self.level[stay]
        rest = replace(self, ids=tuple(self.ids[n] for n in stay), scale=self.scale[stay], level=level)
        groups = np.arange(self.n_groups)
        if self.grouping == "series" and self.n_groups > 1:
            groups = groups.reshape(len(self.ids), -1)[stay].ravel()
        return rest, groups

    @property
    def n_groups(self) -> int:
        """Number of groups; 1 if all share weights."""
        n_series, n_channels = map(int, self.scale.shape)
        n_classes = 1 if self.classes is None else len(self.classes)
        of_each = {"series": n_series, "static": n_classes, "channel": 1}
        return of_each[self.grouping] * n_channels if self.grouping in of_each else 1

    @cached_property
    def position(self) -> dict[Hashable, int]:
        """Row of each training series."""
        return {id_: number for number, id_ in enumerate(self.ids)}

    def of_series(self, series: Series) -> tuple[Float, Rows]:
        """Scale and group of each channel of a series; a series not seen in training is its own scale."""
        n_channels = self.scale.shape[1]
        number = self.position.get(series.id)
        scale = self.scale[number] if number is not None else self._scale_of_new(series)
        if self.grouping == "channel":
            return scale, np.arange(n_channels)
        if self.grouping == "static":
            number = self.class_of(series)
        if self.grouping in ("series", "static") and number is not None and self.n_groups > 1:
            return scale, np.arange(n_channels) + number * n_channels
        return scale, np.full(n_channels, -1)

    def class_of(self, series: Series) -> int | None:
        """Number of the class of a series; None if there are none, or training did not see its own."""
        if self.classes is None or series.covariates is None:
            return None
        number = self.classes.of(series.covariates.static)
        return None if number < 0 else number

    def _scale_of_new(self, series: Series) -> Float:
        """Scale of a series that fit did not see: its own, and with few observations what is usual, too."""
        mean, deviation = _moments(series)
        counts = (~np.isnan(series.values)).sum(axis=0)
        if (counts >= _ENOUGH).all() or self.level is None:
            return _or_one(mean, deviation)
        usual, relative = self._usual
        usual = np.where(relative, usual * np.abs(mean), usual)
        blended = np.sqrt((counts * deviation**2 + _PRIOR_COUNT * usual**2) / (counts + _PRIOR_COUNT))
        return np.where(counts >= _ENOUGH, _or_one(mean, deviation), np.where(blended > 0, blended, 1.0))

    @cached_property
    def _usual(self) -> tuple[Float, NDArray[np.bool_]]:
        """Median scale of a channel over the series, or of its ratio to the level if that differs less."""
        assert self.level is not None
        with np.errstate(divide="ignore"):
            ratio = np.log(self.scale) - np.log(np.abs(self.level))
        plain = np.log(self.scale)
        spread = [np.where(np.isfinite(own).all(axis=0), own.std(axis=0), np.inf) for own in (plain, ratio)]
        relative = spread[1] < spread[0]
        return np.exp(np.median(np.where(relative, ratio, plain), axis=0)), relative


def _moments(series: Series) -> tuple[Float, Float]:
    """Mean and standard deviation of the observed values of each channel."""
    counts = np.maximum((~np.isnan(series.values)).sum(axis=0), 1)
    mean = np.nansum(series.values, axis=0) / counts
    variance = np.nansum((series.values - mean) ** 2, axis=0) / counts
    return mean, np.sqrt(variance)


def _or_one(mean: Float, deviation: Float) -> Float:
    """A standard deviation, 1 where it is nothing but rounding."""
    return np.asarray(np.where(deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300), deviation, 1.0))


def training_sequences(
    panel: Panel,
    scaling: Scaling,
    step: float,
    extra: ExtraFeatures | None = None,
    *,
    weights: RowWeights | None = None,
    ends: Mapping[Hashable | None, float] | None = None,
) -> list[Sequence]:
    """Every channel of every series on its own clock, in reference steps and standardised.

    Parameters
    ----------
    panel : Panel
    scaling : Scaling
        Of the same series.
    step : int or float
        Reference step in the unit of the panel's clock.
    extra : callable, optional
        Further features of the windows of a series that end at some instants: (n_instants, n_extra).
    weights : mapping of id to ndarray of float64, shape (length,), optional
        How much the window counts that ends at each row of a series.
    ends : mapping of id to instant, optional
        Where the series ended when their windows were last counted.

    Returns
    -------
    list of Sequence
        Channels with fewer than two observations are left out: they hold no window.
    """
    sequences = []
    for number, series in enumerate(panel.series):
        scale, groups = scaling.of_series(series)
        for channel in range(panel.n_channels):
            seen = ~np.isnan(series.values[:, channel])
            times, values = series.times[seen], series.values[seen, channel]
            if len(times) < 2:
                continue
            # The level is taken out here for the digits' sake; windows are centred anyway.
            rows = [(values - values.mean()) / scale[channel]]
            if weights is not None:
                rows.append(weights[series.id][seen])
            if ends is not None:  # which observations were there, in whatever way they are put on the grid
                rows.append((times <= ends.get(series.id, -np.inf)).astype(np.float64))
            start = float(times[0] / step)  # absolute: token grids agree between calls
            relative = (times - times[0]) / step
            sequences += [
                Sequence(
                    clock - clock[0],
                    own[0],
                    start + float(clock[0]),
                    int(groups[channel]),
                    weights=None if weights is None else own[1],
                    extra=None if extra is None else extra(series, times[0] + clock * step),
                    counted=0 if ends is None else int((own[-1] > 0.5).sum()),
                    source=(number, channel),
                )
                for clock, own in on_reference_grid(relative, np.stack(rows), every_phase=True)
                if len(clock) > 1
            ]
    return sequences


@dataclass(frozen=True)
class LastWindows:
    """Windows that share one clock and end at the last observation of their channel.

    Parameters
    ----------
    stack : SequenceStack
        Standardised; `starts` are absolute, in reference steps.
    series, channels : ndarray of int64, shape (n,)
        Which series of the panel and which channel each window is.
    level, scale : ndarray of float64, shape (n,)
        values = stack.values * scale + level.
    age : ndarray of float64, shape (n,)
        Reference steps from the window's last observation to the origin of its series.
    """

    stack: SequenceStack
    series: Rows
    channels: Rows
    level: Float
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
    stacked: dict[tuple[object, bool, object], list[tuple[Any, ...]]] = {}
    for number, series in enumerate(panel.series):
        scale, groups = scaling.of_series(series)
        own_clocks = (
            _separate_clocks(series, panel.channels, step, context, outdated)
            if partial
            else _clocks(series, panel.channels, step, context)
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
            start = float(times[-1] / step + to_origin[0])
            relative = to_origin - to_origin[0]
            interval = regular_interval(relative)
            key: object = relative.tobytes() if interval is None else (len(relative), interval)
            level = values[:, -1]
            # In C order whatever the frame's: the same sums to the last bit.
            own = np.ascontiguousarray((values - level[:, None]) / scale[channels, None])
            age = np.full(len(channels), (series.origin - times[-1]) / step)
            item = (relative, own, start, groups[channels], number, channels, level, scale[channels], age)
            stacked.setdefault((key, lead_in, start if same_start else None), []).append(item)
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
        clocks, blocks, begins, groups_, numbers, which, levels, scales, ages = zip(*items)
        counts = [len(block) for block in blocks]
        joined = [np.concatenate(parts) for parts in (blocks, groups_, which, levels, scales, ages)]
        stack = SequenceStack(clocks[0], joined[0], np.repeat(begins, counts), joined[1], lead_in=lead_in)
        out.append(LastWindows(stack, np.repeat(numbers, counts), *joined[2:]))
    return out


def _clocks(
    series: Series, names: tuple[Hashable, ...], step: float, context: float
) -> Iterator[tuple[Any, Float, Rows]]:
    """Times, values (n, length) and channels of a series' last window, channels of one clock together.

    The observation before the window comes with it where there is one: the window begins on the line from it.
    """
    origin, reach = series.origin, context * step * (1 - 1e-9)
    stop = int(np.searchsorted(series.times, origin, side="right"))
    begin = int(np.searchsorted(series.times[:stop], origin - reach, side="right"))
    if stop - begin < 2:
        raise _too_short(series, stop - begin, context)
    seen = ~np.isnan(series.values[max(begin - 1, 0) : stop])
    whole = seen.all(axis=0)
    if whole.any():
        window = slice(max(begin - 1, 0), stop)
        yield series.times[window], series.values[window].T[whole], np.flatnonzero(whole)
    for channel in np.flatnonzero(~whole):
        rows = window_rows(series, int(channel), begin, stop, step, context)
        if not len(rows):
            raise AllMissingError(
                f"{_name(series)} has no observation of channel {names[channel]!r} in the context of "
                f"{context:g} reference steps before its last row. Give more history, or leave the channel "
                "out."
            )
        yield series.times[rows], series.values[rows, channel][None], np.array([channel])


def _separate_clocks(
    series: Series, names: tuple[Hashable, ...], step: float, context: float, outdated: list[str]
) -> Iterator[tuple[Any, Float, Rows]]:
    """The same channel by channel; one that is not observed twice is left out, and named if it once was."""
    begin = int(np.searchsorted(series.times, series.origin - context * step * (1 - 1e-9), side="right"))
    n_forecast = 0
    for channel, name in enumerate(names):
        rows = window_rows(series, channel, begin, len(series.times), step, context)
        times = series.times[rows]
        if len(rows) and int(np.count_nonzero((times - times[-1]) / step > -context * (1 - 1e-9))) > 1:
            n_forecast += 1
            yield times, series.values[rows, channel][None], np.array([channel])
        elif not np.isnan(series.values[:, channel]).all():
            outdated.append(f"{name!r}" if series.id is None else f"{name!r} of series {series.id!r}")
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
    times = series.times[seen]
    first = int(np.searchsorted(times, times[-1] - (context * (1.0 + 1e-9) - 1.0) * step))
    between = times[first] > times[-1] - (context * (1.0 - 1e-9) - 1.0) * step
    return seen[max(first - int(between), 0) :]


def _name(series: Series) -> str:
    return "The series" if series.id is None else f"Series {series.id!r}"


def _too_short(series: Series, count: int, context: float) -> TooShortError:
    return TooShortError(
        f"{_name(series)} has {count} observation on the reference grid in the context of {context:g} "
        "reference steps before its last one, but at least 2 are needed: Found array with 1 sample(s) while "
        "a minimum of 2 is required. Give more recent history."
    )
