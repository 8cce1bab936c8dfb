"""Trials on files by number: a saved model, stream or checkpoint with faults, loaded and asked."""

from __future__ import annotations

import functools
import os
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ssmts
from benchmarks.faults.mutations import mutated
from benchmarks.faults.trials import Trial
from benchmarks.faults.values import pick
from ssmts import ForecastStream
from ssmts.training import TrainingConfig, train
from ssmts.training.files import file_kind

__all__ = ["make_file_trial"]

_ROOT = Path(__file__).resolve().parents[2]
_GOLDEN = _ROOT / "tests" / "golden"
Generator = np.random.Generator


def make_file_trial(seed: int, number: int, folder: Path) -> Trial:
    """What is done to a file, in words, and the call that loads it and asks it for its answers.

    Parameters
    ----------
    seed, number : int
    folder : Path
        Where the file is written, under one name that the next trial replaces.
    """
    rng = np.random.default_rng([seed, number])
    name = str(pick(rng, tuple(_originals())))
    words, content = mutated(rng, _originals()[name])
    path = folder / "file.safetensors"
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    given: Any = path
    if rng.random() < 0.05:
        place, make = pick(rng, tuple(_PLACES.items()))
        given, words = make(folder, path), f"{words}, {place}"
    asked = _resume if name == "checkpoint" else _load
    return f"{name}: {words}", lambda: asked(given)


def _load(path: Any) -> Any:
    """Load a file, ask it, save it and load it again."""
    model = ForecastStream.load(path) if file_kind(path) == "stream" else ssmts.load(path)
    answer = _asked(model)
    if isinstance(path, Path):
        model.save(path.with_name("again.safetensors"))
    return answer


def _asked(model: Any) -> Any:
    golden = _golden()
    if hasattr(model, "n_readouts"):
        return model.predict(golden["cases"]()[:4])
    if getattr(model, "future_covariates", None):
        return model.predict(future=golden["ahead"]())
    if isinstance(model, ForecastStream):
        return model.predict()
    model.predict_interval()
    return model.predict()


def _resume(path: Any) -> Any:
    """Go on with a training from a checkpoint."""
    return _trained(resume_from=path)


def _trained(**given: Any) -> np.ndarray:
    torch.manual_seed(0)
    module = torch.nn.Linear(2, 1)
    config = TrainingConfig(
        max_epochs=2, batch_size=8, random_state=0, checkpoint_dir=given.pop("checkpoint_dir", None)
    )
    data = _Pairs()
    train(module, data, data, loss=_loss, config=config, **given)
    return np.asarray(module.weight.detach().numpy())


class _Pairs:
    """Sixteen examples of a line."""

    x = torch.linspace(-1, 1, 32).reshape(16, 2)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.x[indices], self.x[indices].sum(1, keepdim=True)


def _loss(module: torch.nn.Module, batch: Any) -> torch.Tensor:
    x, y = batch
    return torch.nn.functional.mse_loss(module(x), y)


@functools.cache
def _golden() -> dict[str, Any]:
    return runpy.run_path(str(_GOLDEN / "make.py"))


@functools.cache
def _originals() -> dict[str, bytes]:
    found = {path.stem: path.read_bytes() for path in sorted(_GOLDEN.glob("v1/*.safetensors"))}
    with tempfile.TemporaryDirectory() as folder:
        _trained(checkpoint_dir=folder)
        (path,) = Path(folder).rglob("*.safetensors")
        found["checkpoint"] = path.read_bytes()
    return found


def _linked(folder: Path, path: Path) -> Path:
    link = folder / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


def _looped(folder: Path, path: Path) -> Path:
    link = folder / "loop"
    link.unlink(missing_ok=True)
    link.symlink_to(link)
    return link


def _pipe(folder: Path, path: Path) -> Path:
    pipe = folder / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    return pipe


_PLACES: dict[str, Callable[[Path, Path], Any]] = {
    "by a link": _linked,
    "a link to itself": _looped,
    "a pipe": _pipe,
    "a device": lambda folder, path: Path("/dev/zero"),
    "a folder": lambda folder, path: folder,
    "behind ..": lambda folder, path: folder / ".." / folder.name / path.name,
    "a name with a zero byte": lambda folder, path: f"{path}\x00",
    "a name too long": lambda folder, path: folder / ("x" * 5000),
    "no name": lambda folder, path: "",
    "bytes": lambda folder, path: os.fsencode(path),
    "half a surrogate": lambda folder, path: f"{path}\ud800",
    "below a file": lambda folder, path: path / "model.safetensors",
}
