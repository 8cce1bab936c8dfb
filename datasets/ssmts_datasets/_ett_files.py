"""Reader of ETT files that tells truncated, edited and wrong files apart."""

import csv
import io
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import DatasetEditedError, DatasetError, DatasetTruncatedError, DatasetWrongFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
HEADER = ["date", *CHANNELS]
START = np.datetime64("2016-07-01T00:00:00", "s")


@dataclass(frozen=True, slots=True)
class ETTFile:
    """Identity of an original file.

    `checksum` is that of the file as published. `values` are the CRC-32 of each column, rounded: they do
    not depend on how the numbers are printed.
    """

    rows: int
    minutes: int
    checksum: str
    values: tuple[int, ...]

    @property
    def stamps(self) -> "NDArray[np.datetime64]":
        """The time stamps that the file must hold, to the second."""
        return START + np.arange(self.rows) * np.timedelta64(self.minutes * 60, "s")


FILES = {
    "ETTh1": ETTFile(
        17420,
        60,
        "sha256:f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        (0x2BD5384C, 0x49867FAA, 0xC36F3F7D, 0x22FDEBD2, 0xDAC8CFCD, 0xB7A69D3C, 0x172AC3C3),
    ),
    "ETTh2": ETTFile(
        17420,
        60,
        "sha256:a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
        (0x1479190A, 0x55744DCC, 0x8C06B629, 0x38355491, 0x6FE40EE8, 0x1FE10C12, 0xA9560CC6),
    ),
    "ETTm1": ETTFile(
        69680,
        15,
        "md5:82d6bd89109c63d075d99c1077b33f38",
        (0xEB52135F, 0x5BA1594C, 0x1BBD0F38, 0xD6DB294D, 0x7B11F662, 0xA56515B8, 0x3705CEE6),
    ),
    "ETTm2": ETTFile(
        69680,
        15,
        "md5:7687e47825335860bf58bccb31be0c56",
        (0x5405B592, 0x30EEAF92, 0xF69DB261, 0x3CF5CC1E, 0x977204F5, 0x9E90F855, 0xDDE5F874),
    ),
}


def value_checksums(values: "NDArray[np.float64]") -> tuple[int, ...]:
    """CRC-32 of each column in units of 1e-4.

    The measurements have four decimals and passed through float32: every published value lies within 0.04
    units of a multiple of 1e-4. Numbers printed with five decimals or more therefore round alike, and a
    change of the last digit of a measurement is detected. (Six decimals would fail: float32 scatters
    there.)
    """
    with np.errstate(over="ignore"):  # absurd values need a different checksum only, not a warning
        units = np.rint(values * 1e4) + 0.0  # + 0.0: one sign of zero
    return tuple(zlib.crc32(np.ascontiguousarray(column, dtype="<f8").tobytes()) for column in units.T)


def read_ett(path: Path, name: str, remedy: str) -> "tuple[NDArray[np.datetime64], NDArray[np.float64]]":
    """Read and check one file.

    Parameters
    ----------
    path : Path
    name : str
        Key of `FILES`: the expected data set.
    remedy : str
        Last sentence of every error message.

    Returns
    -------
    stamps : ndarray of datetime64[ns], shape (rows,)
    values : ndarray of float64, shape (rows, 7)

    Raises
    ------
    DatasetTruncatedError
        The file ends early, possibly in mid-line.
    DatasetEditedError
        Header, times or values differ; the message names the first line or the columns.
    DatasetWrongFileError
        Not text, another table, another sampling rate or another of the four data sets.
    """
    try:
        return _read(path.read_bytes(), FILES[name])
    except DatasetError as error:
        raise type(error)(f"{path} is not {name} as published: {error}. {remedy}") from None


def _read(raw: bytes, expected: ETTFile) -> "tuple[NDArray[np.datetime64], NDArray[np.float64]]":
    """Parse `raw`; the caller adds the file's name to errors."""
    body, ends_in_newline = _rows(raw)
    values = _numbers(body)
    _check_stamps([row[0] for row in body], expected)
    checksums = value_checksums(values)
    if checksums != expected.values:
        for other, file in FILES.items():
            if checksums == file.values:
                raise DatasetWrongFileError(f"it holds the values of {other}")
        changed = [c for c, ours, right in zip(CHANNELS, checksums, expected.values) if ours != right]
        if changed == [CHANNELS[-1]] and not ends_in_newline:
            raise DatasetTruncatedError(f"its last line, {','.join(body[-1])!r}, is cut off")
        raise DatasetEditedError(
            f"values of {', '.join(changed)} differ from the original by more than rounding"
        )
    return expected.stamps.astype("datetime64[ns]"), values


