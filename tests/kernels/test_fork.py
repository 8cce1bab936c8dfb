"""A forked child of a process that has computed with several threads answers, instead of waiting for ever."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing as mp
import numpy as np, pandas as pd, torch
import ssmts
torch.set_num_threads(2)
frame = pd.DataFrame({"y": np.sin(np.arange(300) / 4)}, pd.date_range("2025", periods=300, freq="h"))
model = ssmts.S4Forecaster(horizon=6, context_length=48, max_epochs=1, random_state=0).fit(frame)
layer = ssmts.nn.SSMStack(64, 2, layer="s4d").eval()
x = torch.randn(64, 512, 64)
layer(x), torch.exp(torch.randn(10**7))  # starts the threads
def child(queue):
    with torch.no_grad():
        queue.put((model.predict().to_numpy(), layer(x).numpy(), torch.get_num_threads()))
context = mp.get_context("fork")
queue = context.Queue()
process = context.Process(target=child, args=(queue,), daemon=True)
process.start()
forecast, output, threads = queue.get(timeout=60)
assert threads == 1
np.testing.assert_allclose(forecast, model.predict().to_numpy(), rtol=1e-6)
with torch.no_grad():
    np.testing.assert_allclose(output, layer(x).numpy(), atol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_answers():
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
