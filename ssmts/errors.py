"""Errors of the library: each names what is wrong, where, and what to do about it.

Every class derives from :class:`SSMTSError` and from the builtin (``ValueError`` or ``TypeError``) that
scikit-learn and pandas users would catch. All of them survive pickling, so that they cross process
boundaries intact.
"""

from __future__ import annotations

import os

from ssmts.wording import Described, shown

__all__ = [
    "AllMissingError",
    "ClockMismatchError",
    "ColumnError",
    "ComplexDataError",
    "CovariateError",
    "DuplicateColumnError",
    "DuplicateTimeError",
    "DurationError",
    "EmptyDataError",
    "FileWriteError",
    "HorizonError",
    "InfiniteValueError",
    "InputTypeError",
    "InstantError",
    "MissingColumnError",
    "MissingIdError",
    "MixedTimeZoneError",
    "ModelFileError",
    "NonFiniteForecastError",
    "NonFiniteTimeError",
    "NotNumericError",
    "NotTrainedError",
    "OutlierWarning",
    "ColumnRenamedWarning",
    "DeadChannelWarning",
    "ParameterError",
    "SSMTSError",
    "ShapeError",
    "TargetError",
    "TargetGivenError",
    "TimeColumnError",
    "TimeRangeError",
    "TooShortError",
    "TooShortWarning",
    "TuningError",
    "UnknownColumnError",
]


class SSMTSError(Exception):
    """Base of every error that the library raises on purpose."""


class InputTypeError(SSMTSError, TypeError):
    """X is no pandas or polars frame and no array."""


class ShapeError(SSMTSError, ValueError):
    """An array has the wrong number of dimensions or channels."""


class EmptyDataError(SSMTSError, ValueError):
    """X has no rows or no channels."""


class ColumnError(SSMTSError, ValueError):
    """A column cannot play the part it was given."""


class UnknownColumnError(ColumnError):
    """X has a column that was not there at fit."""


class MissingColumnError(ColumnError):
    """X lacks a column that was named, or that was there at fit."""


class DuplicateColumnError(ColumnError):
    """Two columns share a name."""


class TimeColumnError(ColumnError):
    """The time axis is not named, is ambiguous, or holds no times."""


class NotNumericError(SSMTSError, TypeError):
    """A channel holds something other than real numbers."""


class ComplexDataError(SSMTSError, ValueError):
    """A channel holds complex numbers."""


class InfiniteValueError(SSMTSError, ValueError):
    """A channel holds an infinite value, or one too large to be squared."""


class AllMissingError(SSMTSError, ValueError):
    """A channel or a series holds no observation at all."""


class MissingIdError(SSMTSError, ValueError):
    """A row of a long frame has no id."""


class NonFiniteTimeError(SSMTSError, ValueError):
    """A time is missing (NaT, null, NaN) or infinite."""


class DuplicateTimeError(SSMTSError, ValueError):
    """Two rows of one series have the same time."""


class MixedTimeZoneError(SSMTSError, ValueError):
    """The times of one frame are in several time zones."""


class TimeRangeError(SSMTSError, ValueError):
    """A time cannot be counted exactly (outside 1677 to 2262, or an integer beyond 2**53)."""


class TooShortError(SSMTSError, ValueError):
    """Too few observations for what was asked."""


class ClockMismatchError(SSMTSError, ValueError):
    """Times are counted otherwise than at fit (dates against numbers, with against without a time zone)."""


class DurationError(SSMTSError, ValueError):
    """A duration cannot be read, is not positive, or does not suit the times of X."""


class CovariateError(SSMTSError, ValueError):
    """A covariate is not known where a forecast needs it, or holds something that fit did not see."""


class HorizonError(SSMTSError, ValueError):
    """A horizon is not positive, too short for one step, or beyond what was trained."""


class InstantError(SSMTSError, ValueError):
    """An instant to be forecast cannot be read or does not lie after the origin."""


class ModelFileError(SSMTSError, ValueError):
    """A file is not a saved model, is damaged, or was written by a newer version."""


class FileWriteError(SSMTSError, OSError):
    """A file cannot be written: the disk is full, the folder is gone or may not be written to.

    What was there before is as it was.
    """

    def __init__(self, path: str | os.PathLike[str], cause: OSError) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause
        self.errno, self.filename = cause.errno, str(path)
        self._cause = str(cause.strerror or cause)

    def __reduce__(self) -> tuple[type[FileWriteError], tuple[object, ...]]:
        return type(self), (self.path, self.cause)

    def __str__(self) -> str:
        return (
            f"{os.fspath(self.path)} cannot be written ({self._cause}); a file of that name is as it was. "
            "Make room, or give a path in a folder that exists and may be written to."
        )


class TargetGivenError(SSMTSError, ValueError):
    """A forecaster was given ``y``: its targets are columns of X."""


class TargetError(SSMTSError, ValueError):
    """Labels or numbers of cases are missing, of no use to the estimator, or not one for each case."""


class ParameterError(SSMTSError, ValueError):
    """An estimator parameter has a value that is not allowed.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What it was set to; a :class:`~ssmts.wording.Described` says it in words.
    allowed : str
        What it may be, in words, as it should read after "must be".
    """

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(name, value, allowed)
        self.name, self.value, self.allowed = name, value, allowed

    def __str__(self) -> str:
        given = f" ({self.value})" if isinstance(self.value, Described) else f"={shown(self.value)}"
        return f"{self.name}{given} is not allowed: {self.name} must be {self.allowed}."


class NonFiniteForecastError(SSMTSError, ValueError):
    """A forecast came out as NaN or infinity: an error, never a silent result."""


class NotTrainedError(SSMTSError, ValueError):
    """The losses of a training are asked for where nothing was trained by gradient."""


class TuningError(SSMTSError, ValueError):
    """A search over parameters has no result: no trial succeeded, or too few to compare."""


class TooShortWarning(UserWarning):
    """Series too short for a training window were left out of fit; they can still be forecast."""


class OutlierWarning(UserWarning):
    """Training cases hold values far beyond those of all others; scales are taken from the others."""


class ColumnRenamedWarning(UserWarning):
    """A column of a table of results has another name, because the input has a column of its usual one."""


class DeadChannelWarning(UserWarning):
    """Channels were not observed in the context: mean and deviation of training stand for them."""
