"""Per-row numbers of a frame, such as sample weights, in the order of reading."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssmts.data._table import collected
from ssmts.data.read import read_panel
from ssmts.data.series import Panel
from ssmts.errors import ShapeError

__all__ = ["read_row_values"]

_COLUMN = "value of the row"


def read_row_values(
    X: Any,
    values: NDArray[np.float64],
    *,
    id_col: Hashable | None,
    time_col: Hashable | None,
    channel_col: Hashable | None = None,
) -> Panel:
    """Panel of one number for each row, sorted and split as the rows themselves.

    Parameters
    ----------
    X : pandas.DataFrame, pandas.Series, polars.DataFrame or polars.LazyFrame
    values : ndarray of float64, shape (n_rows,)
    id_col, time_col, channel_col : str or int, optional
        As for :func:`read_panel`.

    Returns
    -------
    Panel
        One channel with the numbers; with `channel_col`, the channels that it names, NaN where a channel
        has no row at an instant.

    Raises
    ------
    ShapeError
        If there are more or fewer numbers than rows.
    SSMTSError
        As :func:`read_panel` does.
    """
    frame = X.to_frame() if isinstance(X, pd.Series) else collected(X)
    if values.shape != (len(frame),):
        raise ShapeError(
            f"{len(values)} numbers were given for the {len(frame)} rows of X. Give one for each."
        )
    if isinstance(frame, pd.DataFrame):
        frame = frame.assign(**{_COLUMN: values})
    else:
        import polars as pl

        frame = frame.with_columns(pl.Series(_COLUMN, values))
    return read_panel(frame, id_col=id_col, time_col=time_col, target_cols=[_COLUMN], channel_col=channel_col)
