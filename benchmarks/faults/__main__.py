"""Hostile input: ``python -m benchmarks.faults --frames``.

Makes 20,000 frames, arrays, cases, labels, covariates and requests with faults, by number (``--seed``), and
gives them to forecasters, classifiers and regressors with their defaults, to their streams and their files.
What may come of it is an answer of finite numbers or an error of ``ssmts.errors``, within 5 seconds and
without a warning of another library; anything else is a finding, of which the first of each kind is shown.
``--trial 123`` runs one and shows its traceback.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections import Counter

from benchmarks.faults.judging import judge
from benchmarks.faults.trials import make_trial

_MEMORY = 8 * 2**30  # bytes of address space; what asks for more gets a MemoryError, which is a finding


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the number of findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", action="store_true", help="frames, cases, covariates and requests")
    parser.add_argument("--n", type=int, default=20_000, help="number of trials")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trial", type=int, help="run this one and show its traceback")
    options = parser.parse_args(arguments)
    if options.trial is not None:
        words, call = make_trial(options.seed, options.trial)
        print(words)
        print(call())
        return 0
    if not options.frames:
        parser.error("say what to try: --frames")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    kinds: Counter[str] = Counter()
    shown: set[tuple[str, str]] = set()
    for number in range(options.first, options.first + options.n):
        words, call = make_trial(options.seed, number)
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
