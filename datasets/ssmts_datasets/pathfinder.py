"""Pathfinder: whether two marked ends belong to one dashed path; images read pixel by pixel."""

from typing import TYPE_CHECKING

import numpy as np

from ._sampling import Seed, check_sizes
from .sequence_task import SequenceTask, complete

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = (8, 128)
SHORTEST = 4  # pixels of a path
DASH, END = 0.5, 1.0
_CLEARANCE = 3  # pixels between paths, along either axis: more than twice the largest gap of a dashed path
_TURN = 0.25  # radians of heading, standard deviation a pixel


def make_pathfinder(
    n: int = 1000,
    *,
    side: int = 32,
    path_length: int | tuple[int, int] | None = None,
    n_distractors: int | None = None,
    random_state: Seed = None,
) -> SequenceTask:
    """Images of dashed, winding paths with discs on two ends; the target is whether they end one path.

    Half of the images have two discs on the ends of one path; in the others they lie on one end each of two
    paths. Paths have random headings that drift, and keep three pixels from each other and from their own
    earlier course; dashes are two pixels with a gap of one. Every image can be solved: dilated by one pixel,
    its connected parts are its paths. `side` = 128 is the size of Path-X, 32 that of Pathfinder.

    Parameters
    ----------
    n : int
        Images.
    side : int
        Pixels a side, 8 to 128.
    path_length : int or (int, int), optional
        Pixels of the two long paths, from 4 to three quarters of the side (the default): longer ones may
        find no room. Two numbers are the bounds of a uniform draw for every image. Longer paths are harder.
    n_distractors : int, optional
        Paths of a third of that length without discs, drawn where there is room; (side / 16)², at most 20,
        by default.
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, side², 1), line by line, 0 for the ground, 0.5 for dashes and 1 for the discs (one pixel;
        a cross of five from a side of 24 on); targets (n,), 1 where the discs are joined.

    Raises
    ------
    ValueError
        If a size is out of range.

    References
    ----------
    Linsley, Kim, Veerabadran, Windolf and Serre, "Learning long-range spatial dependencies with horizontal
    gated recurrent units", NeurIPS 2018; Tay et al., "Long Range Arena", ICLR 2021, section 2.2. The images
    are drawn anew by the rules above, not taken from there.
    """
    check_sizes(n=n)
    if not isinstance(side, int | np.integer) or not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"side must be a whole number from {SIDES[0]} to {SIDES[1]}, got {side!r}.")
    if n_distractors is None:
        n_distractors = min(20, (side // 16) ** 2)
    elif not isinstance(n_distractors, int | np.integer) or n_distractors < 0:
        raise ValueError(f"n_distractors must be a whole number from 0, got {n_distractors!r}.")
    shortest, longest = _path_lengths(path_length, side)
    rng = np.random.default_rng(random_state)
    targets = rng.permutation(np.arange(n) % 2).astype(np.int64)
    images = np.stack(
        [_image(rng, side, _drawn(rng, shortest, longest), n_distractors, bool(joined)) for joined in targets]
    )
    inputs = images.reshape(n, -1, 1)
    given = {"side": side, "path_length": path_length, "n_distractors": n_distractors}
    return SequenceTask("pathfinder", inputs, targets, complete(inputs), None, 2, 0.5, given)


def default_path_length(side: int) -> int:
    """Pixels of the long paths of an image where none are given: three quarters of its side."""
    return max(SHORTEST, round(0.75 * side))


def _path_lengths(given: int | tuple[int, int] | None, side: int) -> tuple[int, int]:
    """Least and most pixels of the long paths."""
    most = default_path_length(side)
    if given is None:
        given = most
    pair = given if isinstance(given, tuple) else (given, given)
    whole = len(pair) == 2 and all(isinstance(one, int | np.integer) for one in pair)
    if not whole or not SHORTEST <= pair[0] <= pair[1] <= most:
        raise ValueError(
            f"path_length must be a whole number from {SHORTEST} to {most} for images of side {side}, or two "
            f"of them, the least and the most, got {given!r}."
        )
    return pair


def _drawn(rng: np.random.Generator, shortest: int, longest: int) -> int:
    # Where there is nothing to draw, the generator is left alone: a seed's images stay what they were.
    return shortest if shortest == longest else int(rng.integers(shortest, longest + 1))


def _image(
    rng: np.random.Generator, side: int, long: int, n_distractors: int, joined: bool
) -> "NDArray[np.float32]":
    """One image: two long paths and the distractors, the discs on the first or on both."""
    margin = 1 if side >= 24 else 0  # room for the discs
    while True:
        taken = np.zeros((side, side), dtype=bool)
        first = _path(rng, taken, long, margin, attempts=200)
        second = first and _path(rng, taken, long, margin, attempts=200)
        if first and second:
            break
    image = np.zeros((side, side), dtype=np.float32)
    paths = [first, second]
    for _ in range(n_distractors):
        short = _path(rng, taken, max(SHORTEST, long // 3), margin, attempts=20)
        paths += [short] if short else []
    for path in paths:
        for k, (row, column) in enumerate(path):
            if k % 3 != 2 or k == len(path) - 1:
                image[row, column] = DASH
    ends = (first[0], first[-1]) if joined else (first[0], second[0])
    for row, column in ends:
        arms = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)) if margin else ((0, 0),)
        for down, right in arms:
            image[row + down, column + right] = END
    return image


def _path(
    rng: np.random.Generator, taken: "NDArray[np.bool_]", length: int, margin: int, attempts: int
) -> list[tuple[int, int]]:
    """Draw a path of `length` pixels that touches nothing and take its surroundings; empty without room."""
    side = len(taken)
    for _ in range(attempts):
        row, column = rng.uniform(margin, side - margin, size=2)
        heading = rng.uniform(0, 2 * np.pi)
        path: list[tuple[int, int]] = []
        for turn in rng.normal(scale=_TURN, size=8 * length):
            pixel = (int(row), int(column))
            if not (margin <= min(pixel) and max(pixel) < side - margin) or taken[pixel]:
                break
            if not path or pixel != path[-1]:
                if _meets(path, pixel):
                    break
                path.append(pixel)
            if len(path) == length:
                for r, c in path:
                    reach = _CLEARANCE + margin
                    taken[max(0, r - reach) : r + reach + 1, max(0, c - reach) : c + reach + 1] = True
                return path
            heading += 0.5 * turn
            row, column = row + 0.5 * np.sin(heading), column + 0.5 * np.cos(heading)
    return []


def _meets(path: list[tuple[int, int]], pixel: tuple[int, int]) -> bool:
    """Whether a path comes back to its own earlier course."""
    old = path[: -2 * _CLEARANCE]
    return any(abs(r - pixel[0]) <= _CLEARANCE and abs(c - pixel[1]) <= _CLEARANCE for r, c in old)
