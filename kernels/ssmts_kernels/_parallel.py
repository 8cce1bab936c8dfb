"""Compiled loops on as many threads as torch uses.

numba's own parallel loops end the process when two Python threads enter them at once (its "workqueue") or
after a fork (GNU OpenMP). Loops that give up the interpreter's lock need no more than a pool of Python
threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch

_pools: dict[int, ThreadPoolExecutor] = {}
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_pools.clear)


def spread(loop: Callable[..., Any], tasks: int, *arguments: Any) -> None:
    """Call ``loop(first, last, *arguments)`` on shares of range(tasks).

    The loop must not let its result depend on the shares: the number of threads would change it.
    """
    threads = max(1, min(torch.get_num_threads(), tasks))
    bounds = [tasks * i // threads for i in range(threads + 1)]
    if threads == 1:
        loop(0, tasks, *arguments)
        return
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="ssmts_kernels")
    shares = list(pairwise(bounds))
    others = [_pools[threads].submit(loop, *share, *arguments) for share in shares[1:]]
    loop(*shares[0], *arguments)
    for other in others:
        other.result()
