"""How the Triton kernels of this package are launched."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import triton
from torch import Tensor


def launch(
    kernel: Any, grid: Callable[[Mapping[str, int]], tuple[int, ...]], *arguments: Any, **meta: Any
) -> None:
    """Launch an autotuned kernel; the interpreter, which cannot time, takes the first configuration."""
    if triton.knobs.runtime.interpret:
        options = {**meta, **kernel.configs[0].kwargs}
        kernel.fn[grid(options)](*arguments, **options)
    else:
        kernel[grid](*arguments, **meta)


def parts(z: Tensor) -> Tensor:
    """Return re and im on a last axis, contiguous, which Triton can index; a real z gets im = 0."""
    z = z if z.is_complex() else torch.complex(z, torch.zeros_like(z))
    return torch.view_as_real(z.resolve_conj().contiguous())
