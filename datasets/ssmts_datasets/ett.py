"""Electricity Transformer Temperature: four multivariate series from two transformers in China."""

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, overload

from ._ett_files import CHANNELS, FILES, read_ett
from ._frames import Backend, build_frame, wide_columns
from ._homes import VARIABLE, first_existing, homes, user_cache
from .errors import DatasetOfflineError, DatasetWrongFileError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

URL = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/"
CITATION = (
    "Zhou, H., Zhang, S., Peng, J., Zhang, S., Li, J., Xiong, H., Zhang, W. (2021). Informer: Beyond "
    "Efficient Transformer for Long Sequence Time-Series Forecasting. AAAI 35(12), 11106-11115."
)

Name = Literal["ETTh1", "ETTh2", "ETTm1", "ETTm2"]
Part = Literal["train", "validation", "test"]
Frame = TypeVar("Frame")


@dataclass(frozen=True, slots=True)
class Borders:
    """Row ranges ``(start, stop)`` of the three parts; rows beyond the last stop stay unused."""

    train: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ETTDataset(Generic[Frame]):
    """One of the ETT series, with the split that the long-horizon and the Informer protocols share.

    Attributes
    ----------
    name : str
    frame : pandas.DataFrame or polars.DataFrame
        All rows. Seven float64 columns; the naive local time ``date`` is the DatetimeIndex in pandas and the
        first column in polars.
    borders : Borders
        12, 4 and 4 months of 30 days.
    reference_step : pandas.Timedelta
        Spacing of the rows: an hour or 15 minutes.
    path : pathlib.Path
        File that was read.
    target : str
        Column that univariate protocols forecast: the oil temperature.
    source, licence, citation : str

    References
    ----------
    Zhou et al. (2021), Informer, section 5.1 and appendix E.
    """

    name: str
    frame: Frame = field(repr=False)
    borders: Borders
    reference_step: "pd.Timedelta"
    path: Path
    target: str = "OT"
    source: str = "https://github.com/zhouhaoyi/ETDataset"
    licence: str = "CC BY-ND 4.0"
    citation: str = field(default=CITATION, repr=False)

    @property
    def train(self) -> Frame:
        """The first 12 months."""
        return self.split("train")

    @property
    def validation(self) -> Frame:
        """The four months after `train`."""
        return self.split("validation")

    @property
    def test(self) -> Frame:
        """The four months after `validation`."""
        return self.split("test")

    def split(self, part: Part, *, context: int = 0) -> Frame:
        """Return one part, preceded by `context` rows.

        With ``context=context_length`` the first forecast origin is the row before the part, so that every
        row of the part is a target: the long-horizon protocol's way to count windows.

        Parameters
        ----------
        part : {"train", "validation", "test"}
        context : int, default 0
            Rows of the preceding parts to put in front.

        Raises
        ------
        ValueError
            Unknown part, or more context than there are rows before it.
        """
        if part not in ("train", "validation", "test"):
            raise ValueError(f'part must be "train", "validation" or "test", got {part!r}.')
        start, stop = getattr(self.borders, part)
        if not 0 <= context <= start:
            raise ValueError(f"context must lie in 0..{start}, the rows before {part}; got {context}.")
        import narwhals as nw

        rows: Frame = nw.from_native(self.frame)[start - context : stop].to_native()  # type: ignore[call-overload]
        return rows


@overload
def load_ett(
    name: Name, *, data_home: str | PathLike[str] | None = None, frame: Literal["pandas"] = "pandas"
) -> "ETTDataset[pd.DataFrame]": ...
@overload
def load_ett(
    name: Name, *, data_home: str | PathLike[str] | None = None, frame: Literal["polars"]
) -> "ETTDataset[pl.DataFrame]": ...
def load_ett(
    name: Name, *, data_home: str | PathLike[str] | None = None, frame: Backend = "pandas"
) -> "ETTDataset[pd.DataFrame] | ETTDataset[pl.DataFrame]":
    """Load an ETT series from this machine, or download it once.

    The file ``<name>.csv`` is looked for in `data_home`, in ``$SSMTS_DATA_HOME`` (in both also below
    ``ETT-small/``) and in the user cache; then it is downloaded into the user cache. Wherever it comes
    from, columns, stamps and values are checked against the original; any print of the numbers will do.

    Parameters
    ----------
    name : {"ETTh1", "ETTh2", "ETTm1", "ETTm2"}
        Transformer 1 or 2, hourly (17,420 rows) or every 15 minutes (69,680 rows).
    data_home : path-like, optional
        Folder to look in first.
    frame : {"pandas", "polars"}, default "pandas"

    Returns
    -------
    ETTDataset

    Raises
    ------
    ValueError
        Unknown `name` or `frame`.
    DatasetNotFoundError
        `data_home` is no folder.
    DatasetTruncatedError, DatasetEditedError, DatasetWrongFileError
        The file found, or downloaded, is not the original.
    DatasetOfflineError
        No file here and no way to download it; the message says where to put it.

    Examples
    --------
    >>> from ssmts_datasets import load_ett
    >>> etth1 = load_ett("ETTh1")  # doctest: +SKIP
    >>> etth1.train.shape  # doctest: +SKIP
    (8640, 7)
    """
    if name not in FILES:
        raise ValueError(f"name must be one of {', '.join(FILES)}, got {name!r}.")
    import pandas as pd

    file = FILES[name]
    filename = f"{name}.csv"
    path = first_existing(homes(data_home), (filename, f"ETT-small/{filename}"))
    remedy = f"Replace it by {URL}{filename}, or remove it to use another copy"
    if path is None:
        path = user_cache() / filename
        remedy = "Delete this file and call load_ett again to download it anew"
        if not path.exists():
            _download(filename, file.checksum, path.parent, data_home)
    stamps, values = read_ett(path, name, f"{remedy}.")

    hours = 60 // file.minutes
    borders = Borders(*((hours * 24 * 30 * a, hours * 24 * 30 * b) for a, b in ((0, 12), (12, 16), (16, 20))))
    return ETTDataset(
        name=name,
        frame=build_frame({"date": stamps, **wide_columns(CHANNELS, values)}, frame, index="date"),
        borders=borders,
        reference_step=pd.Timedelta(minutes=file.minutes),
        path=path,
    )


def _download(filename: str, checksum: str, cache: Path, data_home: str | PathLike[str] | None) -> None:
    """Download into `cache`; the file appears there only when it is whole and its checksum is right."""
    import pooch
    import requests

    url = URL + filename
    try:
        pooch.retrieve(url, known_hash=checksum, fname=filename, path=cache)
    except requests.RequestException as error:
        home = f"{data_home}" if data_home is not None else f"the folder that ${VARIABLE} names"
        raise DatasetOfflineError(
            f"{filename} is not on this machine and could not be downloaded from {url} "
            f"({type(error).__name__}: {error}). Fetch it on a machine that is online and put it at "
            f"{cache / filename}, or into {home} (there or below ETT-small/); "
            f"looked in: {', '.join(str(h) for h in [*homes(data_home), cache])}."
        ) from error
    except ValueError as error:
        raise DatasetWrongFileError(
            f"What {url} sent is not {filename} as published ({error}). Something between here and there may "
            "have answered in its place, such as a proxy's log-in page. Try again, or put the file at "
            f"{cache / filename}."
        ) from error
