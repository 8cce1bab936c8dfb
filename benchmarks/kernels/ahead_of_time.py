"""Triton kernels compiled for a GPU that is not there: what launches ask for, and what ptxas makes of it."""

from __future__ import annotations

import re
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.runtime import driver
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

__all__ = ["SHARED_LIMITS", "Compiled", "Launch", "compiled", "recorded"]

# Shared memory that a block may use, bytes (CUDA C++ programming guide, technical specifications).
SHARED_LIMITS = {80: 163 * 1024, 90: 227 * 1024, 100: 227 * 1024}
_REGISTERS, _WARPS = 65_536, 64  # of a multiprocessor, on all of them
_REGISTER_UNIT = 256  # registers are given to warps in such portions


@dataclass(frozen=True)
class Launch:
    """What a wrapper asks of a kernel.

    Parameters
    ----------
    kernel : JITFunction
    arguments : tuple
    options : dict
        Compile-time arguments, warps and stages.
    number : int
        Of the configuration; 0 is the default one.
    """

    kernel: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    number: int

    @property
    def configuration(self) -> str:
        """Block sizes, warps and stages in words."""
        words = {name: value for name, value in self.options.items() if name.isupper() and "BLOCK" in name}
        words["warps"] = self.options.get("num_warps", 4)
        return ", ".join(f"{name} {value}" for name, value in words.items())


@dataclass(frozen=True)
class Compiled:
    """What a kernel needs on a device.

    Parameters
    ----------
    registers : int
        Of a thread.
    spilled : int
        Bytes of registers that a thread stores in memory for want of registers.
    shared : int
        Bytes of shared memory of a block.
    occupancy : float
        Warps on a multiprocessor as its registers and shared memory allow, over the most.
    """

    registers: int
    spilled: int
    shared: int
    occupancy: float


@contextmanager
def recorded() -> Iterator[list[Launch]]:
    """Launches inside the block are noted, one for every configuration, and not run: no kernel writes."""
    launches: list[Launch] = []

    def note(self: Any, *arguments: Any, **options: Any) -> None:
        launches.append(Launch(self, arguments, _without_grid(options), 0))

    def note_every(self: Any, *arguments: Any, **options: Any) -> None:
        for number, config in enumerate(self.configs):
            given = _without_grid(options) | config.all_kwargs()
            launches.append(Launch(self.fn, arguments, given, number))

    own = JITFunction.run, Autotuner.run
    JITFunction.run, Autotuner.run = note, note_every
    try:
        yield launches
    finally:
        JITFunction.run, Autotuner.run = own


def _without_grid(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in ("grid", "warmup")}


def compiled(launch: Launch, capability: int) -> Compiled:
    """Compile a launch for a capability (80, 90, 100) with the ptxas that Triton brings.

    Raises
    ------
    RuntimeError
        If ptxas fails, or does not say what it used.
    """
    with _pretended(capability), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Triton's, of its next default
        kernel = launch.kernel.warmup(*launch.arguments, grid=(1,), **launch.options)
    said = _assembled(kernel.asm["ptx"], capability)
    used = re.search(r"Used (\d+) registers", said)
    spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", said)
    if used is None or spilled is None:
        raise RuntimeError(f"ptxas does not say what it used:\n{said}")
    warps, shared = int(launch.options.get("num_warps", 4)), int(kernel.metadata.shared)
    registers = int(used[1])
    portion = -(-registers * 32 // _REGISTER_UNIT) * _REGISTER_UNIT
    blocks = min(_REGISTERS // (portion * warps), _WARPS // warps)
    if shared:
        blocks = min(blocks, SHARED_LIMITS[capability] // shared)
    return Compiled(registers, int(spilled[1]), shared, blocks * warps / _WARPS)


@contextmanager
def _pretended(capability: int) -> Iterator[None]:
    """Inside the block Triton believes in a device; nothing may be launched on it."""
    target = GPUTarget("cuda", capability, 32)
    answers: dict[str, Callable[..., Any]] = {
        "get_current_target": lambda: target,
        "get_current_device": lambda: capability,  # one cache of kernels a device
        "get_current_stream": lambda device=None: 0,
    }
    before = driver._active
    driver.set_active(SimpleNamespace(**answers))
    try:
        yield
    finally:
        driver._active = before


def _assembled(ptx: str, capability: int) -> str:
    """What ptxas says of a kernel."""
    (architecture,) = re.findall(r"^\.target (\w+)", ptx, re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        command = [get_ptxas(capability).path, "-v", f"--gpu-name={architecture}", str(source)]
        done = subprocess.run([*command, "-o", "/dev/null"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ptxas fails for {architecture} (Triton {triton.__version__}):\n{done.stderr}")
    return done.stderr
