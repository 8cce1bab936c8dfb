"""Data frames of pandas or polars from columns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Backend = Literal["pandas", "polars"]


def build_frame(columns: "Mapping[str, NDArray[Any]]", backend: str, *, index: str | None = None) -> Any:
    """Build a pandas or polars frame.

    Parameters
    ----------
    columns : mapping of str to ndarray
        In output order; datetime64[ns] columns stay nanoseconds in both libraries.
    backend : {"pandas", "polars"}
    index : str, optional
        Column that becomes the index in pandas; polars keeps it as a column.

    Raises
    ------
    ValueError
        If `backend` is neither of the two.
    ImportError
        If polars is requested and not installed.
    """
    if backend == "pandas":
        import pandas as pd

        frame = pd.DataFrame(dict(columns))
        return frame if index is None else frame.set_index(index)
    if backend == "polars":
        try:
            import polars as pl
        except ImportError as error:
            raise ImportError(
                'frame="polars" needs polars: install it with `pip install "ssmts[polars]"`.'
            ) from error
        # Text arrives as fixed-width or object arrays, which polars would keep as opaque objects.
        return pl.DataFrame({k: v.tolist() if v.dtype.kind in "OU" else v for k, v in columns.items()})
    raise ValueError(f'frame must be "pandas" or "polars", got {backend!r}.')


def wide_columns(names: Sequence[str], values: "NDArray[np.float64]") -> "dict[str, NDArray[np.float64]]":
    """One contiguous column for each channel of (length, n_channels) values."""
    return {name: np.ascontiguousarray(values[:, c]) for c, name in enumerate(names)}
