import numpy as np
import pandas as pd

from benchmarks.forecasting.hierarchies import KEYS, compared


def test_every_method_is_judged_at_every_level():
    rng, quarters = np.random.default_rng(0), pd.date_range("2000-01-01", periods=48, freq="QS")
    frame = pd.concat(
        pd.DataFrame(dict(zip(KEYS, (s, s + r, p))) | {"ds": quarters, "Trips": rng.normal(9, 1, 48)})
        for s in "NS"
        for r in "12"
        for p in ("work", "rest")
    )
    table = compared(frame, 1, 2)
    assert set(table) == {"base", "mint_shrink", "wls", "ols", "bottom_up"}
    assert set(table["base"].values()) == {1.0}
    assert set(table["wls"]) >= {"total", "State", "State x Purpose", "State x Region x Purpose"}
    assert table["bottom_up"]["State x Region x Purpose"] == 1.0
