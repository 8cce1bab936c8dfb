"""Blocks of time into which training is cut, to hold some of it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmts.data.arrays import Float, Rows

__all__ = ["BlockedFolds"]


@dataclass(frozen=True)
class BlockedFolds:
    """Stretches of time into which origins fall: blocks to hold out, and a gap after each but the last.

    Parameters
    ----------
    edges : ndarray of float64, shape (2 * n_blocks,)
        Where block 0, gap 0, block 1, ... end, in reference steps; the first begins at minus infinity and the
        last one ends at infinity, so the last edge is infinite.
    """

    edges: Float

    @classmethod
    def over(cls, first: float, last: float, horizon: float, most: int) -> BlockedFolds:
        """Cut the origins between two instants into at most `most` blocks at least a horizon long.

        Gaps as long as the horizon part the blocks: no target of a block's origins lies among those of
        another block. Where there is no room for two horizons a block, gaps shrink to a quarter of the span.
        """
        span = max(last - first, 1e-9)
        n_blocks = int(np.clip(span / (2.0 * horizon), 2, most))
        gap = min(horizon, 0.25 * span)
        block = (span - gap * (n_blocks - 1)) / n_blocks
        ends = first + np.cumsum([block, gap] * n_blocks)[:-1]
        ends[-1] = np.inf
        return cls(ends)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return (len(self.edges) + 1) // 2

    def __len__(self) -> int:
        return len(self.edges)

    def of(self, origins: Float) -> Rows:
        """Segment in which each origin lies."""
        return np.searchsorted(self.edges, origins, side="left")

    def training(self, block: int) -> list[int]:
        """Segments to learn from when a block is held out: all but the block and the gaps beside it."""
        return [i for i in range(len(self)) if abs(i - 2 * block) > 1]
