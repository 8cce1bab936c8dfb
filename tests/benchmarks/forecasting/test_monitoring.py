from benchmarks.forecasting.monitoring import compared


def test_a_spike_is_found_at_once():
    [row] = compared(1, ("spike",))
    assert row["monitor"]["found"] == 1.0
    assert row["monitor"]["delay"] == 0.0
    assert row["monitor"]["false"] < 0.02
