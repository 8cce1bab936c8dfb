import hashlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest

from ssmts_datasets import _ett_files, ett


def _real(relative):
    home = os.environ.get("SSMTS_DATA_HOME")
    if not home or not (Path(home) / relative).exists():
        pytest.skip(f"set SSMTS_DATA_HOME to a folder that holds {relative} to run this test")
    return Path(home) / relative


@pytest.fixture
def real_ett():
    """Folder of the real ETT files; skips where they are absent."""
    return _real("ETT-small")


@pytest.fixture
def real_digits():
    """Folder that holds the real fsdd/; skips where it is absent."""
    return _real("fsdd/recordings").parent.parent


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty user cache and no $SSMTS_DATA_HOME."""
    monkeypatch.delenv("SSMTS_DATA_HOME", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "cache" / "ssmts"


@pytest.fixture
def small_etth1(cache, monkeypatch):
    """Text of a made-up ETTh1 of 200 rows, which the loader takes for the original."""
    rng = np.random.default_rng(0)
    values = rng.normal(20, 5, (200, 7)).round(4).astype(np.float32).astype(np.float64)
    file = _ett_files.ETTFile(200, 60, "", _ett_files.value_checksums(values))
    lines = [
        ",".join([str(stamp).replace("T", " "), *map(str, row)])
        for stamp, row in zip(file.stamps, values.tolist(), strict=True)
    ]
    text = "\n".join([",".join(_ett_files.HEADER), *lines, ""])
    checksum = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    monkeypatch.setitem(_ett_files.FILES, "ETTh1", _ett_files.ETTFile(200, 60, checksum, file.values))
    return text


@pytest.fixture(params=["made-up", "real"])
def etth1(request):
    """Text that is right for ETTh1, once without and once with the real file."""
    if request.param == "made-up":
        return request.getfixturevalue("small_etth1")
    return (request.getfixturevalue("real_ett") / "ETTh1.csv").read_text()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on this machine in the place of GitHub; yields the folder that it serves and itself."""
    root = tmp_path / "served"
    root.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root)) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(ett, "URL", f"http://127.0.0.1:{http.server_port}/")
        yield root
        http.shutdown()
        thread.join()
