"""Pictures by the library that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmts.errors import ParameterError
from ssmts.estimators.forecasters.plots.picture import Picture

__all__ = ["draw"]


def draw(picture: Picture, axes: Any, interactive: bool) -> Any:
    """Axes of matplotlib, those given or new ones, or a figure of plotly.

    Raises
    ------
    ParameterError
        If `interactive` is no bool, axes are given to an interactive picture, or they are too few.
    ImportError
        If the library is not installed.
    """
    if not isinstance(interactive, bool | np.bool_):
        raise ParameterError("interactive", interactive, "True (plotly) or False (matplotlib)")
    if interactive:
        if axes is not None:
            raise ParameterError("axes", axes, "None where interactive=True: plotly makes its own figure")
        from ssmts.estimators.forecasters.plots.draw_plotly import figure

        return figure(picture)
    from ssmts.estimators.forecasters.plots.draw_matplotlib import draw_in

    return draw_in(picture, axes)
