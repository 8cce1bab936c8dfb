"""`sample_weight` as weights of the rows of every series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmts.data import Panel, read_row_values
from ssmts.data.arrays import Float
from ssmts.errors import ParameterError, ShapeError
from ssmts.models.sequences.training_sequences import RowWeights
from ssmts.wording import Described, shown

__all__ = ["lengthened", "row_weights"]


def row_weights(sample_weight: Any, X: Any, panel: Panel) -> RowWeights:
    """Weights of the rows of every series.

    Parameters
    ----------
    sample_weight : array-like or mapping
        A number for each row of X, or (for an array of many series) for each series; or a mapping from id to
        the weight of a whole series.
    X : frame or array
    panel : Panel
        The panel that X was read as.

    Raises
    ------
    ParameterError
        If weights are not finite, negative or all zero, or if their number is not that of the rows.
    """
    if isinstance(sample_weight, Mapping):
        missing = [id_ for id_ in panel.ids if id_ not in sample_weight]
        if missing:
            names = sorted(map(str, sample_weight))
            raise ParameterError(
                "sample_weight", names, f"a mapping that also holds series {shown(missing[0])}"
            )
        each = _checked([sample_weight[id_] for id_ in panel.ids])
        return {s.id: np.full(len(s.times), weight) for s, weight in zip(panel.series, each, strict=True)}
    given = _checked(sample_weight)
    if panel.layout.kind == "numpy":
        lengths = [len(series.times) for series in panel.series]
        if panel.layout.ndim == 3 and given.shape == (len(lengths),):
            given = np.repeat(given[:, None], lengths[0], axis=1)
        rows = given if panel.layout.ndim == 3 else given[None]
        if rows.shape != (len(lengths), lengths[0]):
            raise ParameterError("sample_weight", _whole(given), "one number for each row of X")
        return {series.id: own for series, own in zip(panel.series, rows, strict=True)}
    layout = panel.layout
    if layout.channel_col is not None:
        raise ParameterError(
            "sample_weight", Described("an array"), "a mapping from id to weight beside channel_col"
        )
    try:
        read = read_row_values(X, given, id_col=layout.id_col, time_col=layout.time_col)
    except ShapeError as error:
        allowed = "one number for each row of X"
        raise ParameterError("sample_weight", _whole(given), allowed) from error
    by_id = {series.id: series for series in read.series}
    aligned = {}
    for series in panel.series:  # rows with covariates only are not in the panel
        own = by_id[series.id]
        aligned[series.id] = own.values[np.searchsorted(own.times, series.times), 0]
    return aligned


def lengthened(weights: RowWeights, panel: Panel) -> RowWeights:
    """Weights extended to later rows and further series of a panel, which get weight 1."""
    rows = {}
    for series in panel.series:
        own = weights.get(series.id, np.zeros(0))
        rows[series.id] = np.concatenate([own, np.ones(len(series.times) - len(own))])
    return rows


def _whole(given: Float) -> Described:
    return Described(f"an array of shape {given.shape}")


def _checked(weights: Any) -> Float:
    try:
        if np.iscomplexobj(weights):
            raise TypeError("complex numbers")
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError("sample_weight", weights, "numbers") from error
    if not (np.isfinite(array).all() and (array >= 0).all() and (array > 0).any()):
        raise ParameterError("sample_weight", weights, "finite, non-negative and not all zero")
    return array
