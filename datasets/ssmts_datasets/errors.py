"""Errors of data files, one class a fault. Every message names the file and the remedy."""


class DatasetError(ValueError):
    """Base class of all errors of data files."""


class DatasetNotFoundError(DatasetError, FileNotFoundError):
    """A required folder or file is missing and cannot be downloaded."""


class DatasetOfflineError(DatasetError, OSError):
    """The file is missing on this machine and could not be downloaded."""


class DatasetTruncatedError(DatasetError):
    """The file starts correctly and ends too early."""


class DatasetEditedError(DatasetError):
    """The file is the right one, with changed rows, columns or values."""


class DatasetWrongFileError(DatasetError):
    """The file is another one under the right name."""
