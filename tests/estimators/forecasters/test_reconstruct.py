"""Holes filled and other rates inside the past, with intervals."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import AllMissingError, InstantError, ParameterError, TooShortError
from ssmts.models.irregular.kriging_variance import fit_gap_widths
from ssmts.models.irregular.thinning_errors import GapErrors


@pytest.fixture(scope="module")
def process():
    """An hourly Ornstein-Uhlenbeck process on a daily wave, around a level, with noise."""
    rng = np.random.default_rng(0)
    keep, values = np.exp(-1 / 12), np.zeros(4000)
    for k in range(1, len(values)):
        values[k] = keep * values[k - 1] + 0.5 * np.sqrt(1 - keep**2) * rng.normal()
    wave = np.sqrt(2.0) * np.sin(2 * np.pi * np.arange(4000) / 24)
    values = 300.0 + 5.0 * (wave + values + 0.2 * rng.normal(size=4000))
    return pd.DataFrame({"y": values}, pd.date_range("2024", periods=4000, freq="h", name="ds"))


@pytest.fixture(scope="module")
def fitted(process):
    return LinearSSMForecaster(12, 96, n_modes=48).fit(process.head(2500))


@pytest.fixture(scope="module")
def holed(process):
    X = process.tail(1500).copy()
    X[np.random.default_rng(1).random(len(X)) < 0.7] = np.nan
    return X


def test_observations_stay_and_holes_are_filled_better_than_on_lines(fitted, process, holed):
    found = fitted.reconstruct(holed)
    pd.testing.assert_index_equal(found.index, holed.index)
    assert found.columns.equals(holed.columns)
    missing = holed["y"].isna()
    pd.testing.assert_frame_equal(found[~missing], holed[~missing])
    truth = process.loc[holed.index, "y"][missing]
    lines = holed["y"].interpolate("linear", limit_direction="both")[missing]
    assert ((found["y"][missing] - truth) ** 2).mean() < 0.7 * ((lines - truth) ** 2).mean()


def test_intervals_cover_their_level(fitted, process, holed):
    found = fitted.reconstruct(holed, level=[50, 90])
    assert list(found.columns) == ["y", "y-lo-50", "y-hi-50", "y-lo-90", "y-hi-90"]
    missing = holed["y"].isna()
    np.testing.assert_array_equal(found[~missing].nunique(axis=1), 1)
    pd.testing.assert_series_equal(found["y"], fitted.reconstruct(holed)["y"])
    inside, truth = found[missing], process.loc[holed.index, "y"][missing]
    for level in (50, 90):
        covered = truth.between(inside[f"y-lo-{level}"], inside[f"y-hi-{level}"]).mean()
        assert covered == pytest.approx(level / 100, abs=0.07)


@pytest.mark.slow
def test_every_channel_has_intervals_of_its_own_width():
    rng, n = np.random.default_rng(4), 3000
    wave = np.sin(2 * np.pi * np.arange(n) / 24)
    frame = pd.DataFrame({"calm": wave, "wild": wave}) + rng.normal(size=(n, 2)) * [0.1, 0.4]
    frame.index = pd.date_range("2024", periods=n, freq="h", name="ds")
    fitted = LinearSSMForecaster(12, 96, n_modes=48).fit(frame.head(2000))
    X = frame.tail(1000).copy()
    missing = rng.random(X.shape) < 0.4
    found = fitted.reconstruct(X.mask(missing), level=[50, 90])
    for number, name in enumerate(frame):
        truth, inside = X[name][missing[:, number]], found[missing[:, number]]
        for level, slack in ((50, 0.12), (90, 0.06)):
            covered = truth.between(inside[f"{name}-lo-{level}"], inside[f"{name}-hi-{level}"]).mean()
            assert covered == pytest.approx(level / 100, abs=slack)


def test_widths_are_the_errors_of_thinned_windows():
    rng = np.random.default_rng(5)
    claimed = np.repeat(
        [0.01, 1.0], 3000
    )  # claimed a quarter of what it is in short gaps, twice that in long
    squared = np.repeat([0.04, 0.5], 3000) * rng.normal(size=6000) ** 2
    groups = np.tile([0, 1], 3000)
    squared[groups == 1] *= 9.0
    widths = fit_gap_widths(GapErrors(claimed, squared, groups), 2)
    for variance, truth in ((0.01, 0.04), (1.0, 0.5), (100.0, 50.0)):
        assert widths.deviation(np.array([variance]), 0)[0] == pytest.approx(np.sqrt(truth), rel=0.1)
        assert widths.deviation(np.array([variance]), 1)[0] == pytest.approx(3 * np.sqrt(truth), rel=0.1)
    assert widths.deviation(np.zeros(1), 0)[0] == 0.0
    np.testing.assert_allclose(widths.ends(np.array([0.05, 0.5, 0.95])), [-1.645, 0.0, 1.645], atol=0.1)
    assert widths.ends(np.array([0.9999]))[0] == pytest.approx(3.72, rel=0.1)
    np.testing.assert_array_equal(widths.of_groups(np.array([1])).by_group, widths.by_group[1:])
    assert fit_gap_widths(GapErrors(claimed[:5], squared[:5], groups[:5]), 2) is None


def test_in_a_long_hole_the_wave_goes_on_and_the_rest_is_uncertain(fitted, process):
    X, truth = process.tail(600).drop(process.index[-400:-100]), process.iloc[-400:-100]
    found = fitted.reconstruct(X, step="1h", level=90).loc[truth.index]
    width = found["y-hi-90"] - found["y-lo-90"]
    assert width.iloc[0] < 0.7 * width.iloc[150] > width.iloc[-1]
    assert (found["y"] - truth["y"]).std() < 0.6 * truth["y"].std()
    assert truth["y"].between(found["y-lo-90"], found["y-hi-90"]).mean() > 0.8


def test_any_instants_of_the_past(fitted, holed):
    hourly = fitted.reconstruct(holed)
    instants = [holed.index[700], holed.index[3], holed.index[41] + pd.Timedelta("17min"), holed.index[41]]
    found = fitted.reconstruct(holed, at=instants)
    assert list(found.index) == instants
    np.testing.assert_allclose(found["y"].iloc[[0, 1, 3]], hourly["y"].iloc[[700, 3, 41]], rtol=1e-6)
    dense = fitted.reconstruct(holed, step="15min")
    assert len(dense) == 4 * (len(holed) - 1) + 1
    np.testing.assert_allclose(dense["y"].iloc[::4], hourly["y"], rtol=1e-5)
    monthly = fitted.reconstruct(holed, step="MS")
    assert (monthly.index.day == 1).all()
    assert len(monthly) == 2


def test_a_coarser_rate_than_the_data(fitted, holed):
    coarse = fitted.reconstruct(holed, step="1D")
    assert (np.diff(coarse.index) == pd.Timedelta("1D")).all()
    np.testing.assert_allclose(coarse["y"], fitted.reconstruct(holed)["y"].iloc[::24], rtol=1e-5)


def test_channels_with_holes_of_their_own(model, frame):
    X = frame.copy()
    X.iloc[100:120, 0] = np.nan
    X.iloc[110:140:2, 1] = np.nan
    X.iloc[-5:, 1] = np.nan
    found = model.reconstruct(X)
    assert found.notna().all(axis=None)
    pd.testing.assert_frame_equal(found.where(X.notna()), X, check_freq=False)
    for name in frame:
        np.testing.assert_allclose(
            found[name], model.reconstruct(X[[name]].join(frame.drop(columns=name)))[name]
        )
    inside = X.iloc[:-5].isna().to_numpy()
    assert np.abs((found - frame).iloc[:-5].to_numpy()[inside]).max() < 0.5 * frame.to_numpy().std()


def test_polars_in_polars_out(fitted, holed):
    X = pl.from_pandas(holed.reset_index())
    found = fitted.reconstruct(X, level=80)
    assert found.columns == ["ds", "y", "y-lo-80", "y-hi-80"]
    assert found["ds"].equals(X["ds"])
    np.testing.assert_array_equal(found["y"], fitted.reconstruct(holed)["y"])


def test_arrays(process):
    values = process["y"].to_numpy()[:1000]
    fitted = LinearSSMForecaster(12, 96, n_modes=24).fit(values)
    X = values[:200].copy()
    X[50:60] = np.nan
    found = fitted.reconstruct(X)
    assert found.shape == (200,)
    np.testing.assert_array_equal(found[:50], X[:50])
    np.testing.assert_allclose(fitted.reconstruct(X, at=[52.0, 3.0]), found[[52, 3]], rtol=1e-12)
    both = fitted.reconstruct(X, at=[52.5], level=90)
    assert both.shape == (1, 3)
    cube = np.stack([X, X[::-1]])[:, :, None]
    assert fitted.reconstruct(cube).shape == (2, 200, 1)


def test_many_series_on_clocks_of_their_own(panel_model, panel):
    kept = np.random.default_rng(2).random(len(panel)) < 0.6
    X = panel[kept]
    found = panel_model.reconstruct(X, step="2h")
    assert list(found.columns) == list(panel.columns)
    id_col, time_col, value = panel.columns
    for name, own in X.groupby(id_col, sort=False):
        alone = panel_model.reconstruct(own, step="2h")
        mine = found[found[id_col] == name].reset_index(drop=True)
        assert mine[time_col].iloc[0] == own[time_col].iloc[0]
        np.testing.assert_allclose(mine[value], alone[value])
    asked = X.iloc[[10, -1]][[id_col, time_col]]
    with pytest.raises(InstantError, match="no instant for"):
        panel_model.reconstruct(X, at=asked)


def test_a_saved_model_and_its_tail(fitted, holed, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    loaded = ssmts.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.reconstruct(holed, level=90), fitted.reconstruct(holed, level=90))
    tail = loaded.reconstruct(step="30min")
    assert len(tail) == pytest.approx(2 * 96, abs=4)


def test_with_covariates_their_effect_is_filled_in(process):
    rng = np.random.default_rng(3)
    X = process.head(1500).assign(valve=rng.integers(0, 2, 1500).astype(float))
    X["y"] += 40.0 * X["valve"]
    fitted = LinearSSMForecaster(12, 96, n_modes=24, future_covariates=["valve"]).fit(X)
    assert fitted.history_["covariates"]["accepted"]
    holed = X.tail(400).copy()
    gone = rng.random(400) < 0.4
    holed.loc[gone, "y"] = np.nan
    found = fitted.reconstruct(holed)
    assert list(found.columns) == ["y"]
    assert np.abs(found["y"] - X["y"].tail(400))[gone].mean() < 5.0
    pd.testing.assert_series_equal(found["y"][~gone], holed["y"][~gone])


def test_what_cannot_be_done_is_said(fitted, model, frame, holed):
    with pytest.raises(InstantError, match=r"is not inside the rows of X.*ask predict"):
        fitted.reconstruct(holed, at=[holed.index[-1] + pd.Timedelta("1h")])
    with pytest.raises(InstantError, match="is not inside the rows"):
        fitted.reconstruct(holed, at=[holed.index[0] - pd.Timedelta("1h")])
    with pytest.raises(InstantError, match="appears twice"):
        fitted.reconstruct(holed, at=[holed.index[5]] * 2)
    with pytest.raises(InstantError, match="No stamp of step 'YS"):
        fitted.reconstruct(holed, step="YS")
    with pytest.raises(ParameterError, match="without step"):
        fitted.reconstruct(holed, at=[holed.index[5]], step="1h")
    for level in (0, 100, [90, 90], "90%"):
        with pytest.raises(ParameterError, match="different percents of at least 1"):
            fitted.reconstruct(holed, level=level)
    empty = frame.copy()
    empty["y1"] = np.nan
    with pytest.raises(AllMissingError, match="Channel 'y1' holds no observation"):
        model.reconstruct(empty)


def test_a_model_of_a_constant_knows_no_covariance():
    constant = pd.DataFrame({"y": np.full(200, 7.25)}, pd.date_range("2024", periods=200, freq="h"))
    fitted = LinearSSMForecaster(12, 48, n_modes=24).fit(constant)
    with pytest.raises(TooShortError, match="holds no autocovariance"):
        fitted.reconstruct(constant)
