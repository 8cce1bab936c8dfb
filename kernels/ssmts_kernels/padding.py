"""Right padding of a batch whose rows differ in length."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_lengths", "valid_positions"]


def valid_positions(lengths: Tensor, length: int) -> Tensor:
    """Return the (batch, length) mask of positions that are not right padding."""
    return torch.arange(length, device=lengths.device) < lengths[:, None]


def check_lengths(caller: str, lengths: Tensor, length: int) -> None:
    """Require every entry of `lengths` to be between 0 and `length`.

    A compiled or exported graph cannot raise on values, so it does not check them; neither does a CUDA graph
    while it is captured. Elsewhere the values are read, for which a GPU has to finish what it was given.

    Parameters
    ----------
    caller : str
        Named first in the message.
    lengths : Tensor
        (batch,) integers.
    length : int
        Size of the time axis.

    Raises
    ------
    ValueError
        If a row is shorter than 0 or longer than `length`. The message names the first such row.
    """
    if torch.compiler.is_compiling() or lengths.is_meta:
        return
    if lengths.is_cuda and torch.cuda.is_current_stream_capturing():
        return
    wrong = ((lengths < 0) | (lengths > length)).nonzero()
    if len(wrong):
        row = int(wrong[0, 0])
        raise ValueError(
            f"{caller}: lengths must be between 0 and the number of observations, {length}, "
            f"got {int(lengths[row])} in row {row}"
        )
