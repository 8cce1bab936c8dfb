"""Files in and out: csv and parquet, told by their names."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pandas as pd

from ssmts.errors import ColumnError, EmptyDataError, InputTypeError

__all__ = ["check_output", "read_table", "records", "write_table"]

_PARQUET = (".parquet", ".pq")
_DECIMAL_COMMA = re.compile(r'(^|[;\t"])-?\d+,\d+($|[;\t"])', re.MULTILINE)
_SNIFFED = 64 * 1024  # characters


def read_table(path: Path) -> pd.DataFrame:
    """Read a csv file, of any of the usual separators and decimal signs, or a parquet file.

    Raises
    ------
    InputTypeError
        If it is neither.
    ImportError
        If pyarrow is needed and not installed.
    """
    if path.suffix.lower() in _PARQUET:
        _require_pyarrow()
        import pyarrow

        try:
            return pd.read_parquet(path).reset_index(drop=False).drop(columns="index", errors="ignore")
        except pyarrow.ArrowInvalid as error:
            raise InputTypeError(f"{path} is no parquet file: {error}. Give one, or a .csv file.") from error
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.read(_SNIFFED)
        if not sample.strip():
            raise EmptyDataError(f"{path} is empty. Give a file with a header and a row for each time.")
        lines = sample.splitlines()
        head = "\n".join(lines[: max(1, min(len(lines) - 1, 50))])
        counts = {sign: lines[0].count(sign) for sign in (",", ";", "\t", "|")}
        separator = max(counts, key=lambda sign: counts[sign])
        decimal = "," if separator in ";\t" and _DECIMAL_COMMA.search(head) else "."
        return pd.read_csv(path, sep=separator, decimal=decimal, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputTypeError(f"{path} is no text in UTF-8. Save it as csv in UTF-8, or as parquet.") from None
    except (pd.errors.ParserError, csv.Error) as error:
        raise InputTypeError(
            f"{path} cannot be read as csv: {str(error).rstrip('.')}. Correct that line, or save it as "
            "parquet."
        ) from error


def check_output(path: Path | None) -> None:
    """Raise before the work if a table cannot be written there; None is stdout.

    Raises
    ------
    ImportError
        If pyarrow is needed and not installed.
    ColumnError
        If the name ends neither in .csv nor in .parquet.
    FileNotFoundError
        If there is no such folder.
    """
    if path is None:
        return
    if path.suffix.lower() in _PARQUET:
        _require_pyarrow()
    elif path.suffix.lower() != ".csv":
        raise ColumnError(f"{path} must end in .csv or .parquet. Name it so.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for {path.name}. Make it, or name another."
        )


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise ImportError('parquet files need pyarrow: pip install "ssmts[cli]"') from None


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index as csv or parquet, by the name of the file; whole or not at all."""
    from ssmts.training.atomic import replacing

    with replacing(path) as beside:
        if path.suffix.lower() in _PARQUET:
            frame.to_parquet(beside, index=False)
        else:
            frame.to_csv(beside, index=False)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: missing values are null, times ISO 8601."""
    import json

    found: list[dict[str, Any]] = json.loads(
        frame.to_json(orient="records", date_format="iso", date_unit="s")
    )
    return found
