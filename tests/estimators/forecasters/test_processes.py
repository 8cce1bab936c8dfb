"""A whole fit in processes that torchrun starts: the gradients, losses and forecasts of one process."""

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

_FIT = """
import os, sys
import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from ssmts import S4Forecaster

values = [0.4]
for _ in range(599):
    values.append(3.9 * values[-1] * (1.0 - values[-1]))
gradients = []

def keep(optimizer, *_):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    found = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    gradients.append(torch.cat([gradient.flatten() for gradient in found]))

hook = register_optimizer_step_pre_hook(keep)
several = int(os.environ.get("WORLD_SIZE", 1)) > 1
model = S4Forecaster(
    horizon=2, context_length=8, n_modes=8, d_model=16, d_state=4, n_layers=1, dropout=0.0, max_epochs=5,
    batch_size=64, learning_rate=1e-2, random_state=0, device="cpu",
    devices=int(os.environ.get("LOCAL_WORLD_SIZE", 1)), strategy="ddp" if several else "auto",
).fit(np.array(values))
hook.remove()
found = {
    "gradients": torch.stack(gradients),
    "losses": torch.tensor([epoch["validation_loss"] for epoch in model.history_["deep"]["epochs"]]),
    "forecast": torch.tensor(model.predict()),
    "accepted": torch.tensor(model.module_ is not None),
    "world": torch.tensor(int(os.environ.get("WORLD_SIZE", 1))),
}
torch.save(found, f"{sys.argv[1]}.{os.environ.get('RANK', 0)}")
if several:
    torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    script = tmp_path_factory.mktemp("fit") / "fit.py"
    script.write_text(_FIT)
    return script


@pytest.fixture(scope="module")
def alone(script):
    target = script.with_name("one")
    argv, sys.argv = sys.argv, [str(script), str(target)]
    try:
        runpy.run_path(str(script))
    finally:
        sys.argv = argv
    return torch.load(f"{target}.0")


def torchrun(*arguments):
    search = os.pathsep.join(str(ROOT / part) for part in (".", "kernels", "datasets"))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": search}
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *map(str, arguments)], env=environment
    )


def finished(*launched):
    try:
        for process in launched:
            assert process.wait(timeout=240) == 0
    finally:
        for process in launched:
            process.kill()


def assert_same(target, alone):
    first, second = (torch.load(f"{target}.{rank}") for rank in range(2))
    assert first["world"] == second["world"] == 2
    for name in ("gradients", "losses", "forecast", "accepted"):
        assert torch.equal(first[name], second[name]), name
    assert alone["accepted"]
    assert first["gradients"].shape == alone["gradients"].shape
    # The first step of all: the same weights, the same global batch.
    torch.testing.assert_close(first["gradients"][0], alone["gradients"][0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(first["losses"], alone["losses"], rtol=1e-2, atol=1e-5)
    torch.testing.assert_close(first["forecast"], alone["forecast"], rtol=1e-2, atol=1e-2)


def test_two_processes_fit_as_one(script, alone):
    target = script.with_name("two")
    finished(torchrun("--standalone", "--nproc-per-node=2", script, target))
    assert_same(target, alone)


def test_two_machines_fit_as_one(script, alone):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    target = script.with_name("machines")
    common = ["--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{port}"]
    finished(*(torchrun(*common, "--rdzv-id=fit", script, target) for _ in range(2)))
    assert_same(target, alone)
