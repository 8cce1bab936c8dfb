"""`ssmts monitor`: what a saved forecaster did not expect of later rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ssmts.command.files import check_output, records, write_table
from ssmts.command.options import as_horizon, echo_json, note, read
from ssmts.command.predict import load_forecaster

__all__ = ["run"]


def run(path: Path, options: dict[str, Any]) -> None:
    """Judge the rows and print what was found."""
    from ssmts import monitor

    check_output(options["output"])
    model = load_forecaster(path)
    data = read(options, model)
    found = monitor(
        model, data.frame, horizon=as_horizon(options["horizon"]), alarm_rate=options["alarm_rate"]
    )
    anomalies = found.rows[found.rows["anomaly"].notna()]
    if options["output"] is not None:
        write_table(found.rows, options["output"])
        note(options, f"scores: {options['output']}")
    if options["as_json"]:
        echo_json(
            {
                "columns": data.shown(),
                "anomalies": records(anomalies),
                "accuracy": records(found.accuracy),
                "drift": records(found.drift),
            }
        )
        return
    note(options, repr(found))
    drift = found.drift.dropna(subset=["shift_found", "noise_found"], how="all")
    if len(drift):
        note(options, drift.to_csv(index=False).rstrip())
    click.echo(anomalies.to_csv(index=False, float_format="%.6g"), nl=False)
