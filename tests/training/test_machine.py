import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ssmts.errors import ParameterError
from ssmts.training import TrainingConfig, train
from ssmts.training.machine import resolve_device


def test_auto_is_cuda_then_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    assert resolve_device(torch.device("cpu", 0)) == torch.device("cpu")


@pytest.mark.parametrize("device", ["cuda:63", "mps:7"])
def test_a_missing_device_is_named(device):
    with pytest.raises(ParameterError, match=f"{device}.*which has cpu"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["gpu", "meta", 1.5, None])
def test_not_a_device(device):
    with pytest.raises(ParameterError, match="'auto', 'cpu', 'cuda'"):
        resolve_device(device)


def run(toy, module=None, loss=None, **settings):
    module = module or toy.module()
    config = TrainingConfig(max_epochs=2, random_state=0, device="cpu", **settings)
    train(module, toy.training, toy.validation, loss=loss or toy.loss, config=config)
    return module


def test_half_precision_needs_a_gpu(toy):
    with pytest.raises(ParameterError, match=r"precision.*bf16-mixed"):
        run(toy, precision="16-mixed")


@pytest.mark.parametrize("settings", [{"strategy": "telepathy"}, {"devices": 0}, {"devices": "many"}])
def test_settings_that_fabric_refuses(toy, settings):
    with pytest.raises(ParameterError, match="devices"):
        run(toy, **settings)


class Clock(nn.Module):
    """Keeps the dtype in which times reach it, and the one in which its product is computed."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 1)

    def forward(self, x, times):
        self.seen = times.dtype
        y = self.linear(x)
        self.computed = y.dtype
        return y


@pytest.mark.parametrize(
    ("precision", "computed", "kept"),
    [
        ("32-true", torch.float32, torch.float32),
        ("64-true", torch.float64, torch.float64),
        ("bf16-mixed", torch.bfloat16, torch.float32),
    ],
)
def test_times_stay_float64_in_every_precision(toy, precision, computed, kept):
    def loss(module, batch):
        times = torch.arange(len(batch["x"]), dtype=torch.float64)
        return (module(batch["x"], times) - batch["y"]).square().mean()

    module = run(toy, Clock(), loss, precision=precision)
    assert module.seen == torch.float64
    assert module.computed == computed
    assert module.linear.weight.dtype == kept


_TWO_PROCESSES = """
import os, sys
sys.path[:0] = {path!r} if len(sys.argv) > 2 else []
import torch
from torch import nn
from ssmts.training import TrainingConfig, train

class Data:
    def __init__(self, n, seed):
        self.x = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    def __len__(self):
        return len(self.x)
    def batch(self, indices):
        return (self.x[indices], self.x[indices].sum(1, keepdim=True))

torch.manual_seed(0)
module = nn.Linear(4, 1)
several = len(sys.argv) > 2
result = train(
    module, Data(130, 0), Data(20, 1),
    loss=lambda module, batch: nn.functional.mse_loss(module(batch[0]), batch[1]),
    config=TrainingConfig(max_epochs=3, batch_size=32, random_state=0, device="cpu",
                          devices=2 if several else 1, strategy="ddp" if several else "auto"),
)
rank = int(os.environ.get("RANK", 0))
found = [p.detach() for p in module.parameters()] + [torch.tensor(result.best_validation)]
torch.save(found, f"{{sys.argv[1]}}.{{rank}}")
if several:
    torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path, monkeypatch):
    root = Path(__file__).parents[2]
    script = tmp_path / "fit.py"
    script.write_text(_TWO_PROCESSES.format(path=[str(root), str(root / "kernels"), str(root / "datasets")]))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*launcher, script, tmp_path / "two", "several"], check=True, env=environment, timeout=300)
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "one")])
    with torch.random.fork_rng():
        runpy.run_path(str(script))
    first, second, alone = (torch.load(tmp_path / name) for name in ("two.0", "two.1", "one.0"))
    for a, b, c in zip(first, second, alone, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, c, rtol=1e-4, atol=1e-6)
