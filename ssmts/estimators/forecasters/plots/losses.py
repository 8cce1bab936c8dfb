"""Losses of the deep branch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ssmts.errors import NotTrainedError
from ssmts.estimators.forecasters.plots.draw import draw
from ssmts.estimators.forecasters.plots.picture import Chart, Line, Picture

__all__ = ["plot_losses"]


def plot_losses(history: Mapping[str, Any], ax: Any, interactive: Any) -> Any:
    """Draw the losses of every network of the deep branch by epoch.

    Raises
    ------
    NotTrainedError
        If no network was trained.
    """
    epochs = history.get("deep", {}).get("epochs", [])
    if not epochs:
        reason = history.get("deep", {}).get("reason", "this forecaster is solved in closed form")
        raise NotTrainedError(f"There are no losses to draw, no network was trained: {reason}.")
    lines = []
    for number, (member, own) in enumerate(pd.DataFrame(epochs).groupby("member")):
        for column, style in (("train_loss", "--"), ("validation_loss", "-")):
            label = f"member {member}, {column.partition('_')[0]}"
            x, y = own["epoch"].to_numpy(), own[column].to_numpy()
            lines.append(Line(x, y, label, f"series {number}", style=style, marker=True))
    chart = Chart(lines, x_label="epoch", y_label="loss", legend=True)
    drawn = draw(Picture([chart], width=7.0, height=2.8), ax, interactive)
    if interactive:
        return drawn
    drawn[0].xaxis.get_major_locator().set_params(integer=True)
    return drawn[0]
