"""Ridge weights of a panel against plain loops."""

import numpy as np
import pytest

from ssmts.models.panels.grid_series import GridSeries, batches
from ssmts.models.panels.held_out import held_out_origins
from ssmts.models.panels.member import Member, window_features
from ssmts.models.panels.shrinkage import fit_member
from ssmts.models.panels.units import series_unit

HORIZON = 3


def panel(n_series, length, seed=0):
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.normal(size=(n_series, length)), axis=1)
    return [GridSeries(one, None, None, group) for group, one in enumerate(values)]


def fitted(series, member, own=True):
    parts = list(batches(series))
    units = [series_unit(part.values, part.first, member.period) for part in parts]
    splits = [held_out_origins(part, HORIZON, HORIZON, 16) for part in parts]
    return fit_member(member, parts, splits, units, HORIZON, own=own), units


@pytest.mark.parametrize("unit", ["series", "window"])
def test_shared_weights_are_ridge_on_all_windows(unit):
    series = panel(5, 30)
    member = Member(6, unit, 1)
    fit, units = fitted(series, member, own=False)
    F = member.basis.shape[1] + 1
    A, B = np.zeros((F, F)), np.zeros((F, HORIZON))
    for one, own in zip(series, np.concatenate(units)):
        n = len(one.values) - 6 - HORIZON + 1
        A_own, B_own = np.zeros((F, F)), np.zeros((F, HORIZON))
        for k in range(n):
            window, ahead = one.values[k : k + 6], one.values[k + 6 : k + 6 + HORIZON]
            z, anchor, scale = window_features(member, window, np.array([own]))
            A_own += np.outer(z, z)
            B_own += np.outer(z, (ahead - anchor) / scale)
        size = n if unit == "window" else np.trace(A_own) / F
        A += np.sqrt(n) / size * A_own
        B += np.sqrt(n) / size * B_own
    penalties = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    candidates = [np.linalg.solve(A + p * np.trace(A) / F * np.eye(F), B) for p in penalties]
    assert min(np.abs(fit.shared - W).max() for W in candidates) < 1e-8


def test_forecasts_of_held_out_origins_have_not_seen_their_targets():
    series = panel(4, 40)
    member = Member(5, "series", 1)
    before, _ = fitted(series, member)
    changed = [GridSeries(np.append(one.values[:-1], 1e3), None, None, one.group) for one in series]
    parts = list(batches(series))
    units = [series_unit(part.values, part.first, 1) for part in parts]
    split = [held_out_origins(part, HORIZON, HORIZON, 16) for part in parts]
    # The same units: the last value belongs to targets of the last origin alone.
    again = fit_member(member, list(batches(changed)), split, units, HORIZON)
    first = before.held_out[0][:, 1:]
    np.testing.assert_allclose(again.held_out[0][:, 1:], first, rtol=0.3, atol=3.0)
    assert np.abs(again.held_out[0]).max() < 100.0


def test_series_that_follow_a_rule_of_their_own_are_found():
    """Half of the series alternate, half repeat: shared weights cannot know, own corrections do."""
    rng = np.random.default_rng(0)
    signs = np.where(np.arange(40)[:, None] % 2, 1.0, -1.0) ** np.arange(80)
    values = signs * rng.uniform(1, 2, size=(40, 1)) + 0.01 * rng.normal(size=(40, 80))
    series = [GridSeries(one, None, None, group) for group, one in enumerate(values)]
    fit, _ = fitted(series, Member(6, "series", 1))
    assert len(fit.own) > 0
    errors = np.concatenate([np.abs(held[:, 0] - values[:, -HORIZON:]) for held in fit.held_out])
    assert errors.mean() < 0.3


def test_short_series_and_long_ones_in_one_fit():
    rng = np.random.default_rng(1)
    series = [GridSeries(rng.normal(size=n), None, None, g) for g, n in enumerate([2, 3, 5, 9, 40, 400])]
    fit, _ = fitted(series, Member(4, "series", 1))
    assert np.isfinite(fit.shared).all()
