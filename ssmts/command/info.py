"""`ssmts info`: what a data file or a saved model holds."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from ssmts.command.options import echo_json, read

__all__ = ["model_summary", "run"]

_MODEL_SUFFIX = ".safetensors"


def run(options: dict[str, Any]) -> None:
    """Describe the file."""
    path, as_json = options["file"], options["as_json"]
    if path.suffix == _MODEL_SUFFIX:
        from ssmts import load

        document = {"model": model_summary(load(path))}
    else:
        data = read({**options, "quiet": True})
        document = {"columns": data.shown(), "data": _data_summary(data)}
    if as_json:
        echo_json(document)
        return
    for part, values in document.items():
        click.echo(part)
        for key, value in values.items():
            if value not in (None, [], {}):
                shown = ", ".join(map(str, value)) if isinstance(value, list) else value
                click.echo(f"  {key:16} {shown}")


def model_summary(model: Any) -> dict[str, Any]:
    """Class, parameters other than the default ones, and sizes of a fitted model."""
    default = type(model)().get_params()
    own = {name: value for name, value in model.get_params().items() if value != default[name]}
    found: dict[str, Any] = {"class": type(model).__name__, "parameters": own}
    for name in ("horizon_", "context_length_", "reference_step_"):
        if hasattr(model, name):
            value = getattr(model, name)
            found[name.rstrip("_")] = value if isinstance(value, int | float) else str(value)
    if hasattr(model, "feature_names_in_"):
        found["channels"] = model.feature_names_in_.tolist()
    return found


def _data_summary(data: Any) -> dict[str, Any]:
    """Number and span of the series, their step, season and missing values."""
    from ssmts.data import read_panel, reference_step
    from ssmts.models.baselines.grid import main_season

    names = ("id_col", "time_col", "channel_col", "target_cols")
    panel = read_panel(data.frame, **{name: data.parameters[name] for name in names})
    lengths = [len(series.times) for series in panel.series]
    step = reference_step(panel)
    show = panel.layout.show_instant
    missing = sum(int(np.isnan(series.values).sum()) for series in panel.series)
    season = main_season(panel, step, 1)
    return {
        "rows": len(data.frame),
        "series": len(panel.series),
        "channels": panel.n_channels,
        "rows of a series": f"{min(lengths)} to {max(lengths)}",
        "first": show(min(series.times[0] for series in panel.series)),
        "last": show(max(series.times[-1] for series in panel.series)),
        "step": panel.clock.show_duration(step),
        "season": f"{season} steps" if season > 1 else "none found",
        "missing values": missing,
    }
