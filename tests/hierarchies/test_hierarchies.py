"""Forecasts of sums agree with their parts, and lose nothing by it."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from ssmts import HierarchicalForecaster, LinearSSMForecaster
from ssmts.errors import (
    AllMissingError,
    DuplicateTimeError,
    InputTypeError,
    MissingColumnError,
    MissingIdError,
    ParameterError,
    TargetGivenError,
    TooShortWarning,
    UnknownColumnError,
)
from ssmts.hierarchies.hierarchy import Hierarchy
from ssmts.hierarchies.reconciliation import METHODS, coherent, error_covariance

DAYS = pd.date_range("2025-01-01", periods=120, freq="D")
LEVELS = [[], ["shop"], ["item"]]


def sales(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    week = np.sin(2 * np.pi * np.arange(120) / 7)
    common = rng.normal(size=120).cumsum() * 0.3
    return pd.concat(
        pd.DataFrame({"shop": s, "item": i, "ds": DAYS, "y": 10 + k * week + common + rng.normal(size=120)})
        for k, (s, i) in enumerate((s, i) for s in "ab" for i in "xyz")
    )


@pytest.fixture(scope="module")
def model():
    return HierarchicalForecaster(LinearSSMForecaster(horizon=7), keys=["shop", "item"], levels=LEVELS).fit(
        sales()
    )


def test_forecasts_add_up(model):
    found = model.predict()
    assert list(found) == ["shop", "item", "ds", "y"]
    assert found.shape == (7 * (1 + 2 + 3 + 6), 4)
    at = found.set_index(["shop", "item", "ds"])["y"].unstack("ds")
    parts = at.drop(index="(all)", level="shop").drop(index="(all)", level="item")
    np.testing.assert_allclose(at.loc[("(all)", "(all)")], parts.sum(), rtol=1e-12)
    for shop in "ab":
        np.testing.assert_allclose(at.loc[(shop, "(all)")], parts.loc[shop].sum(), rtol=1e-12)
    for item in "xyz":
        np.testing.assert_allclose(at.loc[("(all)", item)], parts.xs(item, level="item").sum(), rtol=1e-12)


def test_intervals_move_with_their_forecasts(model):
    found, ends = model.predict(), model.predict_interval(level=80)
    assert ((ends["y-lo-80"] < found["y"]) & (found["y"] < ends["y-hi-80"])).mean() > 0.95
    base = model.model_.predict_interval(level=80)
    width = (base["y-hi-80"] - base["y-lo-80"]).to_numpy()
    np.testing.assert_allclose(ends["y-hi-80"] - ends["y-lo-80"], width, rtol=1e-9)


def test_later_rows_and_polars(model):
    frame = sales()
    early = frame[frame["ds"] < DAYS[100]]
    assert model.predict(early)["ds"].min() == DAYS[100]
    again = clone(model).fit(pl.from_pandas(frame))
    found = again.predict()
    assert isinstance(found, pl.DataFrame)
    np.testing.assert_allclose(found["y"].to_numpy(), model.predict()["y"].to_numpy(), rtol=1e-9)


def test_bounds_of_the_forecaster_hold_for_all_nodes():
    rng = np.random.default_rng(0)
    frame = sales().assign(y=rng.poisson(0.2, 720).astype(float))
    given = LinearSSMForecaster(horizon=7, bounds=(0, None))
    model = HierarchicalForecaster(given, keys=["shop", "item"], levels=LEVELS).fit(frame)
    found = model.predict()
    assert found["y"].min() >= 0.0
    whole = found[(found["shop"] == "(all)") & (found["item"] == "(all)")]["y"].sum()
    assert whole == pytest.approx(found[(found["shop"] != "(all)") & (found["item"] != "(all)")]["y"].sum())


def test_reconciliation_is_generalised_least_squares():
    hierarchy = Hierarchy.of([("a",), ("b",), ("c",)], ["k"], None)
    assert hierarchy.labels[0] == ("(all)",)
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4))
    W = error_covariance(errors, "mint_shrink")
    forecasts = rng.normal(size=(4, 5))
    S = hierarchy.added_up(np.eye(3))
    inverse = np.linalg.inv(W)
    expected = S @ np.linalg.solve(S.T @ inverse @ S, S.T @ inverse @ forecasts)
    np.testing.assert_allclose(coherent(forecasts, hierarchy, W), expected, atol=1e-9)
    assert np.linalg.eigvalsh(W).min() > 0
    coherent_already = S @ rng.normal(size=(3, 5))
    for method in METHODS:
        W = error_covariance(errors, method)
        np.testing.assert_allclose(coherent(coherent_already, hierarchy, W), coherent_already, atol=1e-9)


def test_few_rows_are_reconciled_with_equal_weights():
    frame = sales()
    short = frame[frame["ds"] < DAYS[8]]
    model = HierarchicalForecaster(LinearSSMForecaster(horizon=7), keys=["shop", "item"])
    with pytest.warns(TooShortWarning) as found:
        model.fit(short)
    assert any("equal weights" in str(one.message) for one in found)
    assert np.isfinite(model.predict()["y"]).all()


@pytest.mark.parametrize(
    ("change", "options", "error", "says"),
    [
        (None, {"method": "best"}, ParameterError, "mint_shrink"),
        (None, {"keys": "shop"}, ParameterError, "list of the columns"),
        (None, {"levels": [["town"]]}, ParameterError, "'town' is none"),
        (None, {"levels": ["shop"]}, ParameterError, "list of lists"),
        (None, {"n_windows": 0}, ParameterError, "n_windows"),
        (lambda X: X.drop(columns="item"), {}, MissingColumnError, "'item'"),
        (lambda X: X.assign(item=X["item"].where(X["item"] != "x")), {}, MissingIdError, "'item'.*row 0"),
        (lambda X: pd.concat([X, X.head(1)]), {}, DuplicateTimeError, "shop='a', item='x'"),
        (lambda X: X[(X["item"] != "x") | (X["ds"] > DAYS[-1])], {"levels": [[]]}, None, ""),
        (lambda X: X["y"].to_numpy(), {}, InputTypeError, "pandas or polars"),
        (
            lambda X: X[(X["item"] == "x") == (X["ds"] < DAYS[60])],
            {"levels": [[]]},
            AllMissingError,
            r"\('\(all\)', '\(all\)'\) are never observed at the same time",
        ),
    ],
)
def test_bad_input_is_named(change, options, error, says):
    X = sales() if change is None else change(sales())
    model = HierarchicalForecaster(LinearSSMForecaster(horizon=7), **{"keys": ["shop", "item"]} | options)
    if error is None:
        assert model.fit(X).predict().shape == (7 * 5, 4)
        return
    with pytest.raises(error, match=says):
        model.fit(X)


def test_a_prediction_needs_the_series_of_fit(model):
    frame = sales()
    with pytest.raises(MissingIdError, match=r"\('b', 'z'\) has no rows"):
        model.predict(frame[(frame["shop"] != "b") | (frame["item"] != "z")])
    with pytest.raises(UnknownColumnError, match="was not there in fit"):
        model.predict(pd.concat([frame, frame.head(120).assign(shop="c")]))
    with pytest.raises(TargetGivenError):
        model.fit(frame, frame["y"])
