"""A short form of ``python -m benchmarks.faults --frames``: an answer or an error of ours."""

import pytest

from benchmarks.faults.judging import judge
from benchmarks.faults.trials import make_trial


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 300, 50))
def test_no_error_of_another_library_reaches_the_user(first):
    findings = []
    for number in range(first, first + 50):
        words, call = make_trial(0, number)
        outcome = judge(call)
        if outcome.is_finding and outcome.kind != "slow":  # seconds belong into the benchmark
            findings.append(f"{number}: {outcome.kind} at {outcome.where}: {outcome.what}; {words}")
    assert findings == []
