"""Time and memory of a call, and how they grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

MEGABYTE = 2**20


def best_seconds(call: Callable[[], object], *, rounds: int = 5, budget: float = 5.0) -> float:
    """Processor time of the shortest of `rounds` calls after one to warm up, of fewer beyond the budget.

    All threads of this process together, with one thread the time on a machine with nothing else to do. A
    call longer than the budget counts without a second one.
    """
    best, begun = float("inf"), time.process_time()
    for k in range(rounds + 1):
        start = time.process_time()
        call()
        end = time.process_time()
        if k or end - begun > budget:
            best = min(best, end - start)
        if end - begun > budget:
            break
    return best


def peak_megabytes(call: Callable[[], object]) -> float:
    """Most memory in tensors that a call allocates and has not freed yet, in MB of 2^20 bytes.

    The counterpart of `torch.cuda.max_memory_allocated` on the CPU: allocations as the profiler sees them,
    without what was there before the call.
    """
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        call()
    results = profile.kineto_results
    assert results is not None
    events = [event for event in results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    alive = np.cumsum([event.nbytes() for event in events])
    return float(alive.max(initial=0)) / MEGABYTE


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Slope of log value over log size by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
