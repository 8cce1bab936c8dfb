"""The commands of `ssmts`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ssmts import __version__
from ssmts.command.errors import OneLineGroup
from ssmts.command.options import (
    ESTIMATORS,
    as_horizon,
    as_models,
    data_options,
    echo_json,
    new_forecaster,
    note,
    output_options,
    read,
)

__all__ = ["main"]

_HORIZON: dict[str, Any] = {"metavar": "STEPS|DURATION", "help": "How far to forecast: 30, or 4D."}
_OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_MODEL = click.Path(exists=True, dir_okay=False, path_type=Path)
_ESTIMATOR = click.option(
    "--estimator", type=click.Choice(ESTIMATORS), default="linear", show_default=True, help="Model to fit."
)


@click.group(cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ssmts")
@click.option("--traceback", is_flag=True, help="Show where an error comes from.")
def main(traceback: bool) -> None:
    """Forecasts of csv and parquet files with state-space models.

    \b
    ssmts predict sales.csv --horizon 30 --plot
    ssmts compare sales.csv --horizon 30

    Columns are guessed and shown; name them with --time, --id and --target. Forecasts go to stdout as csv,
    everything else to stderr. Exit codes: 0 done, 1 the data or a file, 2 the command line, 3 unexpected.
    """


@main.command()
@data_options
@click.option("--horizon", required=True, **_HORIZON)
@_ESTIMATOR
@click.option(
    "--context", metavar="STEPS|DURATION", help="How much history a forecast reads; chosen by default."
)
@click.option("--output", "-o", type=_OUT, required=True, help="Where the model goes, *.safetensors.")
@output_options
def fit(
    horizon: str, estimator: str, context: str | None, output: Path, as_json: bool, **options: Any
) -> None:
    """Fit a model on FILE and save it."""
    data = read(options)
    model = new_forecaster(
        estimator, horizon=as_horizon(horizon), context_length=as_horizon(context), **data.parameters
    )
    model.fit(data.frame)
    model.save(output)
    if as_json:
        from ssmts.command.info import model_summary

        echo_json({"columns": data.shown(), "model": model_summary(model), "output": str(output)})
    note(options, f"model: {output}")


@main.command()
@data_options
@click.option("--horizon", **_HORIZON)
@click.option("--model", "model_path", type=_MODEL, help="A saved model; by default one is fitted on FILE.")
@_ESTIMATOR
@click.option("--step", metavar="DURATION", help="Spacing of the forecast; that of FILE by default.")
@click.option("--level", type=float, multiple=True, help="Coverage of intervals in percent, repeatable; 80.")
@click.option("--output", "-o", type=_OUT, help="A .csv or .parquet file instead of stdout.")
@click.option("--plot", is_flag=True, help="Draw history and forecast, in FILE's name with -forecast.png.")
@click.option("--plot-to", type=_OUT, help="Draw them in this picture instead.")
@output_options
def predict(**options: Any) -> None:
    """Forecast FILE from its last row, with intervals."""
    from ssmts.command.predict import run

    run(options)


@main.command()
@data_options
@click.option("--horizon", **_HORIZON)
@click.option(
    "--model", "model_path", type=_MODEL, help="A saved model: forecast from all origins, fit nothing."
)
@_ESTIMATOR
@click.option(
    "--windows", type=click.IntRange(1), default=5, show_default=True, help="Forecasts of each series."
)
@click.option("--refit", is_flag=True, help="Fit before each window, not only before the first.")
@click.option("--level", type=float, default=80, show_default=True, help="Coverage of intervals in percent.")
@click.option("--output", "-o", type=_OUT, help="Every forecast beside its truth, as .csv or .parquet.")
@output_options
def backtest(**options: Any) -> None:
    """Errors of forecasts of the past of FILE."""
    from ssmts.command.compare import run_backtest

    run_backtest(options)


@main.command()
@data_options
@click.option("--horizon", required=True, **_HORIZON)
@click.option("--models", metavar="NAMES", help="Names with commas between them; baselines and linear_ssm.")
@click.option(
    "--windows", type=click.IntRange(1), default=3, show_default=True, help="Forecasts of each series."
)
@click.option("--refit", is_flag=True, help="Fit before each window, not only before the first.")
@click.option("--season", type=click.IntRange(1), help="Steps in a season; found by default.")
@click.option("--level", type=float, default=80, show_default=True, help="Coverage of intervals in percent.")
@click.option("--by-series", is_flag=True, help="Errors of each series as well.")
@click.option("--output", "-o", type=_OUT, help="Every forecast beside its truth, as .csv or .parquet.")
@output_options
def compare(**options: Any) -> None:
    """Compare baselines and models on forecasts of the past of FILE."""
    from ssmts.command.compare import run_compare

    data = read(options)
    models = as_models(options.pop("models"))
    run_compare(data, models, options)


@main.command()
@click.argument("model", type=_MODEL)
@data_options
@click.option("--horizon", default="1", show_default=True, **_HORIZON)
@click.option(
    "--alarm-rate",
    type=float,
    default=0.001,
    show_default=True,
    help="Share of usual rows that may be named.",
)
@click.option("--output", "-o", type=_OUT, help="Every row with its score, as .csv or .parquet.")
@output_options
def monitor(model: Path, **options: Any) -> None:
    """Anomalies and drift in FILE, rows that came after a saved MODEL was fitted."""
    from ssmts.command.monitor import run

    run(model, options)


@main.command()
@data_options
@output_options
def info(**options: Any) -> None:
    """What a data file or a saved model holds."""
    from ssmts.command.info import run

    run(options)


@main.command()
@click.argument("model", type=_MODEL)
@click.argument("output", type=_OUT)
@click.option("--format", type=click.Choice(["onnx", "torch.export"]), default="onnx", show_default=True)
@click.option(
    "--step", metavar="DURATION", help="Interval of the rows; that of the training data by default."
)
@click.option("--streaming", is_flag=True, help="One step of a stream instead of a whole window.")
@output_options
def export(model: Path, output: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Write a saved MODEL as a module that runs without ssmts."""
    from ssmts import load

    load(model).export(output, **options)
    if as_json:
        echo_json({"model": str(model), "output": str(output), **options})
    note({"quiet": quiet}, f"module: {output}")
