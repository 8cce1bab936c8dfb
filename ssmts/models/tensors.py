"""Parts of a model among the tensors of its file."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["below"]


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, by what follows it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
