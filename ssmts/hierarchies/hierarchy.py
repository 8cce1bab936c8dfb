"""Which series are sums of which others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssmts.data.arrays import Float
from ssmts.errors import (
    AllMissingError,
    DuplicateTimeError,
    MissingIdError,
    ParameterError,
    UnknownColumnError,
)

__all__ = ["ALL", "Hierarchy"]

ALL = "(all)"  # in a key column of a sum over that key


@dataclass(frozen=True)
class Hierarchy:
    """Sums of bottom series.

    Parameters
    ----------
    keys : tuple of str
        Columns that together name a bottom series.
    labels : list of tuple
        Values of the keys of every node: sums first, coarse before fine, then the bottom series.
    sums : ndarray of float64, shape (n_sums, n_bottom)
        1 where a bottom series is part of a sum.
    """

    keys: tuple[str, ...]
    labels: list[tuple[Any, ...]]
    sums: Float

    @classmethod
    def of(cls, bottom: Sequence[tuple[Any, ...]], keys: Sequence[str], levels: Any) -> Hierarchy:
        """The hierarchy of some bottom series.

        Parameters
        ----------
        bottom : sequence of tuple
            Values of the keys, each once.
        keys : sequence of str
        levels : list of list of str, optional
            Keys that each level of sums keeps; None: all beginnings of `keys`, the empty one being the total.

        Raises
        ------
        ParameterError
            If a level names something else than keys.
        """
        levels = [list(keys[:n]) for n in range(len(keys))] if levels is None else levels
        if not isinstance(levels, list | tuple) or not all(isinstance(own, list | tuple) for own in levels):
            raise ParameterError(
                "levels", levels, "None, or a list of lists of keys, such as [[], ['state']]"
            )
        labels: list[tuple[Any, ...]] = []
        for level in sorted(levels, key=len):
            unknown = [name for name in level if name not in keys]
            if unknown:
                raise ParameterError("levels", levels, f"of the keys {list(keys)}: {unknown[0]!r} is none")
            if len(set(level)) < len(keys):
                kept = [name in level for name in keys]
                own = [tuple(v if k else ALL for v, k in zip(one, kept)) for one in bottom]
                labels += [label for label in dict.fromkeys(own) if label not in labels]
        sums = np.array(
            [[all(a in (ALL, b) for a, b in zip(label, one)) for one in bottom] for label in labels],
            dtype=np.float64,
        ).reshape(len(labels), len(bottom))
        return cls(tuple(keys), [*labels, *bottom], sums)

    @property
    def n_bottom(self) -> int:
        """Number of bottom series."""
        return int(self.sums.shape[1])

    def added_up(self, bottom: Float) -> Float:
        """Values of all nodes (n_nodes, ...) from those of the bottom series (n_bottom, ...)."""
        return np.concatenate([np.tensordot(self.sums, bottom, 1), bottom])

    def values(self, frame: pd.DataFrame, time: str, target: str) -> tuple[pd.Index[Any], Float]:
        """Times, and values of all nodes at them, (n_nodes, n_times); a sum misses what a part of it misses.

        Raises
        ------
        UnknownColumnError
            If the frame holds a bottom series that is none of this hierarchy.
        MissingIdError
            If it lacks one.
        DuplicateTimeError
            If a bottom series has two rows at one time.
        AllMissingError
            If the parts of a sum are never observed at the same time.
        """
        keys = list(self.keys)
        twice = frame.duplicated([*keys, time])
        if twice.any():
            row = frame.loc[twice, [*keys, time]].iloc[0]
            raise DuplicateTimeError(
                f"Two rows have {', '.join(f'{name}={row[name]!r}' for name in [*keys, time])}. "
                "Keep one, or add "
                "them up with groupby."
            )
        wide = frame.pivot(index=time, columns=keys, values=target)
        columns: list[Any] = wide.columns.tolist()
        found = [label if isinstance(label, tuple) else (label,) for label in columns]
        bottom = self.labels[len(self.sums) :]
        for label in found:
            if label not in bottom:
                raise UnknownColumnError(
                    f"The series {label} was not there in fit. Leave it out, or fit with it."
                )
        missing = [label for label in bottom if label not in found]
        if missing:
            raise MissingIdError(f"The series {missing[0]} has no rows. Add them, or fit without it.")
        order = [found.index(label) for label in bottom]
        values = self.added_up(wide.to_numpy(dtype=np.float64).T[order])
        empty = np.isnan(values).all(axis=1)
        if empty.any():
            raise AllMissingError(
                f"The parts of {self.labels[int(empty.argmax())]} are never observed at the same "
                "time, so it has no "
                "sum. Give rows that they share, or leave the level out of levels."
            )
        return wide.index, values