def _rows(raw: bytes) -> tuple[list[list[str]], bool]:
    """Fields of the complete lines below the header, and whether the last line is certainly complete."""
    if not raw.strip(b"\0 \r\n"):
        raise DatasetTruncatedError("it is empty")
    try:
        text = raw.decode("utf-8-sig")
        header, *body = csv.reader(io.StringIO(text, newline=""))
    except (UnicodeDecodeError, csv.Error):
        raise DatasetWrongFileError("it is no comma-separated text") from None
    if header != HEADER:
        if not body and ",".join(HEADER).startswith(text.strip()):
            raise DatasetTruncatedError("it ends inside the header")
        if len(set(header) & set(CHANNELS)) >= 4:
            raise DatasetEditedError(f"its columns are {', '.join(header)} instead of {', '.join(HEADER)}")
        raise DatasetWrongFileError(f"it begins with {text[:40]!r} instead of {','.join(HEADER)!r}")

    ends_in_newline = text.endswith(("\n", "\r"))
    while body and not body[-1]:
        body.pop()
    if body and not ends_in_newline and (len(body[-1]) < len(HEADER) or not _is_finite(body[-1][-1])):
        body.pop()  # cut inside the line: the file is too short, which says more than a broken last line
    for line, row in enumerate(body, start=2):
        if len(row) != len(HEADER):
            raise DatasetEditedError(f"line {line} has {len(row)} fields instead of {len(HEADER)}")
    return body, ends_in_newline


def _numbers(body: list[list[str]]) -> "NDArray[np.float64]":
    """Measured values, shape (rows, 7); an error names the first field that is no finite number."""
    try:
        values = np.array([row[1:] for row in body], dtype=np.float64).reshape(-1, len(CHANNELS))
    except ValueError:
        values = np.array([[np.nan]])
    if not np.isfinite(values).all():
        line, column, field = next(
            (line, column, field)
            for line, row in enumerate(body, start=2)
            for column, field in zip(CHANNELS, row[1:])
            if not _is_finite(field)
        )
        raise DatasetEditedError(f"line {line}, column {column} holds {field!r}, which is no finite number")
    return values


def _is_finite(field: str) -> bool:
    """Whether `field` is written as a finite number."""
    try:
        return bool(np.isfinite(float(field)))
    except ValueError:
        return False


def _check_stamps(fields: list[str], expected: ETTFile) -> None:
    """Raise unless all time stamps are the expected ones."""
    right = np.char.replace(np.datetime_as_string(expected.stamps), "T", " ").tolist()
    if fields == right:
        return
    stamps = []
    for line, field in enumerate(fields, start=2):
        try:
            stamps.append(datetime.fromisoformat(field).isoformat(" "))
        except ValueError:
            raise DatasetEditedError(
                f"line {line} has {field!r} where a time stamp like {right[0]!r} is due"
            ) from None
    if stamps == right:  # the same instants in another ISO 8601 print
        return
    if len(stamps) < 2:
        raise DatasetTruncatedError(f"it has {len(stamps)} of {expected.rows} rows")
    wrong = next((k for k, (ours, due) in enumerate(zip(stamps, right)) if ours != due), None)
    if wrong is None and len(stamps) < len(right):
        raise DatasetTruncatedError(f"it ends at {stamps[-1]} with {len(stamps)} of {expected.rows} rows")
    if wrong is None:
        raise DatasetEditedError(f"line {len(right) + 2} begins rows beyond the last, {right[-1]}")
    spacing = Counter(_minutes(a, b) for a, b in pairwise(stamps[:1000])).most_common(1)[0][0]
    if abs(spacing) != expected.minutes or not right[0] <= stamps[0] <= right[-1]:
        raise DatasetWrongFileError(
            f"its rows begin at {stamps[0]} and lie {spacing:g} min apart, "
            f"the original's begin at {right[0]} and lie {expected.minutes} min apart"
        )
    raise DatasetEditedError(
        f"line {wrong + 2} has the stamp {stamps[wrong]} where {right[wrong]} is due "
        "(rows removed, repeated or moved)"
    )


def _minutes(earlier: str, later: str) -> float:
    """Minutes between two ISO 8601 stamps, with or without a time zone."""
    a, b = (datetime.fromisoformat(stamp).replace(tzinfo=None) for stamp in (earlier, later))
    return (b - a).total_seconds() / 60
