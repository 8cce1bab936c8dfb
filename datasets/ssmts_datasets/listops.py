"""ListOps: nested lists of digits under four operators, read as a sequence of tokens."""

from typing import TYPE_CHECKING

import numpy as np

from ._sampling import Seed, check_sizes
from .sequence_task import SequenceTask, majority

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPERATORS = ("[MAX", "[MIN", "[MED", "[SM")
#: Token of index i; 0 is the padding.
TOKENS = ("", *map(str, range(10)), *OPERATORS, "]")
_END = len(TOKENS) - 1
_FIRST_OPERATOR = TOKENS.index(OPERATORS[0])
_NESTED = 0.25  # the published probability that an argument is a list
_PATIENCE = 100_000


def make_listops(
    n: int = 1000,
    *,
    min_length: int = 500,
    max_length: int = 2000,
    max_depth: int = 10,
    max_arguments: int = 10,
    random_state: Seed = None,
) -> SequenceTask:
    """Expressions such as ``[MAX 2 9 [MIN 4 7 ] 0 ]``; the target is the value, from 0 to 9.

    The published grammar: an argument is a digit three times in four and a list otherwise, down to
    `max_depth` levels; a list has one of MAX, MIN, MED (median, rounded down) and SM (sum modulo 10) and 2
    to `max_arguments` arguments, all choices uniform. Expressions are drawn until their length fits.
    Brackets that only group are left out, as in the Long Range Arena.

    Parameters
    ----------
    n : int
        Expressions.
    min_length, max_length : int
        Tokens of an expression, both inclusive; the defaults are the Long Range Arena's. Shorter ones are
        padded with 0 on the right.
    max_depth, max_arguments : int
        Levels of lists, and arguments of each (from 2).
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, max_length), `lengths`, targets (n,). `chance` is the frequency of the most frequent
        value: values are not equally likely.

    Raises
    ------
    ValueError
        If a size is out of range, or the grammar (almost) never gives such lengths.

    References
    ----------
    Nangia and Bowman, "ListOps: a diagnostic dataset for latent tree learning", NAACL SRW 2018; Tay et al.,
    "Long Range Arena", ICLR 2021, section 2.2.
    """
    check_sizes(n=n, min_length=min_length, max_length=max_length, max_depth=max_depth)
    if not isinstance(max_arguments, int | np.integer) or max_arguments < 2:
        raise ValueError(f"max_arguments must be a whole number from 2, got {max_arguments!r}.")
    if min_length > max_length:
        raise ValueError(f"min_length={min_length} is above max_length={max_length}.")
    rng = np.random.default_rng(random_state)
    inputs = np.zeros((n, max_length), dtype=np.int64)
    targets, lengths = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for row in range(n):
        tokens = _draw(rng, min_length, max_length, max_depth, max_arguments)
        inputs[row, : len(tokens)], lengths[row] = tokens, len(tokens)
        targets[row] = evaluate(inputs[row])
    given = {
        "min_length": min_length,
        "max_length": max_length,
        "max_depth": max_depth,
        "max_arguments": max_arguments,
    }
    return SequenceTask("listops", inputs, targets, lengths, len(TOKENS), 10, majority(targets), given)


def evaluate(tokens: "NDArray[np.int64]") -> int:
    """Value of an expression, by a stack; padding is ignored."""
    stack: list[list[int]] = [[]]
    for token in tokens[tokens > 0].tolist():
        if token >= _FIRST_OPERATOR and token != _END:
            stack.append([token])
            continue
        value = token - 1
        if token == _END:
            operator, *values = stack.pop()
            value = _apply(OPERATORS[operator - _FIRST_OPERATOR], values)
        stack[-1].append(value)
    return stack[0][0]


def _apply(operator: str, values: list[int]) -> int:
    if operator == "[MAX":
        return max(values)
    if operator == "[MIN":
        return min(values)
    if operator == "[MED":
        return int(np.median(values))
    return sum(values) % 10


def _draw(
    rng: np.random.Generator, min_length: int, max_length: int, max_depth: int, max_arguments: int
) -> list[int]:
    for _ in range(_PATIENCE):
        tokens = _expression(rng, max_length, max_depth, max_arguments)
        if tokens is not None and len(tokens) >= min_length:
            return tokens
    raise ValueError(
        f"{_PATIENCE} expressions of up to {max_depth} levels and {max_arguments} arguments had no length "
        f"from {min_length} to {max_length}. Allow more of either, or other lengths."
    )


def _expression(
    rng: np.random.Generator, max_length: int, max_depth: int, max_arguments: int
) -> list[int] | None:
    """One list, or None as soon as it is too long."""
    tokens: list[int] = []
    missing: list[int] = []  # arguments that each open list still needs
    while True:
        # The outermost argument is a list; inside, three of four arguments are digits.
        nested = not missing or (len(missing) < max_depth and rng.random() < _NESTED)
        if nested:
            tokens.append(_FIRST_OPERATOR + int(rng.integers(len(OPERATORS))))
            missing.append(int(rng.integers(2, max_arguments + 1)))
        else:
            tokens.append(1 + int(rng.integers(10)))
            missing[-1] -= 1
        while missing and missing[-1] == 0:
            tokens.append(_END)
            missing.pop()
            if missing:
                missing[-1] -= 1
        if len(tokens) + len(missing) > max_length:
            return None
        if not missing:
            return tokens
