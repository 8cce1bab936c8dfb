"""A short form of ``python -m benchmarks.faults --files``: an answer or an error of ours."""

from benchmarks.faults.files import make_file_trial
from benchmarks.faults.judging import judge


def test_no_error_of_another_library_comes_out_of_a_file(tmp_path):
    kinds, findings = set(), []
    for number in range(300):
        words, call = make_file_trial(0, number, tmp_path)
        outcome = judge(call)
        kinds.add(outcome.kind)
        if outcome.is_finding and outcome.kind != "slow":  # seconds belong into the benchmark
            findings.append(f"{number}: {outcome.kind} at {outcome.where}: {outcome.what}; {words}")
    assert findings == []
    assert {"answer", "error"} <= kinds
