"""Splitters for scikit-learn's searches that know the series and times of a frame."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmts.data import Panel, is_integer, parse_duration, read_panel, read_row_values, reference_step
from ssmts.errors import ParameterError, ShapeError, TooShortError

__all__ = ["SeriesKFold", "TimeSplit"]

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class TimeSplit:
    """Train on all series up to an instant, test on what comes next, several times over.

    The instant is the same for all series, whatever the order of the rows: nothing that is trained on lies
    after anything that is tested. The last test span ends with the data.

    Parameters
    ----------
    n_splits : int, default=5
    test_size : int or duration, optional
        Length of a test span; an int counts median intervals. By default the span of the data over
        ``n_splits + 1``.
    train_size : int or duration, optional
        Length of a training span, which then slides. By default it grows: everything before the test.
    id_col, time_col, channel_col : str or int, optional
        As for the forecaster; a frame with ``unique_id`` and ``ds`` needs no names.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from ssmts import LinearSSMForecaster
    >>> from ssmts.model_selection import TimeSplit
    >>> from ssmts_datasets import make_sines
    >>> panel = make_sines(300, n_series=3, layout="long", random_state=0).frame
    >>> search = GridSearchCV(LinearSSMForecaster(12, 48), {"n_modes": [16, 64]}, cv=TimeSplit(2, "2D"))
    >>> len(search.fit(panel).predict(panel))
    36
    """

    n_splits: int = 5
    test_size: Any = None
    _: KW_ONLY
    train_size: Any = None
    id_col: Hashable | None = None
    time_col: Hashable | None = None
    channel_col: Hashable | None = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Row numbers of the training and test spans.

        Parameters
        ----------
        X : frame, or array of shape (length,) or (length, n_channels)
        y, groups : ignored

        Yields
        ------
        train, test : ndarray of int
            In the order of the rows.

        Raises
        ------
        ParameterError
            If `n_splits` is no positive integer.
        TooShortError
            If nothing lies before the first test span.
        """
        _check_count("n_splits", self.n_splits, 1)
        if getattr(X, "ndim", 2) == 3:
            raise ShapeError(
                "The rows of an array of shape (n_series, length, n_channels) are series, and are not "
                "split in time. Give a long frame, or use SeriesKFold."
            )
        panel = _rows_of(X, self.id_col, self.time_col, self.channel_col)
        cells = [~np.isnan(series.values) for series in panel.series]
        times = np.concatenate([np.repeat(s.times, own.sum(axis=1)) for s, own in zip(panel.series, cells)])
        rows = np.concatenate([s.values[own] for s, own in zip(panel.series, cells)]).astype(np.intp)
        first, end = times.min().item(), times.max().item()
        if self.test_size is None:
            step = reference_step(panel)
            size: Any = max((end - first) // ((self.n_splits + 1) * step), 1) * step
        else:
            size = _length(self.test_size, "test_size", panel)
        history = None if self.train_size is None else _length(self.train_size, "train_size", panel)
        for k in range(self.n_splits):
            cutoff = end - (self.n_splits - k) * size
            train = times <= cutoff
            if history is not None:
                train &= times > cutoff - history
            test = (times > cutoff) & (times <= cutoff + size)
            if not train.any() or not test.any():
                show = panel.layout.show_instant
                raise TooShortError(
                    f"Split {k} has no {'test' if train.any() else 'training'} rows: the data begins at "
                    f"{show(first)}, the test span after {show(cutoff)}. Ask for fewer or shorter spans."
                )
            yield np.sort(rows[train]), np.sort(rows[test])

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits; all parameters are ignored."""
        return self.n_splits


@dataclass(frozen=True)
class SeriesKFold:
    """Train on some series, test on others: how well a forecaster does on series that it has not seen.

    Parameters
    ----------
    n_splits : int, default=5
    shuffle : bool, default=False
        Deal the series out at random, not in their order.
    random_state : int, optional
        Seed of the shuffling.
    id_col, time_col, channel_col : str or int, optional
        As for the forecaster; a frame with ``unique_id`` and ``ds`` needs no names.
    """

    n_splits: int = 5
    _: KW_ONLY
    shuffle: bool = False
    random_state: int | None = None
    id_col: Hashable | None = None
    time_col: Hashable | None = None
    channel_col: Hashable | None = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Row numbers of the training and test series.

        Parameters
        ----------
        X : long frame, or array of shape (n_series, length, n_channels)
        y, groups : ignored

        Yields
        ------
        train, test : ndarray of int
            In the order of the rows.

        Raises
        ------
        ParameterError
            If `n_splits` is no integer above 1.
        TooShortError
            If there are fewer series than splits.
        """
        _check_count("n_splits", self.n_splits, 2)
        if getattr(X, "ndim", 2) == 3:
            members = [np.array([number]) for number in range(len(X))]
        else:
            panel = _rows_of(X, self.id_col, self.time_col, self.channel_col)
            members = [s.values[~np.isnan(s.values)].astype(np.intp) for s in panel.series]
        if len(members) < self.n_splits:
            raise TooShortError(
                f"{len(members)} series cannot be split {self.n_splits} times. Ask for fewer splits."
            )
        order = np.arange(len(members))
        if self.shuffle:
            np.random.default_rng(self.random_state).shuffle(order)
        for test in np.array_split(order, self.n_splits):
            held = set(test.tolist())
            parts = [[m for n, m in enumerate(members) if (n in held) == inside] for inside in (False, True)]
            yield np.sort(np.concatenate(parts[0])), np.sort(np.concatenate(parts[1]))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits; all parameters are ignored."""
        return self.n_splits


def _rows_of(
    X: Any, id_col: Hashable | None, time_col: Hashable | None, channel_col: Hashable | None
) -> Panel:
    """The numbers of the rows of X, as the values of its series; NaN where a channel has no row."""
    columns = getattr(X, "columns", None)
    if columns is None and not hasattr(X, "to_frame"):
        return read_panel(np.arange(len(X), dtype=np.float64))
    if id_col is None and time_col is None and columns is not None and {"unique_id", "ds"} <= set(columns):
        id_col, time_col = "unique_id", "ds"
    numbers = np.arange(len(X), dtype=np.float64)
    return read_row_values(X, numbers, id_col=id_col, time_col=time_col, channel_col=channel_col)


def _length(size: Any, name: str, panel: Panel) -> int | float:
    """A span in the unit of the clock, from a number of median intervals or a duration."""
    if is_integer(size):
        _check_count(name, size, 1)
        return int(size) * reference_step(panel)
    return parse_duration(size, panel.clock)


def _check_count(name: str, value: Any, least: int) -> None:
    if not is_integer(value) or value < least:
        raise ParameterError(name, value, f"an integer >= {least}")
