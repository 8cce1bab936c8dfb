"""Closed-form weights and the cross-validation of penalties against refits on explicit windows."""

from itertools import product

import numpy as np
import pytest

from ssmts.models.linear.moments import Moments
from ssmts.models.linear.ridge import (
    SHARES,
    Penalties,
    choose_penalties,
    cross_validate,
    lead_bands,
    solve,
)
from ssmts.models.sequences.blocked_folds import BlockedFolds

N_FEATURES, HORIZON, N_WINDOWS = 6, 12, 40
SEGMENTS = BlockedFolds(np.array([1.0, 2.0, 3.0, 4.0, np.inf]))  # three blocks, two gaps


@pytest.fixture
def data():
    """Features and futures (n_segments, n_groups, n_windows, ...) of two groups with weights of their own."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(N_FEATURES, HORIZON + 1))
    own = shared + 0.5 * rng.normal(size=(2, N_FEATURES, HORIZON + 1))
    features = rng.normal(size=(len(SEGMENTS), 2, N_WINDOWS, N_FEATURES)) * np.geomspace(0.01, 3, N_FEATURES)
    noise = 0.5 * rng.normal(size=(len(SEGMENTS), 2, N_WINDOWS, HORIZON + 1))
    return features, features @ own + noise


@pytest.fixture
def moments(data):
    features, futures = data
    out = Moments.zeros(len(SEGMENTS), 2, N_FEATURES, HORIZON + 1)
    for segment in range(len(SEGMENTS)):
        for group in range(2):
            out.add(segment, group, features[segment, group], futures[segment, group])
    return out


def ridge(features, futures, penalty):
    """Ridge by least squares on rows appended for the penalty, in units of the mean squared feature."""
    strength = np.sqrt(penalty * (features**2).sum() / features.shape[1])
    rows = np.concatenate([features, strength * np.eye(features.shape[1])])
    return np.linalg.lstsq(rows, np.concatenate([futures, np.zeros((features.shape[1], futures.shape[1]))]))[
        0
    ]


def fit_by_group(features, futures, shared, group, share=1.0):
    """Shared weights, and those of each group corrected on what the shared ones leave over."""
    W0 = ridge(features.reshape(-1, N_FEATURES), futures.reshape(-1, futures.shape[-1]), shared)
    if np.isinf(group):
        return W0, [W0] * len(features)
    return W0, [W0 + share * ridge(x, y - x @ W0, group) for x, y in zip(features, futures)]


def by_group(array):
    """(n_segments, n_groups, n_windows, k) to (n_groups, all windows, k)."""
    return np.moveaxis(array, 1, 0).reshape(array.shape[1], -1, array.shape[-1])


def test_weights_are_those_of_penalised_least_squares_in_every_band(data, moments):
    features, futures = map(by_group, data)
    penalties = Penalties(
        shared=np.array([1e-3, 1e-2, 0.1, 1.0, 10.0]),
        group=np.array([1e-2, 0.1, 1.0, 10.0, np.inf]),
        error=0.0,
        share=np.array([0.5, 1.0, 0.5, 1.0, 0.5]),
    )
    shared, own = solve(moments, penalties, HORIZON)
    bands = lead_bands(np.arange(HORIZON + 1), HORIZON)
    assert len(np.unique(bands)) >= 4
    for lead, band in enumerate(bands):
        target = futures[..., lead : lead + 1]
        own_of_band = penalties.shared[band], penalties.group[band], penalties.share[band]
        W0, expected = fit_by_group(features, target, *own_of_band)
        np.testing.assert_allclose(shared[:, lead], W0[:, 0], rtol=1e-8, atol=1e-10)
        for group in range(2):
            np.testing.assert_allclose(own[group][:, lead], expected[group][:, 0], rtol=1e-8, atol=1e-10)


def test_infinite_group_penalty_leaves_the_shared_weights(moments):
    shared, own = solve(moments, Penalties(np.full(5, 0.1), np.full(5, np.inf), 0.0), HORIZON)
    np.testing.assert_array_equal(own, np.broadcast_to(shared, own.shape))


def test_one_group_has_no_correction(moments):
    first = Moments(moments.A[:, :1], moments.B[:, :1], moments.c[:, :1], moments.count[:, :1])
    shared, own = solve(first, Penalties(np.full(5, 0.1), np.full(5, 0.1), 0.0), HORIZON)
    np.testing.assert_array_equal(own[0], shared)


def test_a_group_without_data_has_the_shared_weights(moments):
    A, B, c, count = (x.copy() for x in (moments.A, moments.B, moments.c, moments.count))
    for x in (A, B, c, count):
        x[:, 1] = 0.0
    shared, own = solve(Moments(A, B, c, count), Penalties(np.full(5, 0.1), np.full(5, 0.1), 0.0), HORIZON)
    assert np.isfinite(own).all()
    np.testing.assert_allclose(own[1], shared)


def test_collinear_features_are_solved_and_finite():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(50, 2)) @ rng.normal(size=(2, N_FEATURES))
    moments = Moments.zeros(1, 1, N_FEATURES, 2)
    moments.add(0, 0, features, features[:, :2])
    shared, _ = solve(moments, Penalties(np.full(5, 1e-6), np.full(5, np.inf), 0.0), 1)
    np.testing.assert_allclose(features @ shared, features[:, :2], rtol=1e-4, atol=1e-4)


def test_held_out_errors_are_those_of_refits_without_the_block(data, moments):
    features, futures = data
    shared, group = (1e-3, 0.1, 3.0), (0.1, 10.0, np.inf)
    errors, leads = cross_validate(moments, SEGMENTS, HORIZON, shared, group)
    assert leads.tolist() == list(range(1, HORIZON + 1))
    expected = np.zeros((len(SHARES), 3, 3, HORIZON))
    learn_from = {0: [2, 3, 4], 2: [0, 4], 4: [0, 1, 2]}  # by segment held out
    for held, learnt in learn_from.items():
        x, y = by_group(features[learnt]), by_group(futures[learnt])
        for (k, share), (i, one), (j, other) in product(*map(enumerate, (SHARES, shared, group))):
            _, own = fit_by_group(x, y, one, other, share)
            for g in range(2):
                left = futures[held, g] - features[held, g] @ own[g]
                expected[k, i, j] += (left**2).sum(axis=0)[1:]
    np.testing.assert_allclose(errors, expected / (3 * 2 * N_WINDOWS), rtol=1e-8)


def test_a_block_without_windows_is_not_counted(moments):
    empty = Moments(*(x.copy() for x in (moments.A, moments.B, moments.c, moments.count)))
    for x in (empty.A, empty.B, empty.c, empty.count):
        x[2] = 0.0
    errors, _ = cross_validate(empty, SEGMENTS, HORIZON)
    assert np.isfinite(errors).all()
    assert errors.min() == pytest.approx(0.25, rel=0.3)  # the noise, and what the weights lose


def test_chosen_penalties_are_the_best_of_each_band(moments):
    shared, group = (
        (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0),
        (1e-2, 0.1, 1.0, 10.0, np.inf),
    )
    errors, leads = cross_validate(moments, SEGMENTS, HORIZON, shared, group)
    chosen = choose_penalties(moments, SEGMENTS, HORIZON)
    bands = lead_bands(leads, HORIZON)
    best = np.empty(len(leads))
    for band in np.unique(bands):
        share = SHARES.index(chosen.share[band])
        inside = errors[share][:, :, bands == band]
        i, j = shared.index(chosen.shared[band]), group.index(chosen.group[band])
        assert inside[i, j].mean() == inside.mean(axis=-1).min()
        best[bands == band] = inside[i, j]
    assert chosen.error == pytest.approx(best.mean())


def groups_that_differ_by(difference):
    """Moments of two groups whose laws lie so far from a common one, in noise of deviation 1."""
    rng = np.random.default_rng(5)
    common, apart = rng.normal(size=(2, N_FEATURES, HORIZON + 1))
    out = Moments.zeros(len(SEGMENTS), 2, N_FEATURES, HORIZON + 1)
    for segment, group in product(range(len(SEGMENTS)), range(2)):
        x = rng.normal(size=(N_WINDOWS, N_FEATURES))
        law = common + (2 * group - 1) * difference * apart
        out.add(segment, group, x, x @ law + rng.normal(size=(N_WINDOWS, HORIZON + 1)))
    return out


def test_groups_that_differ_clearly_keep_their_whole_correction_and_others_half_of_it():
    alike = choose_penalties(groups_that_differ_by(0.1), SEGMENTS, HORIZON)
    apart = choose_penalties(groups_that_differ_by(2.0), SEGMENTS, HORIZON)
    assert (alike.share == 0.5).all()
    assert (apart.share == 1.0).all()
    assert np.isfinite(apart.group).all()


def test_pure_noise_is_shrunk_and_a_law_without_noise_is_not():
    rng = np.random.default_rng(3)
    law = rng.normal(size=(N_FEATURES, HORIZON + 1))
    chosen = {}
    for name, strength in (("law", 1.0), ("noise", 0.0)):
        moments = Moments.zeros(len(SEGMENTS), 1, N_FEATURES, HORIZON + 1)
        for segment in range(len(SEGMENTS)):
            x = rng.normal(size=(30, N_FEATURES))
            noise = (1.0 - strength) * rng.normal(size=(30, HORIZON + 1))
            moments.add(segment, 0, x, strength * x @ law + noise)
        chosen[name] = choose_penalties(moments, SEGMENTS, HORIZON)
    assert chosen["law"].shared.max() <= 1e-5
    assert chosen["law"].error < 1e-6
    assert chosen["noise"].shared.min() >= 1.0


@pytest.mark.parametrize("horizon", [1, 2, 3, 24, 720])
def test_every_lead_has_a_band_and_every_band_penalties(horizon):
    leads = np.arange(horizon + 1)
    bands = lead_bands(leads, horizon)
    assert bands.min() == 0
    assert bands.max() <= 4
    assert (np.diff(bands) >= 0).all()
    if horizon >= 24:
        assert np.unique(bands).tolist() == [0, 1, 2, 3, 4]
    rng = np.random.default_rng(0)
    moments = Moments.zeros(len(SEGMENTS), 1, 2, horizon + 1)
    for segment in range(len(SEGMENTS)):
        moments.add(segment, 0, rng.normal(size=(9, 2)), rng.normal(size=(9, horizon + 1)))
    chosen = choose_penalties(moments, SEGMENTS, horizon)
    for values in (chosen.shared, chosen.group):
        assert values.shape == (5,)
        assert not np.isnan(values).any()
    assert np.isfinite(chosen.error)
