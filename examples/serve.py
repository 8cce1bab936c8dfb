"""Serve a forecaster over HTTP with ``mlflow models serve``; send good requests and a bad one.

python examples/serve.py
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from statsmodels.datasets import co2

from ssmts import LinearSSMForecaster
from ssmts.integrations.mlflow import save_model


def main() -> None:
    """Fit, save, serve, ask, stop."""
    data = co2.load_pandas().data.rename_axis("week")
    model = LinearSSMForecaster(horizon=52, context_length=260).fit(data)
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "model")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = ["mlflow", "models", "serve", "-m", f"{folder}/model", "--env-manager", "local"]
        print("$", *command[:-3], "...", flush=True)
        # MLflow looks for its web server on the PATH, where an environment that is not activated is not.
        scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with Path(folder, "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PATH": scripts},
            )
        try:
            wait(f"http://127.0.0.1:{port}/health", server)
            ask(f"http://127.0.0.1:{port}/invocations", data.tail(300).reset_index())
        finally:
            server.terminate()
            server.wait(30)


def ask(url: str, recent) -> None:
    """Post a history with parameters, then one that cannot be forecast."""
    body = json.loads(recent.to_json(orient="split", index=False, date_format="iso"))
    for params in ({"horizon": "4"}, {"step": "MS", "horizon": "90D"}, {"at": ["2002-02-14"]}):
        status, answer = post(url, {"dataframe_split": body, "params": params})
        print(f"\n{params} -> {status}")
        for row in answer["predictions"]:
            print(f"  {row['week'][:10]}  {row['co2']:.2f} ppm")
    status, answer = post(url, {"dataframe_split": body, "params": {"horizon": "10000D"}})
    print(f"\n{{'horizon': '10000D'}} -> {status}\n  {answer['message'].splitlines()[-1]}")


def post(url: str, payload: dict) -> tuple[int, dict]:
    """Status and JSON of an answer."""
    request = urllib.request.Request(
        url, data=json.dumps(payload).encode(), headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers."""
    for _ in range(1200):
        if server.poll() is not None:
            raise SystemExit("the server ended by itself")
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server does not answer")


if __name__ == "__main__":
    main()
