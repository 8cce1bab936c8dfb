"""`ssmts predict`: a forecast with intervals from a file and, if there is one, a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pandas as pd

from ssmts.command.files import check_output, records, write_table
from ssmts.command.info import model_summary
from ssmts.command.options import as_horizon, echo_json, new_forecaster, note, read

__all__ = ["load_forecaster", "run"]


def run(options: dict[str, Any]) -> None:
    """Forecast and write."""
    path, name = options.pop("model_path"), options.pop("estimator")
    horizon, step = as_horizon(options.pop("horizon")), options.pop("step")
    levels = [float(level) for level in options.pop("level")] or [80.0]
    picture = options.pop("plot_to")
    if options.pop("plot") and picture is None:
        picture = Path(f"{options['file'].stem}-forecast.png")
    if picture is not None:
        _require_matplotlib()
    check_output(options["output"])
    if path is None:
        if horizon is None:
            raise click.UsageError("Give --horizon, such as 30 or 4D, or a saved --model.")
        data = read(options)
        model = new_forecaster(name, horizon=horizon, **data.parameters).fit(data.frame)
        horizon = None
    else:
        model = load_forecaster(path)
        data = read(options, model)
    X = data.frame
    parts = [model.predict(X, horizon=horizon, step=step)]
    parts.append(model.predict_interval(X, level=levels, horizon=horizon, step=step))
    keys = [key for key in (data.columns.id, data.columns.channel, data.columns.time) if key in parts[0]]
    table = pd.concat([parts[0], parts[1].drop(columns=keys)], axis=1)
    if not keys:
        table = table.rename_axis("step").reset_index()
    if picture is not None:
        _draw(model, X, picture, levels, horizon, step)
    output = options["output"]
    if output is not None:
        write_table(table, output)
    if options["as_json"]:
        echo_json(
            {
                "columns": data.shown(),
                "model": model_summary(model),
                "forecast": records(table),
                "plot": None if picture is None else str(picture),
                "output": None if output is None else str(output),
            }
        )
    elif output is None:
        click.echo(table.to_csv(index=False, float_format="%.8g"), nl=False)
    else:
        note(options, f"forecast: {output}")
    if picture is not None:
        note(options, f"picture: {picture}")


def load_forecaster(path: Path) -> Any:
    """A saved forecaster.

    Raises
    ------
    click.BadParameter
        If the file holds a classifier or a regressor.
    """
    from ssmts import load
    from ssmts.estimators import SSMForecaster

    model = load(path)
    if not isinstance(model, SSMForecaster):
        raise click.BadParameter(
            f"{path} holds a {type(model).__name__}, no forecaster", param_hint="--model"
        )
    return model


def _require_matplotlib() -> None:
    try:
        import matplotlib
    except ImportError:
        raise ImportError('pictures need matplotlib: pip install "ssmts[cli]"') from None
    matplotlib.use("Agg")


def _draw(model: Any, X: Any, picture: Path, levels: list[float], horizon: Any, step: Any) -> None:
    """Write the picture."""
    import matplotlib.pyplot as plt

    from ssmts.training.atomic import replacing

    figure = model.plot(X, level=levels, horizon=horizon, step=step)[0].figure
    try:
        with replacing(picture) as beside:
            figure.savefig(beside, dpi=150, format=picture.suffix.removeprefix(".") or None)
    except ValueError as error:  # a kind of picture that matplotlib does not know
        raise click.BadParameter(str(error), param_hint="--plot-to") from None
    finally:
        plt.close(figure)
