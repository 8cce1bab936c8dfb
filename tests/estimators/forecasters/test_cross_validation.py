"""Forecasts from past origins equal those of predict on what was known then, and stand beside what came."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from ssmts.errors import HorizonError, ParameterError, TooShortError, TooShortWarning


def assert_as_predicted(table, model, frame, every=37):
    """Some cutoffs of a table of a wide frame against predict on the rows up to them."""
    n_channels = frame.shape[1]
    cutoffs = table["cutoff"].unique()[::every]
    assert len(cutoffs) > 1
    for cutoff in cutoffs:
        own = table[table["cutoff"] == cutoff]
        for channel in frame.columns:
            rows = own[own["channel"] == channel] if n_channels > 1 else own
            at = pd.DatetimeIndex(rows["time" if frame.index.name is None else frame.index.name])
            found = model.predict(frame[:cutoff], at=at)[channel]
            np.testing.assert_allclose(rows["forecast"], found, rtol=1e-7, atol=1e-9)
            np.testing.assert_array_equal(rows["y"], frame.loc[at, channel])


def test_backtest_of_every_origin(model, frame):
    table = model.backtest(frame)
    assert list(table.columns) == ["channel", "ds", "cutoff", "y", "forecast"]
    n_origins = len(frame) - 48 - 12 + 1
    assert table.groupby("channel").size().to_dict() == {"y0": 12 * n_origins, "y1": 12 * n_origins}
    assert_as_predicted(table, model, frame)
    last = table["cutoff"].max()
    assert last == frame.index[-13]


@pytest.mark.parametrize("rate", [2, 5])
def test_backtest_at_another_rate(rate, model, frame):
    thin = frame.iloc[::rate]
    table = model.backtest(thin)
    assert len(table[table["cutoff"] == table["cutoff"].iloc[0]]) == 2 * (12 // rate)
    assert_as_predicted(table, model, thin, every=15)


def test_backtest_of_irregular_data_with_holes(model, frame):
    rng = np.random.default_rng(0)
    holes = frame.iloc[np.sort(rng.choice(400, 300, replace=False))]
    holes = holes.mask(rng.random(holes.shape) < 0.1)
    table = model.backtest(holes)
    assert table["y"].notna().all()
    some = table[(table["channel"] == "y0")]
    for cutoff in some["cutoff"].unique()[::60]:
        rows = some[some["cutoff"] == cutoff]
        known = holes.loc[:cutoff, ["y0"]].assign(y1=holes.loc[:cutoff, "y0"])
        found = model.predict(known, at=pd.DatetimeIndex(rows["ds"]))["y0"]
        np.testing.assert_allclose(rows["forecast"], found, rtol=1e-6, atol=1e-8)
        np.testing.assert_array_equal(rows["y"], holes.loc[rows["ds"], "y0"])


def test_stride_and_horizon(model, frame):
    table = model.backtest(frame, stride=24, horizon="6h")
    cutoffs = table["cutoff"].unique()
    assert (np.diff(cutoffs) == np.timedelta64(24, "h")).all()
    assert len(table) == len(cutoffs) * 2 * 6
    whole = model.backtest(frame)
    both = table.merge(whole, on=["channel", "ds", "cutoff"])
    assert len(both) > 0
    np.testing.assert_allclose(both["forecast_x"], both["forecast_y"], rtol=1e-9)


def test_the_end_of_the_training_data_gives_the_first_context(new_model, frame):
    model = new_model().fit(frame.iloc[:300])
    table = model.backtest(frame.iloc[300:])
    assert table["cutoff"].min() == frame.index[299]
    assert -((table["y"] - table["forecast"]) ** 2).mean() < 0


def test_the_deep_path_takes_part(deep, chaos):
    table = deep.backtest(chaos)
    assert list(table.columns) == ["time", "cutoff", "y", "forecast"]
    for cutoff in (20, 111):
        own = table[table["cutoff"] == cutoff]
        np.testing.assert_allclose(own["forecast"], deep.predict(chaos[: cutoff + 1]), rtol=1e-4)
        np.testing.assert_array_equal(own["y"], chaos[cutoff + 1 : cutoff + 3])


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_many_series(kind, panel_model, panel):
    X = panel if kind == "pandas" else pl.from_pandas(panel)
    table = panel_model.backtest(X, stride=50)
    assert type(table) is type(X)
    table = table if kind == "pandas" else table.to_pandas()
    assert list(table.columns) == ["unique_id", "ds", "cutoff", "y", "forecast"]
    assert table["unique_id"].unique().tolist() == panel["unique_id"].unique().tolist()
    assert table["ds"].dtype == table["cutoff"].dtype
    cutoff = table["cutoff"].unique()[2]
    found = panel_model.predict(panel[panel["ds"] <= cutoff])
    own = table[table["cutoff"] == cutoff]
    np.testing.assert_allclose(own["forecast"], found["y"], rtol=1e-8)
    merged = own.merge(panel, on=["unique_id", "ds"])
    np.testing.assert_array_equal(merged["y_x"], merged["y_y"])


@pytest.mark.slow
def test_covariates_known_ahead(new_model, frame):
    rng = np.random.default_rng(0)
    X = frame[["y0"]].assign(promotion=(rng.random(len(frame)) < 0.2).astype(float))
    X["y0"] += 3.0 * X["promotion"]
    model = new_model(future_covariates=["promotion"]).fit(X.iloc[:300])
    assert model.history_["covariates"]["accepted"]
    table = model.backtest(X, stride=60)
    np.testing.assert_allclose(table["y"], X.loc[table["ds"], "y0"], rtol=1e-12)
    for cutoff in table["cutoff"].unique():
        own = table[table["cutoff"] == cutoff]
        found = model.predict(X[:cutoff], future=X[cutoff:].iloc[1:][["promotion"]])["y0"]
        np.testing.assert_allclose(own["forecast"], found, rtol=1e-5, atol=1e-6)
    folds = model.cross_validate(X, n_windows=2)
    assert ((folds["y"] - folds["forecast"]) ** 2).mean() < 0.5


@pytest.mark.slow
def test_cross_validate_fits_on_the_past_alone(new_model, frame):
    model = new_model()
    table = model.cross_validate(frame, n_windows=3)
    assert not hasattr(model, "_fitted")
    cutoffs = table["cutoff"].unique()
    assert list(cutoffs) == list(frame.index[[-37, -25, -13]])
    for cutoff in cutoffs:
        fresh = clone(model).fit(frame[:cutoff])
        own = table[table["cutoff"] == cutoff].pivot(index="ds", columns="channel", values="forecast")
        np.testing.assert_allclose(own, fresh.predict(), rtol=1e-9)


@pytest.mark.parametrize(("refit", "fits"), [(True, 4), (False, 1), (2, 2)])
@pytest.mark.slow
def test_how_often_it_is_fitted(refit, fits, new_model, frame, monkeypatch):
    cls, seen = type(new_model()), []
    fit = cls._learnt

    def counted(self, panel, *rest, **options):
        seen.append(panel.series[0].origin)
        return fit(self, panel, *rest, **options)

    monkeypatch.setattr(cls, "_learnt", counted)
    table = new_model().cross_validate(frame, n_windows=4, step_size="1D", refit=refit)
    assert len(seen) == fits
    assert seen[0] == table["cutoff"].min().value
    assert (np.diff(table["cutoff"].unique()) == np.timedelta64(1, "D")).all()


def test_cross_validate_a_panel_of_unequal_ends(new_model, panel):
    first = panel["unique_id"].iloc[0]
    shorter = panel[(panel["unique_id"] != first) | (panel["ds"] <= panel["ds"].iloc[200])]
    late = panel[panel["unique_id"] == first].assign(unique_id="late").tail(20)
    with pytest.warns(TooShortWarning, match="late"):
        table = new_model().cross_validate(pd.concat([shorter, late]), n_windows=2, step_size=12)
    sizes = table.groupby("unique_id")["cutoff"].nunique()
    assert sizes[first] == 2
    assert sizes["late"] == 1  # before the first cutoff it had not begun
    ends = table.groupby("unique_id")["ds"].max()
    assert ends[first] == panel["ds"].iloc[200]


@pytest.mark.slow
def test_cross_validate_arrays(new_model, frame):
    values = frame.to_numpy()
    table = new_model().cross_validate(values, n_windows=2)
    assert table["cutoff"].unique().tolist() == [375.0, 387.0]
    cube = new_model().cross_validate(np.stack([values[:, :1], values[:, 1:]]), n_windows=2)
    assert list(cube.columns) == ["id", "time", "cutoff", "y", "forecast"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"n_windows": 0}, ParameterError),
        ({"n_windows": 2.0}, ParameterError),
        ({"refit": 0}, ParameterError),
        ({"refit": "no"}, ParameterError),
        ({"step_size": 0}, ParameterError),
        ({"n_windows": 40}, TooShortError),
    ],
)
def test_what_cross_validate_refuses(options, error, new_model, frame):
    with pytest.raises(error):
        new_model().cross_validate(frame, **options)


def test_what_backtest_refuses(model, frame):
    with pytest.raises(ParameterError, match="stride"):
        model.backtest(frame, stride=0)
    with pytest.raises(HorizonError, match="longer than"):
        model.backtest(frame, horizon=13)
    with pytest.raises(TooShortError, match="no whole window"):
        model.backtest(frame.iloc[:50])
