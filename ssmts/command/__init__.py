"""The command `ssmts`: forecasts of csv and parquet files without a line of Python."""

from ssmts.command.main import main

__all__ = ["main"]
