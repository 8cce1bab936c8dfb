"""Files that are written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssmts.errors import FileWriteError


def write_atomic(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that is either complete or absent; see `write_safetensors_atomic`.

    Parameters
    ----------
    path : path-like
    content : bytes

    Raises
    ------
    FileWriteError
        If the file cannot be written; one of that name is as it was.
    """
    with replacing(path) as beside, beside.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside `path`, to be written: renamed over it when the block ends well, removed when not.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    Path

    Raises
    ------
    FileWriteError
        If the file cannot be written; one of that name is as it was.
    """
    path = Path(path)
    # Not tempfile: its files are readable by their owner only, whatever the umask.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        if isinstance(error, FileWriteError) or error.filename not in (None, str(beside)):
            raise  # of another file, which the block reads
        raise FileWriteError(path, error) from error
    finally:
        with suppress(OSError):  # the folder is gone, or never was one
            beside.unlink(missing_ok=True)
