"""Mutations of a saved file: of bytes, of the header, of metadata and tensors below a right digest."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import load

from benchmarks.faults.values import pick
from ssmts.training.files import sealed

__all__ = ["mutated"]

Generator = np.random.Generator
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 7, 0.5, -0.5, 1e-300, 1e308, -1e308, 2**31, 2**63, -(2**63), 10**30),
    *(float("nan"), float("inf"), -float("inf")),
    *(
        "",
        "x",
        "nan",
        "../../etc/passwd",
        "/dev/zero",
        "os.system",
        "__class__",
        "\x00",
        "\ud800",
        "é" * 1000,
    ),
    *([], {}, [[]], [None], [0], {"a": 1}, {"nanoseconds": "x"}, {"nanoseconds": 10**30}, [[[[[1]]]]]),
)
_FILLS: tuple[float, ...] = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, 1e-30, 1.0)
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


def mutated(rng: Generator, content: bytes) -> tuple[str, bytes]:
    """A file with faults, and what they are."""
    if rng.random() < 0.25:
        words, change = pick(rng, tuple(_BYTES.items()))
        return words, change(rng, content)
    header, tensors = _opened(content)
    words = []
    for _ in range(int(pick(rng, (1, 1, 1, 2, 3)))):
        kind = pick(rng, ("metadata", "metadata", "metadata", "tensor", "tensor", "header"))
        words.append(_CHANGES[kind](rng, header, tensors))
    return "; ".join(words), sealed(tensors, header)


def _opened(content: bytes) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    length = struct.unpack("<Q", content[:8])[0]
    header = dict(json.loads(content[8 : 8 + length])["__metadata__"])
    header.pop("sha256")
    return header, load(content)


def _metadata(rng: Generator, header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    """Change a value anywhere in the metadata, drop it, give it twice or swap it with another."""
    root = json.loads(header["metadata"]) if header.get("metadata", "").startswith("{") else {}
    places = _places(root)
    if not places:
        return "no metadata"
    where, key, owner = places[int(rng.integers(len(places)))]
    way = str(pick(rng, ("value", "value", "value", "value", "drop", "swap", "more", "nudge")))
    if way == "drop":
        del owner[key]
    elif way == "swap":
        _, other, others = places[int(rng.integers(len(places)))]
        if other in others or isinstance(others, list):
            owner[key], others[other] = copy.deepcopy(others[other]), copy.deepcopy(owner[key])
    elif way == "more" and isinstance(owner, list):
        owner.append(copy.deepcopy(owner[key]))
    elif way == "more":
        owner[f"{key}_"] = copy.deepcopy(owner[key])
    elif way == "nudge" and isinstance(owner[key], int | float):
        owner[key] = owner[key] * pick(rng, (-1, 2, 10, 1000, 0.5)) + pick(rng, (0, 1, -1))
    else:
        owner[key] = copy.deepcopy(pick(rng, _VALUES))
    header["metadata"] = json.dumps(root)
    return f"metadata {where} {way} {owner.get(key) if isinstance(owner, dict) else owner!r:.60}"


def _places(root: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """Every value below a root: its path, and the key and the object that hold it."""
    found: list[tuple[str, Any, Any]] = []
    items = root.items() if isinstance(root, dict) else enumerate(root) if isinstance(root, list) else ()
    for key, value in items:
        if key == "history":
            continue
        found += [(f"{where}/{key}", key, root), *_places(value, f"{where}/{key}")]
    return found


def _tensor(rng: Generator, header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    """Change a tensor: values, shape, dtype, name."""
    if not tensors:
        return "no tensor"
    name = sorted(tensors)[int(rng.integers(len(tensors)))]
    old = tensors[name]
    way = str(pick(rng, ("drop", "rename", "swap", "dtype", "fill", "fill", "one", "one", "shape", "shape")))
    if way == "drop":
        del tensors[name]
    elif way == "rename":
        tensors[f"{name}{pick(rng, ('_', '.0', '/..', 'x'))}"] = tensors.pop(name)
    elif way == "swap":
        other = sorted(tensors)[int(rng.integers(len(tensors)))]
        tensors[name], tensors[other] = tensors[other].clone(), old.clone()
    elif way == "dtype":
        tensors[name] = old.to(pick(rng, _DTYPES))
    elif way == "shape":
        tensors[name] = _reshaped(rng, old)
    else:
        value = pick(rng, _FILLS)
        new = old.clone()
        if new.numel():
            flat = new.view(-1)
            flat[slice(None) if way == "fill" else int(rng.integers(len(flat)))] = (
                value if new.is_floating_point() else -7
            )
        tensors[name] = new
        way = f"{way} {value}"
    return f"tensor {name} {way}"


def _reshaped(rng: Generator, old: torch.Tensor) -> torch.Tensor:
    ways: tuple[Callable[[], torch.Tensor], ...] = (
        lambda: old[None],
        lambda: old.reshape(-1),
        lambda: old.reshape(-1)[:0],
        lambda: old.reshape(-1)[:1].reshape(()) if old.numel() else old[None, None],
        lambda: old[:-1] if old.dim() else old[None],
        lambda: torch.cat([old, old]) if old.dim() else old.expand(3).clone(),
        lambda: old[..., :-1] if old.dim() else old[None],
        lambda: torch.cat([old, old], dim=-1) if old.dim() else old[None],
        lambda: old.transpose(0, -1).contiguous() if old.dim() else old[None],
    )
    return pick(rng, ways)().contiguous().clone()  # type: ignore[no-any-return]


def _header(rng: Generator, header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> str:
    """Change an entry of the header, all of which is text."""
    key = str(pick(rng, ("format", "format_version", "kind", "complex", "metadata", "other")))
    value = str(
        pick(
            rng,
            (
                *("", "x", "null", "[]", "{}", "1", "[" * 5000, "\x00", "model", "stream", "cases"),
                *('["linear.shared"]', '["scaling.scale"]', "[1]", "NaN", '{"class": "LinearSSMForecaster"}'),
                *("9" * 5000, "training checkpoint", json.dumps(sorted(tensors))),
            ),
        )
    )
    if rng.random() < 0.2:
        header.pop(key, None)
        return f"header {key} dropped"
    header[key] = value
    return f"header {key}={value:.40}"


_CHANGES = {"metadata": _metadata, "tensor": _tensor, "header": _header}


def _cut(rng: Generator, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _flipped(rng: Generator, content: bytes) -> bytes:
    new = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        new[int(rng.integers(len(new)))] ^= 1 << int(rng.integers(8))
    return bytes(new)


def _longer(rng: Generator, content: bytes) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + rng.bytes(int(rng.integers(1, 100))) + content[at:]


def _promised(rng: Generator, content: bytes) -> bytes:
    """A header that says it is of another length."""
    length = struct.unpack("<Q", content[:8])[0]
    other = pick(rng, (0, 1, length - 1, length + 1, 2**20, 2**31, 2**32, 2**62, 2**63, 2**64 - 1))
    return struct.pack("<Q", other) + content[8:]


def _edited(rng: Generator, content: bytes) -> bytes:
    """Shapes, offsets and types of the header of safetensors, below its own length."""
    length = struct.unpack("<Q", content[:8])[0]
    text, rest = content[8 : 8 + length], content[8 + length :]
    header = json.loads(text)
    names = [name for name in header if name != "__metadata__"]
    entry = header[names[int(rng.integers(len(names)))]]
    way = int(rng.integers(7))
    if way == 0:
        entry["shape"] = pick(rng, ([2**40, 2**40], [2**62], [-1], [0], [], [2**64], [1.5], ["3"], None))
    elif way == 1:
        entry["data_offsets"] = pick(rng, ([0, 2**62], [8, 0], [-8, 8], [0, 0], [2**63, 2**63], [0], None))
    elif way == 2:
        entry["dtype"] = pick(rng, ("F4", "F64", "I8", "O", "", None, 7, "BOOL", "F8_E5M2", "U64"))
    elif way == 3:
        entry["data_offsets"] = header[names[int(rng.integers(len(names)))]]["data_offsets"]
    elif way == 4:
        return _framed(text[:-1] + b"," + text.strip()[1:], rest)  # every name twice
    elif way == 5:
        return _framed(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, rest)
    else:
        header["__metadata__"] = pick(rng, (None, [], "x", {"format": 1}, {"format": None}, {}))
    return _framed(json.dumps(header).encode(), rest)


def _framed(text: bytes, rest: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text + rest


_BYTES: dict[str, Callable[[Generator, bytes], bytes]] = {
    "cut": _cut,
    "bits flipped": _flipped,
    "bytes put in": _longer,
    "length of the header": _promised,
    "header of safetensors": _edited,
    "other bytes": lambda rng, content: rng.bytes(int(rng.integers(200))),
}
