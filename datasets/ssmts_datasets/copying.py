"""Memory tasks on tokens: delayed copy, selective copy, induction heads."""

import numpy as np

from ._sampling import Seed, check_sizes
from .sequence_task import SequenceTask, complete


def make_delayed_copy(
    n: int = 1000, *, delay: int = 1000, n_copied: int = 10, n_symbols: int = 8, random_state: Seed = None
) -> SequenceTask:
    """Symbols, a long blank and a mark; the target is the symbols in order.

    A sequence is `n_copied` symbols, `delay` - 1 blanks, a mark, and `n_copied` blanks, the positions of
    the answers. Its length is `delay` + 2 `n_copied`. A model without memory has accuracy 1 / `n_symbols`.

    Parameters
    ----------
    n : int
        Sequences.
    delay : int
        Positions between the last symbol and the first answer, the mark included.
    n_copied, n_symbols : int
        Symbols of a sequence, and how many there are. Tokens: 0 is the blank, 1 to n_symbols the symbols,
        n_symbols + 1 the mark. Classes begin at 0.
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, delay + 2 n_copied), targets (n, n_copied).

    Raises
    ------
    ValueError
        If a size is no whole number from 1.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 1997; Arjovsky, Shah and
    Bengio, "Unitary evolution recurrent neural networks", ICML 2016, section 5.1.
    """
    check_sizes(n=n, delay=delay, n_copied=n_copied, n_symbols=n_symbols)
    symbols = np.random.default_rng(random_state).integers(n_symbols, size=(n, n_copied))
    inputs = np.zeros((n, delay + 2 * n_copied), dtype=np.int64)
    inputs[:, :n_copied] = 1 + symbols
    inputs[:, n_copied + delay - 1] = n_symbols + 1
    given = {"delay": delay, "n_copied": n_copied, "n_symbols": n_symbols}
    return SequenceTask(
        "delayed_copy", inputs, symbols, complete(inputs), n_symbols + 2, n_symbols, 1 / n_symbols, given
    )


def make_selective_copy(
    n: int = 1000, *, length: int = 4096, n_copied: int = 16, n_symbols: int = 14, random_state: Seed = None
) -> SequenceTask:
    """Symbols scattered over blanks; the target is the symbols in order, wherever they are.

    A sequence is `length` positions, of which `n_copied` random ones hold symbols and the others blanks,
    and `n_copied` marks, the positions of the answers. A time-invariant system cannot solve it: the
    distance from a symbol to its answer depends on the positions of the others.

    Parameters
    ----------
    n : int
        Sequences.
    length : int
        Positions before the marks; the defaults are the Mamba paper's (16 tokens in all).
    n_copied, n_symbols : int
        Symbols of a sequence, and how many there are. Tokens: 0 is the blank, 1 to n_symbols the symbols,
        n_symbols + 1 the mark. Classes begin at 0.
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, length + n_copied), targets (n, n_copied).

    Raises
    ------
    ValueError
        If a size is no whole number from 1, or length is below n_copied.

    References
    ----------
    Gu and Dao, "Mamba", 2023, sections 3.1 and 4.1.1; Jing et al., "Gated orthogonal recurrent units",
    2019.
    """
    check_sizes(n=n, length=length, n_copied=n_copied, n_symbols=n_symbols)
    if length < n_copied:
        raise ValueError(f"length must be at least n_copied={n_copied}, got {length}.")
    rng = np.random.default_rng(random_state)
    symbols = rng.integers(n_symbols, size=(n, n_copied))
    inputs = np.full((n, length + n_copied), n_symbols + 1, dtype=np.int64)
    inputs[:, :length] = 0
    places = np.sort(np.argpartition(rng.random((n, length)), n_copied - 1, axis=1)[:, :n_copied], axis=1)
    np.put_along_axis(inputs, places, 1 + symbols, axis=1)
    given = {"length": length, "n_copied": n_copied, "n_symbols": n_symbols}
    return SequenceTask(
        "selective_copy", inputs, symbols, complete(inputs), n_symbols + 2, n_symbols, 1 / n_symbols, given
    )


def make_induction_heads(
    n: int = 1000, *, length: int = 256, n_symbols: int = 15, random_state: Seed = None
) -> SequenceTask:
    """Random symbols with a mark, and the mark again at the end; the target is the symbol after the first.

    Parameters
    ----------
    n : int
        Sequences.
    length : int
        Positions, from 3; the mark is at the last one and at an earlier one, never next to the end.
    n_symbols : int
        Symbols; with the mark, the Mamba paper's vocabulary has 16. Tokens: 0 to n_symbols - 1 are the
        symbols, n_symbols is the mark.
    random_state : int, Generator or None

    Returns
    -------
    SequenceTask
        Inputs (n, length), targets (n,).

    Raises
    ------
    ValueError
        If a size is no whole number from 1, or length is below 3.

    References
    ----------
    Gu and Dao, "Mamba", 2023, section 4.1.2; Olsson et al., "In-context learning and induction heads",
    2022.
    """
    check_sizes(n=n, length=length, n_symbols=n_symbols)
    if length < 3:
        raise ValueError(f"length must be at least 3 (a mark, a token, a mark), got {length}.")
    rng = np.random.default_rng(random_state)
    inputs = rng.integers(n_symbols, size=(n, length))
    rows, places = np.arange(n), rng.integers(length - 2, size=n)
    inputs[rows, places] = inputs[:, -1] = n_symbols
    targets = inputs[rows, places + 1]
    given = {"length": length, "n_symbols": n_symbols}
    return SequenceTask(
        "induction_heads", inputs, targets, complete(inputs), n_symbols + 1, n_symbols, 1 / n_symbols, given
    )
