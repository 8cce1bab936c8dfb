"""Moments from lagged values are those from states, wherever they are taken."""

import numpy as np
import pytest

import ssmts.models.linear.moments as moments_module
from ssmts.models.linear.moments import accumulate
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.origins import origin_rows
from ssmts.models.sequences.sequence import SequenceStack
from ssmts.models.state_space.modes import make_bank

ONE = BlockedFolds(np.array([np.inf]))


def both(stack, context, horizon, n_groups, monkeypatch, history=None):
    """Moments with the short way and without, and whether it was taken."""
    bank = make_bank(context, 64, 12.0)
    taken = []
    short = moments_module.lag_moments

    def watched(*args):
        found = short(*args)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(moments_module, "lag_moments", watched)
    quick = accumulate([stack], bank, context, horizon, ONE, n_groups, history=history)
    monkeypatch.setattr(moments_module, "are_cheaper", lambda *_: False)
    return quick, accumulate([stack], bank, context, horizon, ONE, n_groups, history=history), taken


def stack_of(values, **options):
    n, length = values.shape
    return SequenceStack(np.arange(float(length)), values, np.zeros(n), np.arange(n) % 2, **options)


@pytest.mark.parametrize(
    ("context", "horizon", "history"), [(48.0, 1, None), (24.0, 30, None), (36.0, 6, 90.0)]
)
@pytest.mark.parametrize("n_groups", [1, 2])
@pytest.mark.parametrize("kind", ["waves", "walks", "flat", "levels"])
def test_the_same_moments(context, horizon, history, n_groups, kind, monkeypatch):
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(900) / 3) + rng.normal(0, 0.3, (5, 900))
    if kind == "walks":
        values = values.cumsum(axis=1)
    if kind == "flat":
        values[:, 200:500] = values[:, 200:201]
    if kind == "levels":
        values += 1e6 * np.arange(5)[:, None]
    quick, slow, taken = both(stack_of(values, counted=150), context, horizon, n_groups, monkeypatch, history)
    assert taken == [True] * n_groups
    tolerance = 1e-7 if kind == "levels" else 1e-11  # of the slow way, which carries the level along
    for name in ("A", "B", "c", "count", "observed"):
        expected = getattr(slow, name)
        np.testing.assert_allclose(
            getattr(quick, name), expected, rtol=0, atol=tolerance * np.abs(expected).max()
        )
    assert quick.count.sum() == 5 * len(
        origin_rows(stack_of(values, counted=150), history or context, horizon)
    )


def test_where_digits_would_be_lost_states_are_taken(monkeypatch):
    values = 1e3 * np.arange(4000.0) + np.random.default_rng(0).normal(size=(2, 4000))
    quick, slow, taken = both(stack_of(values), 12.0, 6, 1, monkeypatch)
    assert taken == [False]
    np.testing.assert_array_equal(quick.A, slow.A)
    np.testing.assert_array_equal(quick.count, slow.count)


@pytest.mark.parametrize("case", ["irregular", "coarse", "weights", "extra", "few", "half"])
def test_other_stacks_take_states(case, monkeypatch):
    values = np.random.default_rng(0).normal(size=(2, 60 if case == "few" else 900))
    stack = stack_of(values)
    times = stack.times
    if case == "irregular":
        times = times + 0.3 * np.sin(times)
    if case == "coarse":
        times = 2.0 * times
    weights = np.ones_like(values) if case == "weights" else None
    extra = np.ones((*values.shape, 1)) if case == "extra" else None
    stack = SequenceStack(times, values, stack.starts, stack.groups, weights, extra)
    _, slow, taken = both(stack, 48.5 if case == "half" else 48.0, 6, 1, monkeypatch)
    assert taken == []
    assert slow.count.sum() > 0
