"""Free Spoken Digit Dataset: ten spoken digits, six speakers, 8 kHz."""

import re
import wave
from collections.abc import Collection
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ._homes import VARIABLE, first_existing, homes, user_cache
from .errors import DatasetEditedError, DatasetNotFoundError, DatasetTruncatedError, DatasetWrongFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOURCE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
SAMPLING_RATE = 8000
FOLDER = "fsdd/recordings"
NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)\.wav")


@dataclass(frozen=True, eq=False)
class SpokenDigits:
    """Recordings with labels, ordered by digit, speaker and index.

    Attributes
    ----------
    recordings : list of ndarray of float32, shape (length_i,)
        Sound pressure in [-1, 1); lengths differ.
    labels : ndarray of int64, shape (n,)
        The digit spoken.
    speakers : ndarray of str, shape (n,)
    indices : ndarray of int64, shape (n,)
        Number of the recording within its digit and speaker.
    sampling_rate : int
        Samples per second.
    source, licence, citation : str
    """

    recordings: "list[NDArray[np.float32]]" = field(repr=False)
    labels: "NDArray[np.int64]" = field(repr=False)
    speakers: "NDArray[np.str_]" = field(repr=False)
    indices: "NDArray[np.int64]" = field(repr=False)
    sampling_rate: int = SAMPLING_RATE
    source: str = SOURCE
    licence: str = "CC BY-SA 4.0"
    citation: str = f"Jackson, Z., et al. (2018). Free Spoken Digit Dataset. {SOURCE}"

    def __len__(self) -> int:
        return len(self.recordings)

    def split(
        self, *, train: Collection[int] = range(10, 50), test: Collection[int] = range(5, 10)
    ) -> "tuple[SpokenDigits, SpokenDigits]":
        """Split by recording index; every digit and speaker is in both parts.

        Parameters
        ----------
        train, test : collection of int
            Indices of the parts. The defaults leave out 0 to 4, which some copies lack, so that the split
            is the same for all copies.

        Returns
        -------
        train, test : SpokenDigits

        Raises
        ------
        ValueError
            If an index is in both parts, or a part holds no recording.
        """
        if common := set(train) & set(test):
            raise ValueError(f"Indices {sorted(common)} are in train and in test.")
        parts = []
        for name, chosen in (("train", train), ("test", test)):
            rows = np.flatnonzero(np.isin(self.indices, list(chosen)))
            if not len(rows):
                raise ValueError(
                    f"No recording has an index of {name}={chosen}; there are {np.unique(self.indices)}."
                )
            recordings = [self.recordings[row] for row in rows]
            parts.append(SpokenDigits(recordings, self.labels[rows], self.speakers[rows], self.indices[rows]))
        return parts[0], parts[1]


def load_spoken_digits(data_home: str | PathLike[str] | None = None) -> SpokenDigits:
    """Load the spoken digits from ``<home>/fsdd/recordings/{digit}_{speaker}_{index}.wav``.

    `data_home`, ``$SSMTS_DATA_HOME`` and the user cache are searched in this order; nothing is downloaded.

    Parameters
    ----------
    data_home : path-like, optional
        Folder to look in first.

    Returns
    -------
    SpokenDigits

    Raises
    ------
    DatasetNotFoundError
        The folder is missing; the message says where to put it.
    DatasetTruncatedError
        A recording is cut off, or recordings of a digit or speaker are missing.
    DatasetEditedError
        A recording is not 8 kHz, mono, 16 bit.
    DatasetWrongFileError
        A file is no wave file, or its name does not match the pattern.

    References
    ----------
    Jackson et al., Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset.
    """
    searched = [*homes(data_home), user_cache()]
    folder = first_existing(searched, (FOLDER,))
    if folder is None:
        raise DatasetNotFoundError(
            f"{FOLDER} is in none of {', '.join(map(str, searched))}. Clone {SOURCE} and put its recordings/ "
            f"at {FOLDER} below one of them, or below a folder that ${VARIABLE} or data_home names."
        )
    entries = []
    for path in folder.glob("*.wav"):
        match = NAME.fullmatch(path.name)
        if match is None:
            raise DatasetWrongFileError(
                f"{path} is not named {{digit}}_{{speaker}}_{{index}}.wav. Move it elsewhere."
            )
        entries.append((int(match["digit"]), match["speaker"], int(match["index"]), path))
    entries.sort()
    _check_complete({(digit, speaker, index) for digit, speaker, index, _ in entries}, folder)
    digits, speakers, indices, paths = zip(*entries, strict=True)
    return SpokenDigits(
        [_read_wave(path) for path in paths], np.array(digits), np.array(speakers), np.array(indices)
    )


def _check_complete(found: set[tuple[int, str, int]], folder: Path) -> None:
    """Raise unless every speaker has every digit at every index that occurs."""
    speakers, indices = {s for _, s, _ in found}, {i for _, _, i in found}
    missing = sorted({(d, s, i) for d in range(10) for s in speakers for i in indices} - found)
    if missing or not found:
        first = "{}_{}_{}.wav".format(*missing[0]) if missing else "every recording"
        raise DatasetTruncatedError(
            f"{folder} lacks {first} ({len(missing)} missing). Copy the folder anew from {SOURCE}."
        )


def _read_wave(path: Path) -> "NDArray[np.float32]":
    """Read one recording as float32 in [-1, 1)."""
    remedy = f"Replace it by the original from {SOURCE}."
    try:
        with wave.open(str(path)) as file:
            channels, width, rate, length, *_ = file.getparams()
            data = file.readframes(length)
    except (EOFError, wave.Error) as error:
        if path.stat().st_size < 44 and b"RIFF".startswith(path.read_bytes()[:4]):
            raise DatasetTruncatedError(f"{path} ends inside its header. {remedy}") from None
        raise DatasetWrongFileError(f"{path} is no PCM wave file ({error}). {remedy}") from None
    if (channels, width, rate) != (1, 2, SAMPLING_RATE):
        raise DatasetEditedError(
            f"{path} has {channels} channel(s), {8 * width} bit, {rate} Hz instead of "
            f"1, 16 bit, {SAMPLING_RATE} Hz. {remedy}"
        )
    if len(data) != 2 * length or not length:
        raise DatasetTruncatedError(f"{path} holds {len(data) // 2} of {length} samples. {remedy}")
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)
