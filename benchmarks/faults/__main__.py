"""Hostile input: ``python -m benchmarks.faults --frames``, ``--files``.

Makes 20,000 frames, arrays, cases, labels, covariates and requests with faults, by number (``--seed``), and
gives them to forecasters, classifiers and regressors with their defaults, to their streams and their files.
What may come of it is an answer of finite numbers or an error of ``ssmts.errors``, within 5 seconds and
without a warning of another library; anything else is a finding, of which the first of each kind is shown.
``--files`` mutates saved models, streams and checkpoints: bytes, headers, and metadata and tensors below a
right digest; 10,000 of them by default. ``--kills`` ends processes at random points of a deep fit with
checkpoints and of a search, takes both up again and compares the results bit for bit. ``--trial 123`` runs
one of the frames or files and shows its traceback.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.faults.files import make_file_trial
from benchmarks.faults.judging import judge
from benchmarks.faults.kills import TASKS, kill_and_resume, whole_run
from benchmarks.faults.trials import Trial, make_trial

_MEMORY = 2**30  # bytes above the start; what asks for more gets a MemoryError, which is a finding


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the number of findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", action="store_true", help="frames, cases, covariates and requests")
    parser.add_argument("--files", action="store_true", help="models, streams and checkpoints")
    parser.add_argument("--kills", action="store_true", help="processes killed in deep fits and searches")
    parser.add_argument("--n", type=int, help="trials: 20,000 of frames, 10,000 of files, 50 kills")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trial", type=int, help="run this one and show its traceback")
    options = parser.parse_args(arguments)
    if options.frames + options.files + options.kills != 1:
        parser.error("say what to try: --frames, --files or --kills")
    if options.kills:
        return _kill(options.seed, options.n or 50)
    with tempfile.TemporaryDirectory() as folder:
        make = functools.partial(make_file_trial, folder=Path(folder)) if options.files else make_trial
        if options.trial is not None:
            words, call = make(options.seed, options.trial)
            print(words)
            print(call())
            return 0
        n = options.n or (10_000 if options.files else 20_000)
        return _run(make, options.seed, range(options.first, options.first + n))


def _kill(seed: int, n: int) -> int:
    """Kill tasks in turn until `n` processes were killed; the number of findings."""
    whole = {task: whole_run(task) for task in TASKS}
    kills, findings = Counter[str](), 0
    for number in itertools.count():
        task = list(TASKS)[number % len(TASKS)]
        rng = np.random.default_rng([seed, number])
        killed, finding = kill_and_resume(task, rng, *whole[task])
        kills[task] += killed
        if finding is not None:
            findings += 1
            print(f"{number}: {task}, killed {killed} times: {finding}", flush=True)
        if kills.total() >= n:
            break
    print(f"{dict(kills)} kills, {number + 1} resumed results, {findings} findings")
    return findings


def _run(make: Callable[[int, int], Trial], seed: int, numbers: range) -> int:
    """Run trials and print what they came to; the number of findings."""
    make(seed, numbers.start)[1]  # loads what is imported on demand
    start = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (start + _MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    kinds: Counter[str] = Counter()
    shown: set[tuple[str, str]] = set()
    for number in numbers:
        words, call = make(seed, number)
        outcome = judge(call)
        kinds[outcome.kind] += 1
        place = (outcome.kind, outcome.where or outcome.what[:40])
        if outcome.is_finding and place not in shown:
            shown.add(place)
            print(f"{number}: {outcome.kind} at {outcome.where}: {outcome.what}\n    {words}", flush=True)
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items())))
    return sum(count for kind, count in kinds.items() if kind not in ("answer", "error"))


if __name__ == "__main__":
    sys.exit(bool(main()))
