"""What can be wrong with a data set, one class a case. Every message names the file and the remedy."""


class DatasetError(ValueError):
    """Base of all errors about data files."""


class DatasetNotFoundError(DatasetError, FileNotFoundError):
    """A folder or file that must be there is not, and it is not one that can be downloaded."""


class DatasetOfflineError(DatasetError, OSError):
    """The file is nowhere on this machine and could not be downloaded."""


class DatasetTruncatedError(DatasetError):
    """The file begins as it should and ends too early."""


class DatasetEditedError(DatasetError):
    """The file is recognisably the right one, but rows, columns or values were changed."""


class DatasetWrongFileError(DatasetError):
    """The file is something else under the right name."""
