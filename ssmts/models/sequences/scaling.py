"""Training scale of every series and channel, and which of them share linear weights."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssmts.data.arrays import Float, Rows
from ssmts.data.covariates import CovariateColumns
from ssmts.data.series import Panel, Series
from ssmts.errors import InfiniteValueError
from ssmts.models.sequences.static_groups import StaticClasses
from ssmts.wording import shown

__all__ = ["Scaling", "require_squares"]

_MOST_GROUPS = 24
_ENOUGH = 8  # observations that say how much a series varies
_LARGEST = 1e150  # standard deviation whose square, summed over a data set, is finite
_PRIOR_COUNT = 4.0  # observations that the usual scale counts for where there are fewer


@dataclass(frozen=True)
class Scaling:
    """Training scale of every series and channel, and which of them share weights.

    Parameters
    ----------
    ids : tuple
        Ids of the training series.
    scale : ndarray of float64, shape (n_series, n_channels)
        Standard deviation of the observed values; 1 for a constant channel.
    grouping : {"series", "static", "channel", "none", "panel"}
        Linear weights of its own for every channel of every series, of every class of series, for every
        channel, or shared by all; "panel" numbers every channel of every series for the panel branch.
    mean : ndarray of float64, shape (n_series, n_channels), optional
        Mean of the observed values.
    classes : StaticClasses, optional
        Which series are of a kind.
    zero : int
        Instant that absolute times are counted from: 0, but where the reference step is so short that steps
        since 1970 would not be exact in float64.
    """

    ids: tuple[Hashable, ...]
    scale: Float
    grouping: str
    mean: Float | None = None
    classes: StaticClasses | None = None
    zero: int = 0

    @classmethod
    def of(cls, panel: Panel, whole: Panel) -> Scaling:
        """Scale and grouping of a training panel; `whole` may hold later rows and further series.

        Raises
        ------
        InfiniteValueError
            If values are so large that their squares are infinite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            own = {series.id: _moments(series) for series in panel.series}
            moments = [own[s.id] if s.id in own else _moments(s) for s in whole.series]
            scale = np.stack([_or_one(*both) for both in moments])
            usual = (scale < _LARGEST) & np.isfinite(np.stack([mean for mean, _ in moments]))
        if not usual.all():
            number, channel = map(int, np.argwhere(~usual)[0])
            whose = "" if whole.ids[number] is None else f" of series {shown(whole.ids[number])}"
            largest = np.nanmax(np.abs(whole.series[number].values[:, channel]))
            raise InfiniteValueError(
                f"Column {whole.layout.channels[channel]!r}{whose} holds values up to {largest:.3g}, too "
                "large to be squared. Divide it by a constant, or make what was not observed NaN."
            )
        n_series, n_channels = scale.shape
        if 1 < n_series * n_channels <= _MOST_GROUPS:
            grouping = "series"
        else:
            grouping = "channel" if 1 < n_channels <= _MOST_GROUPS else "none"
        return cls(
            ids=whole.ids, scale=scale, grouping=grouping, mean=np.stack([mean for mean, _ in moments])
        )

    def steps_of(self, instant: float, step: float) -> float:
        """An instant in absolute reference steps."""
        return float((instant - self.zero) / step)

    def with_classes(self, panel: Panel, columns: CovariateColumns) -> Scaling:
        """The same where series of a class, as static covariates tell them apart, share weights."""
        known = [series.covariates for series in panel.series]
        static = np.stack([own.static for own in known if own is not None])
        classes = StaticClasses.found_in(static, columns, max(_MOST_GROUPS // self.scale.shape[1], 1))
        return replace(self, grouping="static", classes=classes)

    @property
    def as_panel(self) -> Scaling:
        """The same with a number for every channel of every series."""
        return replace(self, grouping="panel")

    @classmethod
    def joined(cls, parts: Sequence[Scaling]) -> Scaling:
        """Scalings of different series as one."""
        means = [part.mean for part in parts if part.mean is not None]
        ids = tuple(id_ for part in parts for id_ in part.ids)
        scale = np.concatenate([part.scale for part in parts])
        return replace(parts[0], ids=ids, scale=scale, mean=np.concatenate(means) if means else None)

    def extended(self, panel: Panel) -> Scaling:
        """With the series of a panel that are new, each on its own scale; the grouping stays."""
        new = [series for series in panel.series if series.id not in self.position]
        ids = (*self.ids, *(series.id for series in new))
        scale = np.concatenate([self.scale, *(self.of_series(series)[0][None] for series in new)])
        mean = self.mean
        if mean is not None:
            mean = np.concatenate([mean, *(_moments(series)[0][None] for series in new)])
        return replace(self, ids=ids, scale=scale, mean=mean)

    def without(self, gone: Collection[Hashable]) -> tuple[Scaling, Rows]:
        """Without some series, and the numbers of the groups that stay."""
        stay = [number for number, id_ in enumerate(self.ids) if id_ not in gone]
        mean = None if self.mean is None else self.mean[stay]
        rest = replace(self, ids=tuple(self.ids[n] for n in stay), scale=self.scale[stay], mean=mean)
        groups = np.arange(self.n_groups)
        if self.grouping == "panel" or (self.grouping == "series" and self.n_groups > 1):
            groups = groups.reshape(len(self.ids), -1)[stay].ravel()
        return rest, groups

    @property
    def n_groups(self) -> int:
        """Number of groups; 1 if all share weights."""
        n_series, n_channels = map(int, self.scale.shape)
        n_classes = 1 if self.classes is None else len(self.classes)
        of_each = {"series": n_series, "panel": n_series, "static": n_classes, "channel": 1}
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
        own = self.grouping == "panel" or (self.grouping in ("series", "static") and self.n_groups > 1)
        if own and number is not None:
            return scale, np.arange(n_channels) + number * n_channels
        return scale, np.full(n_channels, -1)

    def knows(self, series: Series) -> bool:
        """Whether training has seen the series, so that the means of its channels are known."""
        return self.mean is not None and series.id in self.position

    def class_of(self, series: Series) -> int | None:
        """Number of the class of a series; None if there are none, or training did not see its own."""
        if self.classes is None or series.covariates is None:
            return None
        number = self.classes.of(series.covariates.static)
        return None if number < 0 else number

    def _scale_of_new(self, series: Series) -> Float:
        """Scale of a series that fit did not see: its own, and with few observations what is usual, too."""
        mean, deviation = _moments(series)
        if not (deviation < _LARGEST).all():
            largest = np.nanmax(np.abs(series.values))
            raise InfiniteValueError(
                f"X{series.whose} holds values up to {largest:.3g}, too large to be squared. Divide it by a "
                "constant, or make what was not observed NaN."
            )
        counts = (~np.isnan(series.values)).sum(axis=0)
        if (counts >= _ENOUGH).all() or self.mean is None:
            return _or_one(mean, deviation)
        usual, relative = self._usual
        usual = np.where(relative, usual * np.abs(mean), usual)
        blended = np.sqrt((counts * deviation**2 + _PRIOR_COUNT * usual**2) / (counts + _PRIOR_COUNT))
        return np.where(counts >= _ENOUGH, _or_one(mean, deviation), np.where(blended > 0, blended, 1.0))

    @cached_property
    def _usual(self) -> tuple[Float, NDArray[np.bool_]]:
        """Median scale of a channel over the series, or of its ratio to the mean if that differs less."""
        assert self.mean is not None
        with np.errstate(divide="ignore"):
            ratio = np.log(self.scale) - np.log(np.abs(self.mean))
        plain = np.log(self.scale)
        spreads = [np.where(np.isfinite(own).all(axis=0), own.std(axis=0), np.inf) for own in (plain, ratio)]
        relative = spreads[1] < spreads[0]
        return np.exp(np.median(np.where(relative, ratio, plain), axis=0)), relative


def require_squares(standardised: Float, values: Float, names: Sequence[Hashable], series: Series) -> None:
    """Raise where values are too far from those of training to be squared.

    Parameters
    ----------
    standardised, values : ndarray of float64, shape (n_channels, n_observations)
    names : sequence of str or int
        Of the channels.
    series : Series

    Raises
    ------
    InfiniteValueError
    """
    if (np.abs(standardised) < _LARGEST).all():
        return
    channel = int((~(np.abs(standardised) < _LARGEST)).any(axis=1).argmax())
    largest = values[channel, int(np.abs(values[channel]).argmax())]
    raise InfiniteValueError(
        f"Column {shown(names[channel])}{series.whose} holds {largest:.3g}, too far from the values of "
        "training to be computed with. Correct it, or make it NaN if it was not observed."
    )


def _moments(series: Series) -> tuple[Float, Float]:
    """Mean and standard deviation of the observed values of each channel."""
    counts = np.maximum((~np.isnan(series.values)).sum(axis=0), 1)
    mean = np.nansum(series.values, axis=0) / counts
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.nansum((series.values - mean) ** 2, axis=0) / counts
    return mean, np.sqrt(variance)


def _or_one(mean: Float, deviation: Float) -> Float:
    """A standard deviation, 1 where it is nothing but rounding."""
    return np.asarray(np.where(deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300), deviation, 1.0))
