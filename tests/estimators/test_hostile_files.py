"""What ``python -m benchmarks.faults --files`` found: files with a right digest and parts that do not fit."""

import os
from pathlib import Path

import pytest
import torch

import ssmts
from ssmts import ForecastStream
from ssmts.errors import ModelFileError, NonFiniteForecastError
from ssmts.training.files import file_kind, read_safetensors, write_safetensors_atomic

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


def load(path):
    return ForecastStream.load(path) if file_kind(path) == "stream" else ssmts.load(path)


def _set(state, keys, value):
    *above, last = keys.split("/")
    for key in above:
        state = state[key]
    state[int(last) if isinstance(state, list) else last] = value


METADATA = [
    ("wide", "layout/channels", "nan"),  # more channels than scales
    ("wide", "layout/tz", "os.system"),
    ("wide", "layout/ndim", [None]),
    ("wide", "ids", [[[]]]),
    ("wide", "ids", [None, [None, None]]),
    ("wide", "config/linear/period", -1),
    ("wide", "config/linear/context", 1e308),
    ("wide", "config/linear/horizon", 2**40),
    ("wide", "step", 0),
    ("wide", "history", []),
    ("long", "step", "nan"),
    ("long", "config/linear/context", -7.0),
    ("long", "params/channel_mixing_", False),
    ("deep", "config/deep/d_model", 10**30),
    ("deep", "config/deep/n_tokens", 0),
    ("deep", "config/deep/layer", "__class__"),
    ("stream", "layout/ndim", [None]),
    ("stream", "params/stream.max_jump", -1.0),
    ("classifier", "class", [None]),
    ("classifier", "params/time_col_", None),
    ("classifier", "layout/channels", None),
    ("classifier", "classes/values", ["slow", "slow"]),
    ("regressor", "step", "\x00"),
    ("regressor", "shares/0", None),
    ("deep-classifier", "shares", "../../etc/passwd"),
    ("deep-classifier", "seen/feature_names_in", {"nanoseconds": "x"}),
]


@pytest.mark.parametrize(("name", "keys", "value"), METADATA)
def test_metadata_that_describe_no_model(tmp_path, name, keys, value):
    tensors, state = read_safetensors(GOLDEN / f"{name}.safetensors", kind=kind_of(name))
    _set(state, keys, value)
    refused(tmp_path, name, tensors, state)


TENSORS = [
    ("wide", "scaling.scale", torch.zeros_like),
    ("wide", "scaling.level", lambda t: t.reshape(-1)[0]),
    ("wide", "spread.knots", lambda t: t[:-1]),
    ("wide", "tail.times", lambda t: torch.full_like(t, 7)),
    ("wide", "tail.times", lambda t: t.to(torch.float32)),
    ("deep", "spread.knots", lambda t: torch.full_like(t, 1e30)),
    ("long", "linear.by_group", lambda t: t.reshape(-1)[0]),
    ("long", "tail.covariates.static", lambda t: torch.full_like(t, torch.inf)),
    ("long", "tail.covariates.times", lambda t: t[None]),
    ("long", "effect.by_group", lambda t: t[:1]),
    ("long", "effect.spread", torch.zeros_like),
    ("classifier", "linear.scale", torch.zeros_like),
    ("classifier", "linear.weights.readouts", lambda t: t.reshape(-1)[0]),
    ("classifier", "linear.thresholds", lambda t: t[0]),
    ("regressor", "linear.weights.duration", lambda t: torch.full_like(t, -torch.inf)),
    ("regressor", "linear.knots", lambda t: t[:0]),
]


@pytest.mark.parametrize(("name", "tensor", "change"), TENSORS)
def test_tensors_that_make_no_model(tmp_path, name, tensor, change):
    tensors, state = read_safetensors(GOLDEN / f"{name}.safetensors", kind=kind_of(name))
    tensors[tensor] = change(tensors[tensor]).clone()
    refused(tmp_path, name, tensors, state)


def kind_of(name):
    return {"stream": "stream", "wide": "model", "long": "model", "deep": "model"}.get(name, "cases")


def refused(folder, name, tensors, state):
    path = folder / "file.safetensors"
    write_safetensors_atomic(path, tensors, state, kind=kind_of(name))
    with pytest.raises(ModelFileError, match=r"file\.safetensors (is an ssmts file, but|cannot|holds a)"):
        load(path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_make_no_forecast(tmp_path, value):
    tensors, state = read_safetensors(GOLDEN / "wide.safetensors")
    tensors["linear.by_group"] = torch.full_like(tensors["linear.by_group"], value)
    write_safetensors_atomic(tmp_path / "file", tensors, state)
    with pytest.raises(NonFiniteForecastError, match="is not finite"):
        ssmts.load(tmp_path / "file").predict()


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("*.safetensors"))])
def test_unchanged_files_are_loaded(tmp_path, name):
    tensors, state = read_safetensors(GOLDEN / f"{name}.safetensors", kind=kind_of(name))
    write_safetensors_atomic(tmp_path / "file", tensors, state, kind=kind_of(name))
    load(tmp_path / "file")


def test_places_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # a reader of it would wait for ever
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place, problem in [
        (tmp_path / "pipe", "is no regular file"),
        (Path("/dev/zero"), "is no regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / "loop", "cannot be opened"),
        (tmp_path / ("x" * 5000), "cannot be opened"),
        (f"{tmp_path}\x00", "is no path"),
        (os.fsencode(tmp_path), "is no path"),
        (f"{tmp_path}\ud800", "is no path|does not exist"),
    ]:
        with pytest.raises(ModelFileError, match=problem):
            ssmts.load(place)


def test_a_link_to_a_model_is_read(tmp_path):
    (tmp_path / "link").symlink_to(GOLDEN / "wide.safetensors")
    assert len(ssmts.load(tmp_path / "link").predict()) > 0
