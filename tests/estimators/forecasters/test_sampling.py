"""Paths: marginals, consistency over time on data whose errors are known, seeds, kinds, saving."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster, S4Forecaster
from ssmts.errors import ModelFileError, ParameterError
from ssmts_datasets import make_sines

LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    return np.random.default_rng(0).normal(size=3000).cumsum()


@pytest.fixture(scope="module")
def of_walk(walk: np.ndarray) -> LinearSSMForecaster:
    return LinearSSMForecaster(24, 48, n_modes=32).fit(walk)


@pytest.mark.parametrize("options", [{}, {"at": [0.5, 3.25, 23.75]}])
def test_marginals_are_the_quantiles(
    of_walk: LinearSSMForecaster, walk: np.ndarray, options: dict[str, list[float]]
) -> None:
    options = {name: [len(walk) - 1 + lead for lead in leads] for name, leads in options.items()}
    paths = of_walk.sample(6000, walk, random_state=0, **options)
    stated = of_walk.predict_quantiles(walk, quantiles=LEVELS, **options)
    found = np.quantile(paths, LEVELS, axis=1).T
    width = (stated[:, -1] - stated[:, 0])[:, None]
    assert (np.abs(found - stated) < 0.03 * width).all()


def test_paths_of_a_walk_correlate_as_a_walk(of_walk: LinearSSMForecaster, walk: np.ndarray) -> None:
    """The error of a walk at lead h is a sum of h steps: leads g < h correlate as the root of g / h."""
    correlation = np.corrcoef(of_walk.sample(6000, walk, random_state=0))
    leads = np.arange(1.0, 25.0)
    truth = np.sqrt(np.minimum.outer(leads, leads) / np.maximum.outer(leads, leads))
    assert np.abs(correlation - truth).max() < 0.1


def test_paths_of_noise_do_not_correlate() -> None:
    noise = np.random.default_rng(0).normal(size=3000)
    model = LinearSSMForecaster(48, 48, n_modes=16).fit(noise)
    correlation = np.corrcoef(model.sample(4000, noise, random_state=0))
    assert np.abs(correlation[~np.eye(48, dtype=bool)]).max() < 0.15
    assert np.abs(correlation[~np.eye(48, dtype=bool)]).mean() < 0.04


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_sines(400, periods=[24.0, 9.0], n_channels=2, noise=0.2, random_state=0).frame


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> LinearSSMForecaster:
    return LinearSSMForecaster(12, 48, n_modes=32).fit(frame)


def test_seeds_and_instants(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    paths = model.sample(3, frame, random_state=0)
    assert list(paths.columns) == [f"{name}-sample-{k}" for name in frame for k in range(3)]
    pd.testing.assert_frame_equal(model.sample(3, random_state=0), paths)
    pd.testing.assert_frame_equal(model.sample(3, random_state=np.random.default_rng(0)), paths)
    finer = model.sample(3, frame, step="20min", random_state=0)
    pd.testing.assert_frame_equal(finer.iloc[2::3], paths, check_freq=False)
    pd.testing.assert_frame_equal(model.sample(3, frame, horizon=5, random_state=0), paths.iloc[:5])
    assert not model.sample(3, frame).equals(model.sample(3, frame))
    assert (paths["y0-sample-0"] != paths["y0-sample-1"]).all()


def test_arrays_gain_an_axis(frame: pd.DataFrame) -> None:
    many = np.stack([frame.to_numpy(), frame.to_numpy() + 1.0])
    paths = LinearSSMForecaster(12, 48, n_modes=32).fit(many).sample(5, many)
    assert paths.shape == (2, 12, 2, 5)


def test_saved_with_the_model(model: LinearSSMForecaster, frame: pd.DataFrame, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    pd.testing.assert_frame_equal(
        again.sample(4, frame, random_state=1), model.sample(4, frame, random_state=1)
    )


def test_a_model_without_paths_says_so(frame: pd.DataFrame, tmp_path: Path) -> None:
    old = LinearSSMForecaster(12, 48, n_modes=32).fit(frame)
    old.model_.error_quantiles = replace(old.model_.error_quantiles, copula=None)
    old.save(tmp_path / "old")
    again = ssmts.load(tmp_path / "old")
    assert again.predict_interval(frame).shape == (12, 4)
    with pytest.raises(ModelFileError, match="Fit it again"):
        again.sample(3, frame)


def test_with_the_deep_path(deep: S4Forecaster, chaos: np.ndarray) -> None:
    paths = deep.sample(200, chaos, random_state=0)
    assert paths.shape == (2, 200)
    assert np.abs(paths.mean(axis=1) - deep.predict(chaos)).max() < 0.2


@pytest.mark.parametrize("n", [0, 1.5, True, "3"])
def test_malformed_counts(model: LinearSSMForecaster, frame: pd.DataFrame, n: object) -> None:
    with pytest.raises(ParameterError, match="n="):
        model.sample(n, frame)


def test_malformed_seeds_and_single_levels(model: LinearSSMForecaster, frame: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="random_state"):
        model.sample(3, frame, random_state=-1)
    median = LinearSSMForecaster(12, 48, n_modes=32, quantiles=[0.5]).fit(frame)
    with pytest.raises(ParameterError, match="quantiles"):
        median.sample(3, frame)


def test_a_constant_series_has_one_future() -> None:
    flat = np.full(300, 5.0)
    paths = LinearSSMForecaster(12, 48, n_modes=16).fit(flat).sample(3, flat, random_state=0)
    np.testing.assert_allclose(paths, 5.0)
