"""Files of every format version load for ever, say what they said, and run no code."""

import builtins
import json
import pickle
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

import ssmts
from ssmts import ForecastStream
from ssmts.training.files import FORMAT_VERSION, file_kind

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("v*/*.safetensors"))
MAKE = runpy.run_path(str(HERE / "make.py"))


def load(path):
    return ForecastStream.load(path) if file_kind(path) == "stream" else ssmts.load(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_loads_and_says_what_it_said(path):
    expected = json.loads((path.parent / "answers.json").read_text(encoding="utf-8"))[path.stem]
    model = load(path)
    assert type(model).__name__ == expected["class"]
    np.testing.assert_allclose(MAKE["answers"](model), expected["answers"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_loading_runs_no_code_of_the_file(path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a model file must not be unpickled or executed")

    load(path)  # what is imported on demand is imported now
    for owner, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(owner, name, refuse)
    for name in ("eval", "exec"):
        monkeypatch.setattr(builtins, name, refuse)
    load(path)


def test_every_version_has_its_files():
    for version in range(1, FORMAT_VERSION + 1):
        names = {path.stem for path in FILES if path.parent.name == f"v{version}"}
        described = json.loads((HERE / f"v{version}" / "answers.json").read_text(encoding="utf-8"))
        assert names == set(described)
        assert {"wide", "long", "deep", "classifier", "stream"} <= names
    assert all(path.stat().st_size < 64 * 1024 for path in FILES)


@pytest.mark.slow
def test_what_is_written_now_is_what_the_newest_version_holds(tmp_path):
    MAKE["make"](tmp_path)
    described = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    stored = json.loads((HERE / f"v{FORMAT_VERSION}" / "answers.json").read_text(encoding="utf-8"))
    assert {name: kind["class"] for name, kind in described.items()} == {
        name: kind["class"] for name, kind in stored.items()
    }
