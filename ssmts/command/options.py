"""Options that several commands share, and the data that they name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "ESTIMATORS",
    "Data",
    "as_horizon",
    "as_models",
    "data_options",
    "echo_json",
    "new_forecaster",
    "note",
    "output_options",
    "read",
]

F = TypeVar("F", bound=Callable[..., Any])

ESTIMATORS = ("linear", "s4", "s4d", "s5", "lssl", "mamba", "mamba2", "mamba3")
_CLASSES = dict(
    zip(
        ESTIMATORS,
        [
            "LinearSSMForecaster",
            *(f"{name}Forecaster" for name in ("S4", "S4D", "S5", "LSSL", "Mamba", "Mamba2", "Mamba3")),
        ],
        strict=True,
    )
)


@dataclass(frozen=True)
class Data:
    """A file that was read: its frame, the roles of its columns, and parameters of a forecaster on it."""

    frame: Any
    columns: Any
    parameters: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """Roles for JSON."""
        own = self.columns
        return {
            "time": own.time,
            "id": own.id,
            "channel": own.channel,
            "values": own.values,
            "past": own.past,
            "future": own.future,
            "static": own.static,
            "left_out": own.left_out,
        }


def data_options(command: F) -> F:
    """The file and its columns."""
    several: dict[str, Any] = {"multiple": True, "metavar": "NAME"}
    for option in reversed(
        [
            click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
            click.option("--time", metavar="NAME", help="Column of times; guessed."),
            click.option("--id", metavar="NAME", help="Column that names the series of a row; guessed."),
            click.option("--channel", metavar="NAME", help="Column that names the channel of each value."),
            click.option("--target", **several, help="Column to forecast, repeatable; all other numbers."),
            click.option("--past", **several, help="Covariate known up to now, repeatable."),
            click.option("--future", **several, help="Covariate known ahead, repeatable."),
            click.option("--static", **several, help="Covariate with one value a series, repeatable."),
            click.option("--calendar", is_flag=True, help="Hour, weekday and day of the year as covariates."),
            click.option(
                "--holidays", metavar="COUNTRY", help="Public holidays as a covariate, such as DE-BY."
            ),
        ]
    ):
        command = option(command)
    return command


def output_options(command: F) -> F:
    """--json and --quiet."""
    command = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(command)
    return click.option("--quiet", is_flag=True, help="Nothing on stderr but errors.")(command)


def read(options: dict[str, Any], model: Any = None) -> Data:
    """Read the file of `options`, taking its columns out of them, and say what was guessed.

    The columns of a fitted `model` are those that it was fitted on.
    """
    from ssmts.command.columns import guess_columns
    from ssmts.command.files import read_table

    names = ("time", "id", "channel", "past", "future", "static")
    roles = {name: options.pop(name) for name in names}
    roles["values"] = options.pop("target")
    if model is not None:
        roles = _roles_of(model)
    frame, columns = guess_columns(read_table(options.pop("file")), counted=model is not None, **roles)
    more = {"calendar": options.pop("calendar"), "holidays": options.pop("holidays")}
    verbose = False if options.get("quiet") else "auto"
    note(options, columns.describe())
    return Data(
        frame, columns, {**columns.parameters, "verbose": verbose} | {k: v for k, v in more.items() if v}
    )


def _roles_of(model: Any) -> dict[str, Any]:
    """Columns that a forecaster was fitted on, as :func:`guess_columns` takes them."""
    own = model.get_params(deep=False)
    targets = own["target_cols"]
    if own["channel_col"] is None:
        targets = model.feature_names_in_.tolist()
    return {
        "time": own["time_col"],
        "id": own["id_col"],
        "channel": own["channel_col"],
        "values": _as_tuple(targets),
        "past": _as_tuple(own["past_covariates"]),
        "future": _as_tuple(own["future_covariates"]),
        "static": _as_tuple(own["static_covariates"]),
    }


def _as_tuple(names: Any) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def new_forecaster(name: str, **parameters: Any) -> Any:
    """An unfitted forecaster by its short name."""
    import ssmts

    return getattr(ssmts, _CLASSES[name])(**parameters)


def as_horizon(text: str | None) -> Any:
    """A number of steps, or a duration such as 4D."""
    return int(text) if text is not None and text.isdigit() else text


def as_models(text: str | None) -> Any:
    """Models of a comparison from names with commas between them; None for the default ones."""
    if text is None:
        return None
    from ssmts.comparison.models import NAMED

    models: dict[str, Any] = {}
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name not in ESTIMATORS and name not in NAMED:
            raise click.BadParameter(
                f"{name!r} is none of {', '.join([*NAMED, *ESTIMATORS])}", param_hint="--models"
            )
        models[name] = name if name in NAMED else new_forecaster(name)
    return models


def note(options: dict[str, Any], text: str) -> None:
    """A line for people, on stderr."""
    if not options.get("quiet"):
        click.echo(text, err=True)


def echo_json(document: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, indent=2, default=str))
