"""A case whose observations come one at a time, judged at any moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmts.data import Series, parse_instant
from ssmts.data.arrays import Float
from ssmts.errors import (
    DuplicateTimeError,
    InfiniteValueError,
    NotNumericError,
    ShapeError,
    TooShortError,
    UnknownColumnError,
)
from ssmts.models.whole_series.calibration import softmax
from ssmts.models.whole_series.fitted import FittedCases
from ssmts.wording import listed, shown

__all__ = ["CaseStream"]


class CaseStream:
    """One case of a classifier or regressor as it grows; their method ``stream`` makes it.

    Its answer is that of the estimator's ``predict`` on the observations so far, to the last digit. An
    observation is only kept, an answer reads the case: what a classifier looks at, quantiles over the whole
    case among it, is no sum that could be carried on.

    Parameters
    ----------
    fitted : FittedCases
        The model.
    interval : int or float
        Between observations without a time, in units of the clock.
    """

    def __init__(self, fitted: FittedCases, interval: int | float) -> None:
        self._fitted, self._interval = fitted, interval
        self._times: list[int | float] = []
        self._latest: int | float | None = None
        self._values: list[Float] = []

    def __len__(self) -> int:
        """Return the number of observations so far."""
        return len(self._times)

    def update(self, time: Any, values: Any = None) -> None:
        """Take in one observation; one that raises has changed nothing.

        Parameters
        ----------
        time : instant
            Of the observation, as fit's times were counted; late ones are put in their place. Without
            `values` these are the values, and the observation follows the latest one by the interval of the
            training data times the stream's rate.
        values : number, sequence of n_channels, or mapping
            NaN where a channel was not observed; an observation of NaN alone is left out. A mapping holds the
            observed channels by name. Channels that come later for a known instant are added to it.

        Raises
        ------
        DuplicateTimeError
            If the instant is known with a channel of these.
        InstantError
            If the time is none.
        ShapeError, NotNumericError, InfiniteValueError
            If there is not one number for each channel.
        UnknownColumnError
            If a mapping names a channel that fit did not see.
        """
        layout = self._fitted.layout
        if values is None:
            values = time
            instant = 0 if self._latest is None else self._latest + self._interval
        else:
            instant = parse_instant(time, layout)
        row = self._row(values)
        if not np.isnan(row).all():
            place = bisect_left(self._times, instant)
            if place < len(self._times) and self._times[place] == instant:
                known = self._values[place]
                if not (np.isnan(known) | np.isnan(row)).all():
                    raise DuplicateTimeError(
                        f"An observation at {shown(time)} is known. Leave the second one out."
                    )
                self._values[place] = np.where(np.isnan(row), known, row)
            else:
                self._times.insert(place, instant)
                self._values.insert(place, row)
        self._latest = instant if self._latest is None else max(self._latest, instant)

    def predict(self) -> Any:
        """Label or number of the case so far.

        Raises
        ------
        TooShortError
            Before the first observation.
        """
        return self._fitted.decide(self._answer())[0]

    def predict_proba(self) -> Float:
        """Probability of every class of the estimator's ``classes_``, (n_classes,).

        Raises
        ------
        TooShortError
            Before the first observation.
        AttributeError
            If the estimator is a regressor.
        """
        if self._fitted.classes is None:
            raise AttributeError("a regressor's stream has no predict_proba; call predict")
        probabilities: Float = softmax(self._answer())[0]
        return probabilities

    def _answer(self) -> Float:
        if not self._times:
            raise TooShortError("The stream holds no observation yet. Call update first.")
        datetimes = self._fitted.layout.clock.kind == "datetime"
        times = np.array(self._times, np.int64) if datetimes else np.array(self._times, np.float64)
        series = Series(0, times, np.stack(self._values))
        return self._fitted(self._fitted.model.input([series], 1.0))

    def _row(self, values: Any) -> Float:
        channels = self._fitted.layout.channels
        if isinstance(values, Mapping):
            unknown = [name for name in values if name not in channels]
            if unknown:
                raise UnknownColumnError(
                    f"values names the channel {shown(unknown[0])}, which fit did not see "
                    f"({listed(channels)}). Leave it out."
                )
            values = [values.get(name, np.nan) for name in channels]
        n_channels = len(channels)
        try:
            row = np.atleast_1d(np.asarray(values, dtype=np.float64))
        except (TypeError, ValueError, OverflowError) as error:
            raise NotNumericError(
                f"values holds something that is no number ({error}). NaN is a missing one."
            ) from error
        if row.shape != (n_channels,):
            raise ShapeError(
                f"values has shape {row.shape}, but the model has {n_channels} channels. "
                "Give one number a channel, NaN where it was not observed."
            )
        if np.isinf(row).any():
            raise InfiniteValueError(
                f"values is infinite in channel {shown(channels[int(np.isinf(row).argmax())])}. Correct "
                "it, or give NaN."
            )
        return row
