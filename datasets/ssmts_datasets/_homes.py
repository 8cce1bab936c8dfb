"""Search path of data files: ``data_home``, ``$SSMTS_DATA_HOME``, the user cache."""

import os
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

from .errors import DatasetNotFoundError

VARIABLE = "SSMTS_DATA_HOME"


def user_cache() -> Path:
    """Folder of downloads: the operating system's cache folder for ``ssmts``."""
    import pooch

    return Path(pooch.os_cache("ssmts"))


def homes(data_home: str | PathLike[str] | None) -> Iterator[Path]:
    """Yield the folders named by the user, the most explicit first.

    Raises
    ------
    DatasetNotFoundError
        If `data_home` is given and is no folder: a fallback would hide a typing error.
    """
    if data_home is not None:
        home = Path(data_home).expanduser()
        if not home.is_dir():
            raise DatasetNotFoundError(
                f"data_home={str(home)!r} is not a folder. Create it and put the data there, "
                f"or leave data_home out to use ${VARIABLE} or the user cache."
            )
        yield home
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE]).expanduser()


def first_existing(folders: Iterable[Path], candidates: tuple[str, ...]) -> Path | None:
    """First of `candidates` (relative paths) in the first folder that holds any, or None."""
    return next((folder / c for folder in folders for c in candidates if (folder / c).exists()), None)
