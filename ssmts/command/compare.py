"""`ssmts compare` and `ssmts backtest`: errors of forecasts of the past."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from ssmts.command.files import check_output, records, write_table
from ssmts.command.options import Data, as_horizon, echo_json, new_forecaster, note, read
from ssmts.command.predict import load_forecaster

__all__ = ["run_backtest", "run_compare"]


def run_compare(data: Data, models: Any, options: dict[str, Any]) -> None:
    """Compare models and print the table."""
    check_output(options["output"])
    from ssmts import compare

    roles = {name: value for name, value in data.parameters.items() if name not in ("calendar", "holidays")}
    for model in (models or {}).values():
        if not isinstance(model, str):
            model.set_params(**{k: v for k, v in data.parameters.items() if k not in roles})
    found = compare(
        data.frame,
        as_horizon(options["horizon"]),
        models,
        n_windows=options["windows"],
        refit=options["refit"],
        season=options.get("season"),
        level=options["level"],
        **roles,
    )
    if options["output"] is not None:
        write_table(found.forecasts, options["output"])
    if options["as_json"]:
        echo_json(
            {
                "columns": data.shown(),
                "table": records(found.table),
                "by_series": records(found.by_series),
                "best": found.best,
                "season": found.season,
                "level": found.level,
                "failures": found.failures,
            }
        )
        return
    click.echo(repr(found))
    if options.get("by_series"):
        click.echo(found.by_series.to_csv(index=False, float_format="%.6g"), nl=False)
    if options["output"] is not None:
        note(options, f"forecasts: {options['output']}")


def run_backtest(options: dict[str, Any]) -> None:
    """Cross-validate a new model, or forecast from all origins with a saved one."""
    path, name = options.pop("model_path"), options.pop("estimator")
    if path is None:
        if options["horizon"] is None:
            raise click.UsageError("Give --horizon, such as 30 or 4D, or a saved --model.")
        data = read(options)
        run_compare(data, {name: new_forecaster(name)}, options)
        return
    check_output(options["output"])
    model = load_forecaster(path)
    data = read(options, model)
    level = options["level"]
    table = model.backtest(data.frame, horizon=as_horizon(options["horizon"]), level=level)
    error = table["y"] - table["forecast"]
    inside = table["y"].between(table[f"lo-{level:g}"], table[f"hi-{level:g}"])
    errors = {
        "mae": float(error.abs().mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "bias": float(-error.mean()),
        "coverage": float(inside.mean()),
        "n_origins": int(table["cutoff"].nunique()),
        "n_values": len(table),
    }
    if options["output"] is not None:
        write_table(table, options["output"])
        note(options, f"forecasts: {options['output']}")
    if options["as_json"]:
        echo_json({"columns": data.shown(), "errors": errors, "level": level})
        return
    for key, value in errors.items():
        click.echo(f"{key:10} {value:.6g}")
