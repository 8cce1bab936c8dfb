"""What the page on time to accuracy says of a run."""

import pytest

from benchmarks.scale import time_to_accuracy


@pytest.mark.parametrize(
    ("mse", "seconds", "said"),
    [
        (0.377, 120.0, "takes\n60 times as long"),
        (0.41, 600.0, "more than 300 times as long (it did not get there)"),
    ],
)
def test_the_ratio_is_that_of_the_times(mse, seconds, said):
    curve = [
        {"steps": 25, "seconds": 10.0, "mse": 0.46, "part": True},
        {"steps": 300, "seconds": seconds, "mse": mse, "part": False},
    ]
    text = time_to_accuracy.summary({"ours": {"seconds": 2.0, "mse": 0.355}, "peer": curve})
    assert said in text
    assert "it\nreaches 0.360" in text
    assert "| 25 | 10 | 0.4600 (one in 8) |" in text
