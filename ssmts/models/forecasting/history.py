"""Ends of panels and their continuation: the last context of each series, later rows, new ids."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np

from ssmts.data.covariate_rows import covariates_since, merge_covariates
from ssmts.data.series import Layout, Panel, Series
from ssmts.errors import InstantError, ParameterError
from ssmts.models.sequences.last_windows import window_rows
from ssmts.wording import shown

__all__ = ["continued", "following", "tail_of", "with_id"]


def tail_of(panel: Panel, context: float, step: float, run_in: float = 0.0) -> Panel:
    """A copy of the rows that a forecast from the end of every series reads.

    Covariates begin `run_in` reference steps earlier, and include all later values.
    """
    series = []
    for one in panel.series:
        stop = int(np.searchsorted(one.times, one.origin, side="right"))
        to_origin = (one.times - one.origin) / step
        begin = int(np.searchsorted(to_origin, -context * (1 - 1e-9), side="right"))
        rows = [window_rows(one, channel, begin, stop, step, context) for channel in range(panel.n_channels)]
        begin = min([begin, *(int(own[0]) for own in rows if len(own))])
        series.append(
            Series(
                one.id,
                one.times[begin:].copy(),
                one.values[begin:].copy(),
                covariates_since(one.covariates, one.times[begin] - run_in * step),
            )
        )
    return replace(panel, series=tuple(series))


def continued(panel: Panel, later: Panel, what: str) -> Panel:
    """A panel with later rows appended to the series of the same id; new ids are new series.

    Raises
    ------
    InstantError
        If later data of a series does not begin after its earlier data ends.
    """
    by_id = {series.id: series for series in panel.series}
    for series in later.series:
        known = by_id.get(series.id)
        if known is None:
            by_id[series.id] = series
            continue
        if series.times[0] <= known.times[-1]:
            show = panel.layout.show_instant
            raise InstantError(
                f"{what}{series.whose} begins at {show(series.times[0])}, not after the end of the "
                "training data at "
                f"{show(known.times[-1])}. Give later rows."
            )
        by_id[series.id] = Series(
            series.id,
            np.concatenate([known.times, series.times]),
            np.concatenate([known.values, series.values]),
            None
            if known.covariates is None or series.covariates is None
            else merge_covariates(known.covariates, series.covariates),
        )
    return replace(panel, series=tuple(by_id.values()))


def following(panel: Panel, ends: Mapping[Hashable | None, float]) -> Panel:
    """A panel of arrays with times shifted to follow `ends` in unit steps; frames are left as they are."""
    if panel.layout.kind != "numpy":
        return panel
    series = []
    for one in panel.series:
        shift = ends[one.id] + 1.0 if one.id in ends else 0.0
        series.append(Series(one.id, np.asarray(one.times + shift, dtype=np.float64), one.values))
    return replace(panel, series=tuple(series))


def with_id(layout: Layout, id_: Hashable | None, known: Hashable | None) -> Layout:
    """A layout with one more id.

    Raises
    ------
    ParameterError
        If the id is text where ids are numbers, or the reverse.
    """
    if isinstance(id_, str) != isinstance(known, str):
        raise ParameterError("id", id_, f"of the kind of the other ids, such as {shown(known)}")
    if layout.id_categories is None or id_ in layout.id_categories:
        return layout
    return replace(layout, id_categories=(*layout.id_categories, id_))
