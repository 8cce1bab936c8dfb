"""Classes of series that their static covariates tell apart: series of a class share weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ssmts.data.arrays import Float
from ssmts.data.covariates import CovariateColumns

__all__ = ["StaticClasses"]

_BINS = 3


@dataclass(frozen=True)
class StaticClasses:
    """Classes by the values of the static covariates.

    Parameters
    ----------
    edges : tuple of tuple of float
        Where the bins of every numeric column begin, but for the first; () for a categorical one.
    known : tuple of tuple of int
        Codes of every class, the most frequent first; -1 is a missing value.
    has_rest : bool
        Whether there were more classes in training: they are one, the last.
    """

    edges: tuple[tuple[float, ...], ...]
    known: tuple[tuple[int, ...], ...]
    has_rest: bool

    @classmethod
    def found_in(cls, static: Float, columns: CovariateColumns, most: int) -> StaticClasses:
        """The classes of training series (n_series, n_static): a category each, numbers in thirds."""
        edges = tuple(
            () if name in columns.categories else _edges(static[:, k])
            for k, name in enumerate(columns.static)
        )
        blank = cls(edges, (), False)
        ranked = Counter(blank._codes(own) for own in static).most_common()
        has_rest = len(ranked) > most
        known = tuple(codes for codes, _ in (ranked[: most - 1] if has_rest else ranked))
        return cls(edges, known, has_rest)

    def __len__(self) -> int:
        return len(self.known) + self.has_rest

    def of(self, static: Float) -> int:
        """Number of the class of a series, -1 for one that training did not see."""
        codes = self._codes(static)
        if codes in self.known:
            return self.known.index(codes)
        return len(self.known) if self.has_rest else -1

    def _codes(self, static: Float) -> tuple[int, ...]:
        return tuple(
            -1
            if np.isnan(value)
            else int(np.searchsorted(edges, value, side="right"))
            if edges
            else int(value)
            for value, edges in zip(static, self.edges, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """Builtins that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> StaticClasses:
        """Inverse of :meth:`to_dict`."""
        edges, known = (tuple(tuple(row) for row in state[name]) for name in ("edges", "known"))
        return cls(edges, known, state["has_rest"])


def _edges(values: Float) -> tuple[float, ...]:
    """Lower edges of the second and later bins of a numeric column; one infinite edge if it is constant."""
    seen = np.unique(values[~np.isnan(values)])
    if len(seen) <= _BINS:
        return tuple(float(value) for value in seen[1:]) or (np.inf,)
    cuts = np.nanquantile(values, np.arange(1, _BINS) / _BINS)
    return tuple(float(cut) for cut in np.unique(cuts))
