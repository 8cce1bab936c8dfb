"""Memory of a process; only the standard library, so that workers in other environments can use it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["peak_bytes"]


def peak_bytes() -> int:
    """Most memory that this process ever had resident, in bytes.

    ``getrusage`` would also count what the process that started this one had.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("/proc/self/status has no VmHWM")
