"""Files of tensors: safetensors with JSON, written whole or not at all, checked when read, never pickled."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ssmts.errors import ModelFileError
from ssmts.training.atomic import write_atomic
from ssmts.training.content import interpreting

FORMAT_VERSION = 1


def write_safetensors_atomic(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, Any],
    *,
    kind: str = "model",
) -> None:
    """Write tensors and JSON metadata as one safetensors file that is either complete or absent.

    The file is written beside `path`, flushed to disk, then renamed over it: a reader sees the old file or
    the new one, also after a crash. The header holds a SHA-256 of metadata and tensors.

    Parameters
    ----------
    path : path-like
        Where to write. The folder must exist; a file of that name is replaced.
    tensors : mapping of str to Tensor
        Any device, any dtype of safetensors, and complex64 or complex128 (stored as pairs of reals).
    metadata : mapping
        Anything that JSON can hold; it comes back as it went in, with tuples as lists.
    kind : str, default="model"
        What the file is. `read_safetensors` refuses a file of another kind.

    Raises
    ------
    TypeError
        If `metadata` holds something that JSON cannot.
    FileWriteError
        If the file cannot be written; one of that name is as it was.
    """
    stored = {name: _to_storage(tensor) for name, tensor in tensors.items()}
    header = {
        "format": "ssmts",
        "format_version": str(FORMAT_VERSION),
        "kind": kind,
        "complex": json.dumps(sorted(name for name, tensor in tensors.items() if tensor.is_complex())),
        "metadata": json.dumps(metadata),
    }
    write_atomic(path, sealed(stored, header))


def sealed(stored: Mapping[str, Tensor], header: Mapping[str, str]) -> bytes:
    """Content of a file, with the digest of header and tensors in its header."""
    return save(dict(stored), {**header, "sha256": _digest(header, stored)})


def read_safetensors(
    path: str | os.PathLike[str], *, kind: str = "model"
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_safetensors_atomic` wrote, and check that it is what was written.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str, default="model"
        The kind that the file must be of.

    Returns
    -------
    tensors : dict of str to Tensor
        On the CPU, with the dtypes and shapes that were written.
    metadata : dict
        The metadata that was written.

    Raises
    ------
    ModelFileError
        If the file is missing, is not an ssmts file of this kind, has another format version, or was
        truncated or edited.
    """
    if problem := _not_a_file(path):
        raise ModelFileError(f"{path!s} {problem}; give the path of a {kind} file that ssmts wrote")
    path = Path(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = dict(file.metadata() or {})
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelFileError(
            f"{path} is not a {kind} file of ssmts, or was cut short ({error}); write or copy it again"
        ) from error
    _check_header(path, header, kind)
    if header.pop("sha256", None) != _digest(header, stored):
        raise ModelFileError(
            f"{path} was changed after it was written: its SHA-256 does not match; write or copy it again"
        )
    with interpreting(path, f"a {kind} file"):
        complex_names = set(json.loads(header["complex"]))
        tensors = {
            name: torch.view_as_complex(t) if name in complex_names else t for name, t in stored.items()
        }
        metadata = json.loads(header["metadata"])
    return tensors, metadata


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, by what follows it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def file_kind(path: str | os.PathLike[str]) -> str | None:
    """Kind of a file, from its header alone; None if `read_safetensors` is to say what is wrong with it."""
    if _not_a_file(path):
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return (file.metadata() or {}).get("kind")
    except (SafetensorError, OSError, ValueError, TypeError):
        return None


def _not_a_file(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with a path; None for that of a regular file.

    Pipes and devices are never opened: a reader would wait for ever.
    """
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:  # a name too long, a link to itself, a folder that may not be read
        return f"cannot be opened ({error.strerror})"
    except (TypeError, ValueError) as error:  # bytes; a name with a zero byte or half a surrogate
        return f"is no path ({error})"
    return None if stat.S_ISREG(mode) else "is a folder" if stat.S_ISDIR(mode) else "is no regular file"


def _check_header(path: Path, header: Mapping[str, str], kind: str) -> None:
    if header.get("format") != "ssmts":
        raise ModelFileError(
            f"{path} is a safetensors file that ssmts did not write; give the path of a {kind} file of ssmts"
        )
    version = header.get("format_version", "")
    if version != str(FORMAT_VERSION):
        raise ModelFileError(
            f"{path} has format version {version!r:.20}, this ssmts reads {FORMAT_VERSION}; "
            "read it with the ssmts version that wrote it, or update ssmts"
        )
    if header.get("kind") != kind:
        raise ModelFileError(
            f"{path} is a {header.get('kind')!s:.40} file, not a {kind} file; give the path of a {kind} file"
        )


def _to_storage(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.clone(
        memory_format=torch.contiguous_format
    )  # safetensors refuses tensors that share memory


def _digest(header: Mapping[str, str], stored: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(stored):
        tensor = stored[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
