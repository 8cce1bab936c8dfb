"""Bounds of what can be observed hold for every forecast, and change none that lies between them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import ssmts
from ssmts import LinearSSMForecaster, S4DForecaster
from ssmts.errors import ParameterError

N = 600
HOURS = pd.date_range("2024-01-01", periods=N, freq="h")
RNG = np.random.default_rng(0)
SUN = np.maximum(0.0, np.sin(2 * np.pi * np.arange(N) / 24)) * RNG.uniform(0.5, 1.5, N)  # nothing at night
FRAME = pd.DataFrame({"sun": SUN, "heat": 20 + 5 * RNG.normal(size=N)}, HOURS)


@pytest.fixture(scope="module")
def free():
    return LinearSSMForecaster(horizon=24).fit(FRAME)


@pytest.fixture(scope="module")
def bounded():
    return LinearSSMForecaster(horizon=24, bounds={"sun": (0, None)}).fit(FRAME)


def test_forecasts_are_those_without_bounds_moved_between_them(free, bounded, tmp_path):
    both = [model.predict_interval(level=[80, 95]) for model in (free, bounded)]
    assert both[0]["sun-lo-95"].min() < 0
    low = both[0].columns.str.startswith("sun")
    expected = both[0].where(~low | (both[0] > 0), 0.0)
    pd.testing.assert_frame_equal(both[1], expected)
    assert (both[1]["sun-hi-80"] > 0).all()
    assert free.predict()["sun"].min() < 0.0
    pd.testing.assert_frame_equal(bounded.predict(), free.predict().clip(lower=0.0))
    paths = bounded.sample(50, random_state=0)
    assert paths.filter(like="sun").to_numpy().min() == 0.0
    assert paths.filter(like="heat").to_numpy().min() < 15
    bounded.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict_interval(level=[80, 95]), both[1])
    assert clone(again).bounds == {"sun": [0, None]}


def test_backtests_scores_streams_and_explanations(free, bounded):
    tables = [model.backtest(FRAME, level=80) for model in (free, bounded)]
    assert tables[0]["forecast"].min() < tables[1]["forecast"].min() == 0.0
    assert tables[1]["lo-80"].min() == 0.0
    sun = tables[1]["channel"] == "sun"
    errors = [((t["forecast"] - t["y"]) ** 2)[sun].mean() for t in tables]
    assert errors[1] < errors[0]  # a bound that holds can only gain
    assert bounded.score(FRAME) > free.score(FRAME)
    stream = bounded.stream(FRAME.iloc[:300])
    pd.testing.assert_frame_equal(stream.predict(), bounded.predict(FRAME.iloc[:300]))
    parts, whole = bounded.explain(FRAME.iloc[:300]), bounded.predict(FRAME.iloc[:300])
    bound = parts.loc[parts["part"] == "bounds", "contribution"]
    assert bound.max() > 0.0
    added = parts.groupby(["channel", "time"])["contribution"].sum()
    for name in FRAME:
        np.testing.assert_allclose(added[name], whole[name], atol=1e-9)


def test_a_panel_and_the_deep_branch_stay_between_bounds(small_deep):
    frames = [
        pd.DataFrame({"unique_id": k, "ds": HOURS[:80], "y": RNG.poisson(0.3, 80).astype(float)})
        for k in range(30)
    ]
    panel = LinearSSMForecaster(horizon=7, bounds=(0, 5)).fit(pd.concat(frames))
    found = panel.predict_interval(level=99).filter(like="y-").to_numpy()
    assert found.min() == 0.0
    assert found.max() <= 5.0
    deep = S4DForecaster(**small_deep | {"bounds": (0, None), "max_epochs": 1}).fit(SUN)
    assert deep.predict_interval(level=99).min() == 0.0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((1, None), r"wide enough for X: column 'sun' holds 0 at 2024-01-01"),
        ((2, 1), "lowest below highest"),
        ((0,), "a pair such as"),
        ("0", "a pair such as"),
        ((0, "1"), "a pair such as"),
        ((np.nan, None), "a pair such as"),
        ({"prices": (0, None)}, "of the channels \\['sun', 'heat'\\]: 'prices' is none"),
    ],
)
def test_bounds_that_cannot_be_are_named(given, says):
    with pytest.raises(ParameterError, match=says):
        LinearSSMForecaster(horizon=24, bounds=given).fit(FRAME)


def test_an_export_says_that_it_knows_no_bounds(bounded, tmp_path):
    with pytest.raises(ParameterError, match="bounds"):
        bounded.export(tmp_path / "graph", format="torch.export")
