import json
import os
import stat
import struct

import pytest
import torch
from safetensors.torch import save_file

from ssmts.errors import ModelFileError
from ssmts.training import read_safetensors, write_safetensors_atomic

TENSORS = {
    "float32": torch.randn(3, 4),
    "float64": torch.linspace(0, 1, 5, dtype=torch.float64),
    "bfloat16": torch.randn(7).bfloat16(),
    "int64": torch.arange(4),
    "bool": torch.tensor([True, False]),
    "complex64": torch.randn(2, 3, dtype=torch.complex64),
    "complex128": torch.randn(2, dtype=torch.complex128).conj(),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "transposed": torch.randn(3, 4).T,
    "expanded": torch.randn(1, 2).expand(5, 2),
    "gradient": torch.nn.Parameter(torch.randn(2)),
}
METADATA = {"name": "Größe", "list": [1, 2.5, None, True], "nested": {"0.1": 1e-17}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    write_safetensors_atomic(path, TENSORS, METADATA)
    return path


def test_round_trip(path):
    tensors, metadata = read_safetensors(path)
    assert metadata == METADATA
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype
        assert torch.equal(tensor, TENSORS[name])


def test_tensors_that_share_memory(tmp_path):
    base = torch.randn(6)
    write_safetensors_atomic(tmp_path / "m", {"a": base, "b": base, "c": base[2:]}, {})
    tensors, _ = read_safetensors(tmp_path / "m")
    assert torch.equal(tensors["a"], base)
    assert torch.equal(tensors["c"], base[2:])


def test_every_truncation_is_found(path):
    content = path.read_bytes()
    for size in [0, 4, 8, 20, len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:size])
        with pytest.raises(ModelFileError, match="cut short"):
            read_safetensors(path)


def test_every_edited_byte_of_the_tensors_is_found(path):
    content = path.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    for position in [header, (header + len(content)) // 2, len(content) - 1]:
        edited = bytearray(content)
        edited[position] ^= 1
        path.write_bytes(edited)
        with pytest.raises(ModelFileError, match="changed after it was written"):
            read_safetensors(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"2.5, null", b"2.6, null", "changed after"),
        (b'"kind":"model"', b'"kind":"modem"', "is a modem file, not a model file"),
        (b'"format":"ssmts"', b'"format":"other"', "ssmts did not write"),
        (b'"format_version":"1"', b'"format_version":"2"', "format version '2'.*update ssmts"),
        (b'"bfloat16":{"dtype":"BF16"', b'"bfloat17":{"dtype":"BF16"', "changed after"),
    ],
)
def test_edited_header(path, old, new, message):
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    with pytest.raises(ModelFileError, match=message):
        read_safetensors(path)


def test_not_a_model(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        read_safetensors(tmp_path / "absent")
    with pytest.raises(ModelFileError, match="is a folder"):
        read_safetensors(tmp_path)
    for content in [
        b"",
        b"id,time,value\n1,2,3\n",
        b"PK\x03\x04" + bytes(100),
        json.dumps(METADATA).encode(),
    ]:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(ModelFileError, match="not a model file"):
            read_safetensors(tmp_path / "file")
    save_file({"w": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(ModelFileError, match="ssmts did not write"):
        read_safetensors(tmp_path / "foreign")


def test_a_pickle_is_refused_unread(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    torch.save(Trap(), tmp_path / "trap.pt")
    with pytest.raises(ModelFileError):
        read_safetensors(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_safetensors_atomic(path, {"w": torch.zeros(2)}, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_metadata_must_be_json(path):
    before = path.read_bytes()
    with pytest.raises(TypeError, match="JSON"):
        write_safetensors_atomic(path, {}, {"model": object()})
    assert path.read_bytes() == before


def test_permissions_follow_the_umask(tmp_path):
    old = os.umask(0o022)
    try:
        write_safetensors_atomic(tmp_path / "m", {}, {})
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o644
