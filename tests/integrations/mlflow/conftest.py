"""Real servers on loopback, one of each a session, that end with it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("mlflow", minversion="3.5", reason="needs mlflow >= 3.5", exc_type=ImportError)

from ssmts import LinearSSMForecaster

os.environ |= {
    # MLflow looks for its web server on the PATH, where an environment that is not activated is not.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that no test needs
}
_SECONDS = 240  # on a machine that is busy with other things


def pytest_collection_modifyitems(items):
    for item in items:
        if "integrations/mlflow" in item.path.as_posix():
            for warning in (
                "ignore:.*:UserWarning",
                "ignore:.*:DeprecationWarning",
                "ignore:.*:FutureWarning",
            ):
                item.add_marker(pytest.mark.filterwarnings(warning))


def answer(url, payload=None, content_type="application/json"):
    """Status and body of a request; of a POST, if there is a payload."""
    data = payload if payload is None or isinstance(payload, bytes) else json.dumps(payload).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def running(folder, *arguments):
    """A server of MLflow's command line on a free port, from when it answers until the end of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _SECONDS
        while True:
            assert server.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, f"no answer in {_SECONDS} s: {log.read_text()[-3000:]}"
            try:
                if answer(f"{url}/health")[0] == 200:
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


@pytest.fixture(scope="session")
def tracking(tmp_path_factory):
    """A tracking server with SQLite and a local folder for artifacts; everything goes to it."""
    import mlflow

    folder = tmp_path_factory.mktemp("tracking")
    stores = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/files",
    ]
    with running(folder, "server", *stores, "--workers", "1") as url:
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(url)
        yield url
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def model(frame):
    return LinearSSMForecaster(12, 48, n_modes=24).fit(frame)


@pytest.fixture(scope="session")
def served(model, tmp_path_factory):
    """A model behind ``mlflow models serve``, from a folder."""
    from ssmts.integrations.mlflow import save_model

    folder = tmp_path_factory.mktemp("served")
    save_model(model, folder / "model")
    with running(folder, "models", "serve", "-m", str(folder / "model"), "--env-manager", "local") as url:
        yield f"{url}/invocations"


@pytest.fixture(scope="session")
def ask(served):
    """Post to the served model: status and body."""
    return lambda payload, **options: answer(served, payload, **options)


@pytest.fixture
def serve(tmp_path):
    """Serve the model of a folder until the end of a test: a function that posts to it."""
    with ExitStack() as stack:

        def start(path):
            served = ["models", "serve", "-m", str(path), "--env-manager", "local"]
            url = stack.enter_context(running(tmp_path, *served))
            return lambda payload: answer(f"{url}/invocations", payload)

        yield start
