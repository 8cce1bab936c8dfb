"""Saved models: the same forecasts in a new process, and every way in which a file can be wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.base import clone

import ssmts
from ssmts import LinearSSMForecaster, S4DForecaster, S4Forecaster
from ssmts.errors import ModelFileError, ParameterError
from ssmts.training import read_safetensors, write_safetensors_atomic

ROOT = Path(__file__).parents[3]
ELSEWHERE = """
import json, sys
import numpy as np, pandas as pd
import ssmts

folder = sys.argv[1]
frame = pd.read_parquet(f"{folder}/X.parquet")
linear, deep = ssmts.load(f"{folder}/linear"), ssmts.S4Forecaster.load(f"{folder}/deep")
found = [
    linear.predict(frame), linear.predict(frame.iloc[::2], step="20min"), linear.predict(),
    deep.predict(frame["y0"].to_numpy()), deep.predict(),
]
np.savez(f"{folder}/found.npz", *map(np.asarray, found))
print(json.dumps([m for m in ("matplotlib", "polars", "pooch") if m in sys.modules]))
"""


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


@pytest.mark.slow
def test_the_same_forecasts_bit_for_bit_in_a_new_process(model, deep, frame, tmp_path):
    model.save(tmp_path / "linear")
    deep.save(tmp_path / "deep")
    frame.to_parquet(tmp_path / "X.parquet")
    # A BLAS that was told which kernels to use must be told so there, or its last bits differ.
    blas = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path)],
        env=blas | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}", "OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == []
    expected = [
        model.predict(frame),
        model.predict(frame.iloc[::2], step="20min"),
        model.predict(),
        deep.predict(frame["y0"].to_numpy()),
        deep.predict(),
    ]
    with np.load(tmp_path / "found.npz") as found:
        for part, values in zip(found.values(), expected, strict=True):
            np.testing.assert_array_equal(part, np.asarray(values))


def test_everything_fitted_comes_back(model, file):
    copy = ssmts.load(file)
    assert type(copy) is LinearSSMForecaster
    assert copy.get_params() == model.get_params()
    assert copy.history_ == model.history_
    for name in ("reference_step_", "horizon_", "context_length_", "n_features_in_"):
        assert getattr(copy, name) == getattr(model, name)
    assert copy.feature_names_in_.tolist() == model.feature_names_in_.tolist()
    pd.testing.assert_frame_equal(copy.predict(), model.predict(), check_exact=True)


def test_a_loaded_model_is_a_model(file, frame, model, tmp_path):
    copy = LinearSSMForecaster.load(str(file))
    copy.save(tmp_path / "again")
    pd.testing.assert_frame_equal(ssmts.load(tmp_path / "again").predict(), model.predict(), check_exact=True)
    assert copy.score(frame) == model.score(frame)
    pd.testing.assert_frame_equal(clone(copy).fit(frame).predict(), model.predict(), check_exact=True)


@pytest.mark.parametrize(
    "parameters",
    [
        {"horizon": "12h", "context_length": pd.Timedelta("2D")},
        {"horizon": np.int64(12), "context_length": np.timedelta64(48, "h")},
        {"time_col": "ds", "target_cols": ["y1"]},
    ],
)
def test_parameters_of_every_kind_come_back(new_model, frame, tmp_path, parameters):
    model = new_model(**parameters).fit(frame.reset_index() if "time_col" in parameters else frame)
    model.save(tmp_path / "model")
    copy = ssmts.load(tmp_path / "model")
    assert copy.get_params() == model.get_params()
    pd.testing.assert_frame_equal(copy.predict(), model.predict(), check_exact=True)


@pytest.mark.parametrize("ids", [["a", "b", "ü"], [7, 8, 9], [1.5, 2.5, 3.5]])
def test_panels_of_any_ids(new_model, panel, tmp_path, ids):
    X = panel.assign(
        unique_id=panel["unique_id"].map(dict(zip(panel["unique_id"].unique(), ids, strict=True)))
    )
    model = new_model().fit(X)
    model.save(tmp_path / "model")
    copy = ssmts.load(tmp_path / "model")
    pd.testing.assert_frame_equal(copy.predict(), model.predict(), check_exact=True)
    one = X[X["unique_id"] == ids[1]]
    pd.testing.assert_frame_equal(copy.predict(one), model.predict(one), check_exact=True)


def test_zones_and_frequencies_come_back(new_model, frame, tmp_path):
    X = frame.set_axis(pd.date_range("2024-03-01", periods=400, freq="h", tz="Europe/Berlin", name="t"))
    model = new_model().fit(X)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(ssmts.load(tmp_path / "model").predict(), model.predict(), check_exact=True)


def test_without_its_tail_a_file_holds_no_data(new_model, frame, tmp_path):
    model = new_model(store_tail=False).fit(frame)
    assert model.predict().shape == (12, 2)  # in memory it is there
    model.save(tmp_path / "model")
    copy = ssmts.load(tmp_path / "model")
    with pytest.raises(ParameterError, match=r"X=None.*store_tail=False"):
        copy.predict()
    pd.testing.assert_frame_equal(copy.predict(frame), model.predict(frame), check_exact=True)
    assert copy.score(frame) == model.score(frame)
    assert frame["y0"].iloc[-1].tobytes() not in (tmp_path / "model").read_bytes()


def test_a_text_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("a model, surely")
    with pytest.raises(ModelFileError, match=r"notes.txt is not a model file"):
        ssmts.load(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_file_cut_short(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        ssmts.load(file)


@pytest.mark.parametrize("place", [0.05, 0.5, 0.75, 0.999])
def test_an_edited_byte(file, place):
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.safetensors"):
        ssmts.load(file)


def test_edited_metadata(file):
    content = file.read_bytes()
    edited = content.replace(b'n_modes\\": 24', b'n_modes\\": 25')
    assert edited != content
    file.write_bytes(edited)
    with pytest.raises(ModelFileError, match=r"changed after it was written.*SHA-256"):
        ssmts.load(file)


def test_tensors_from_elsewhere(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "bert.safetensors")
    with pytest.raises(ModelFileError, match="did not write"):
        ssmts.load(tmp_path / "bert.safetensors")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        ssmts.load(tmp_path / "model")
    with pytest.raises(ModelFileError, match="is a folder"):
        ssmts.load(tmp_path)


def test_a_file_of_another_kind(small_deep, chaos, tmp_path):
    S4DForecaster(**small_deep | {"max_epochs": 1}, checkpoint_dir=tmp_path).fit(chaos)
    with pytest.raises(ModelFileError, match="is a training checkpoint file, not a model file"):
        ssmts.load(tmp_path / "member-0" / "checkpoint.safetensors")


def test_another_class(file, deep, tmp_path):
    with pytest.raises(ModelFileError, match=r"holds a LinearSSMForecaster, not a S4Forecaster.*ssmts\.load"):
        S4Forecaster.load(file)
    deep.save(tmp_path / "deep")
    with pytest.raises(ModelFileError, match="holds a S4Forecaster"):
        S4DForecaster.load(tmp_path / "deep")


@pytest.mark.parametrize("metadata", [{}, {"class": "LinearSSMForecaster"}, {"layout": 3}, []])
def test_a_file_of_ours_that_holds_no_forecaster(tmp_path, metadata):
    write_safetensors_atomic(tmp_path / "odd", {"x": torch.zeros(1)}, metadata)
    with pytest.raises(ModelFileError, match=r"odd is an ssmts file, but not a forecaster.*again"):
        ssmts.load(tmp_path / "odd")


def test_a_class_of_the_future(file):
    tensors, state = read_safetensors(file)
    write_safetensors_atomic(file, tensors, state | {"class": "QuantumForecaster"})
    with pytest.raises(ModelFileError, match=r"'QuantumForecaster'.*import its module before"):
        ssmts.load(file)


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(new_model, frame, file, monkeypatch, broken):
    before = file.read_bytes()
    other = new_model(6).fit(frame)

    def fail(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync" if broken == "fsync" else "pathlib.Path.replace", fail)
        with pytest.raises(OSError, match="no space"):
            other.save(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_cannot_be_saved_is_named_and_nothing_is_written(new_model, frame, file):
    before = file.read_bytes()
    model = new_model().fit(frame)
    model.set_params(id_col=frozenset("ab"))
    with pytest.raises(ParameterError, match="id_col"):
        model.save(file)
    assert file.read_bytes() == before


def test_saving_replaces(new_model, frame, file):
    new_model(6).fit(frame).save(file)
    assert ssmts.load(file).horizon_ == 6
