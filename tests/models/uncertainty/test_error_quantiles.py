"""Quantiles of held-out errors against what is known of the errors."""

import numpy as np
import pytest
from scipy.special import ndtri

from ssmts.models.config import LinearConfig
from ssmts.models.linear.cv_residuals import HeldOutErrors, held_out_errors
from ssmts.models.linear.path import fit_linear
from ssmts.models.sequences.sequence import Sequence, stack_sequences
from ssmts.models.uncertainty.error_quantiles import DEFAULT_LEVELS, ErrorQuantiles, fit_error_quantiles

LEVELS = np.array(DEFAULT_LEVELS)


def _drawn(n: int = 4000, horizon: int = 50, seed: int = 0) -> HeldOutErrors:
    """Errors of standard deviation sqrt(lead) times the scale of windows, twice that in group 1."""
    rng = np.random.default_rng(seed)
    deviation, groups = rng.uniform(0.2, 2.0, n), rng.integers(0, 2, n)
    width = np.sqrt(deviation**2 + 0.36) * np.where(groups == 1, 2.0, 1.0)
    errors = rng.normal(size=(n, horizon + 1)) * np.sqrt(np.arange(horizon + 1.0)) * width[:, None]
    return HeldOutErrors(errors.astype(np.float32), deviation, groups)


def test_quantiles_are_those_of_the_errors_by_lead_and_group() -> None:
    spread = fit_error_quantiles(_drawn(), 2, LEVELS)
    leads, levels = np.array([5.0, 20.0, 45.0]), np.array([0.05, 0.3, 0.5, 0.8, 0.95])
    for group, factor in ((0, 1.0), (1, 2.0)):
        expected = factor * np.sqrt(leads)[:, None] * ndtri(levels)
        found = spread.offsets(levels, leads, group)
        # A group of 2,000 windows is drawn towards the shared table by an eighth.
        assert np.abs(found - expected).max() < 0.25 * factor * np.sqrt(45.0)
        assert found[1, 4] == pytest.approx(expected[1, 4], rel=0.12)


def test_few_windows_of_a_group_take_the_shared_table() -> None:
    drawn = _drawn()
    groups = np.where(np.arange(len(drawn.groups)) < 3, 1, 0)
    spread = fit_error_quantiles(HeldOutErrors(drawn.errors, drawn.deviation, groups), 2, LEVELS)
    assert np.abs(spread.by_group[1] - spread.shared).max() < 0.05 * np.abs(spread.shared).max()


def test_leads_that_were_not_observed_count_nowhere() -> None:
    drawn = _drawn()
    holes = np.random.default_rng(1).random(drawn.errors.shape) < 0.5
    holes[:, 10] = True
    errors = np.where(holes, np.float32(np.nan), drawn.errors)
    spread = fit_error_quantiles(HeldOutErrors(errors, drawn.deviation, drawn.groups), 1, LEVELS)
    whole = fit_error_quantiles(drawn, 1, LEVELS)
    assert np.isfinite(spread.shared).all()
    inner = slice(3, -3)
    assert np.abs(spread.shared - whole.shared)[:, inner].max() < 0.15 * np.abs(whole.shared).max()


def test_offsets_never_cross_and_meet_the_table() -> None:
    spread = fit_error_quantiles(_drawn(60), 2, LEVELS)
    fine = np.linspace(0.005, 0.995, 500)
    offsets = spread.offsets(fine, np.linspace(0.0, 50.0, 77), 1)
    assert (np.diff(offsets, axis=1) >= 0).all()
    np.testing.assert_allclose(spread.offsets(LEVELS, spread.knots, 1), spread.by_group[1], atol=1e-12)
    np.testing.assert_allclose(spread.offsets(LEVELS, spread.knots, -1), spread.shared, atol=1e-12)


def test_tensors_bring_back_the_same_table() -> None:
    spread = fit_error_quantiles(_drawn(), 2, LEVELS)
    again = ErrorQuantiles.from_tensors(spread.to_tensors())
    for name in ("levels", "knots", "shared", "by_group"):
        np.testing.assert_array_equal(getattr(again, name), getattr(spread, name))


def test_errors_are_those_of_paths_that_have_not_seen_the_block() -> None:
    """On white noise a path that saw its targets would miss less than one that did not."""
    values = np.random.default_rng(0).normal(size=500)
    stacks = stack_sequences([Sequence(np.arange(500.0), values)])
    linear = fit_linear(stacks, LinearConfig(context=48.0, horizon=6, n_modes=32), 1)
    held_out = held_out_errors(stacks, linear)
    block = 2
    rows = np.arange(500)
    inside = linear.segments.of(rows.astype(float)) == 2 * block
    first = int(np.flatnonzero(inside)[0])
    path = linear.without_block(block)
    window = values[first - 47 : first + 1]
    from ssmts.models.config import ModelConfig
    from ssmts.models.forecasting.model import ForecastModel

    model = ForecastModel(ModelConfig(path.config, 1), path)
    forecast = model.forecast(stack_sequences([Sequence(np.arange(48.0), window)])[0])[0]
    expected = values[first : first + 7] - forecast
    distance = np.abs(held_out.errors - expected).max(axis=1)
    assert distance.min() < 1e-5


def test_groups_that_are_left_keep_their_tables() -> None:
    spread = fit_error_quantiles(_drawn(), 2, LEVELS)
    left = spread.of_groups(np.array([1, 5]))
    np.testing.assert_array_equal(left.by_group, np.stack([spread.by_group[1], spread.shared]))
