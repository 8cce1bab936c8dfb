import errno
import pickle
import resource
from pathlib import Path

import pytest

from ssmts.errors import FileWriteError, SSMTSError
from ssmts.training.atomic import replacing, write_atomic


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def unharmed(path):
    return path.read_bytes() == b"old" and [one.name for one in path.parent.iterdir()] == ["file"]


def test_a_disk_that_is_full(old):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # a file may not become longer
    try:
        with pytest.raises(FileWriteError, match=r"file cannot be written .* is as it was") as caught:
            write_atomic(old, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert unharmed(old)


def test_a_folder_that_may_not_be_written_to(old, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FileWriteError, match="Read-only file system"):
        write_atomic(old, b"new")
    assert unharmed(old)


@pytest.mark.parametrize("place", ["gone/file", "file/below", "x" * 300])
def test_places_without_a_folder(old, place):
    with pytest.raises(FileWriteError, match="cannot be written"):
        write_atomic(old.parent / place, b"new")
    assert unharmed(old)


def test_a_folder_that_vanishes_meanwhile(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def write():
        with replacing(folder / "file") as beside:
            beside.write_bytes(b"new")
            beside.unlink()
            folder.rmdir()

    with pytest.raises(FileWriteError, match="No such file"):
        write()


def test_errors_of_other_files_are_theirs(old):
    with pytest.raises(FileNotFoundError) as caught, replacing(old):
        (old.parent / "source").read_bytes()
    assert not isinstance(caught.value, SSMTSError)
    assert unharmed(old)


def test_it_is_an_os_error_that_crosses_processes(tmp_path):
    with pytest.raises(OSError, match="cannot be written") as caught:
        write_atomic(tmp_path / "gone" / "file", b"")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.errno) == (str(caught.value), errno.ENOENT)
