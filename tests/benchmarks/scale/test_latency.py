"""The page on latency: times of calls and of new processes."""

from benchmarks.scale import latency


def test_calls_and_processes_are_timed():
    calls = []
    clock, processor = latency.timed(lambda: calls.append(sum(range(1000))), 5)
    assert len(calls) == 15
    assert clock > 0
    assert processor > 0
    clock, _ = latency.process("time.sleep(0.05)")
    assert clock >= 0.05


def test_the_page_has_a_row_for_each():
    text = latency.page([{"what": "predict", "clock": 0.0012, "processor": 0.001}])
    assert "| predict | 1.20 ms | 1.00 ms |" in text
