"""The comparison of classifiers and regressors: its problems, ranks and bound of time."""

import numpy as np
import pytest

from benchmarks.whole_series import classification, peers, problems

MADE = [name for name in problems.NUMBERS if "Oil" not in name and "Spoken" not in name]


@pytest.mark.parametrize("problem", MADE)
def test_problems_of_numbers_are_whole(problem):
    for split in ("TRAIN", "TEST"):
        X, y = problems.read(problem, split, unequal=False)
        assert X.ndim == 3
        assert len(X) == len(y) >= 20
        assert np.isfinite(X).all()
        assert np.std(y) > 0


def test_generated_problems_have_the_answer_that_they_say():
    X, y = problems.read("Relaxation", "TEST", unequal=False)
    lag = (X[:, 0, 1:] * X[:, 0, :-1]).mean(axis=1) / (X[:, 0] ** 2).mean(axis=1)
    assert np.corrcoef(-1 / np.log(np.clip(lag, 0.01, 0.99)), np.exp(y))[0, 1] > 0.6
    X, y = problems.read("Tone", "TEST", unequal=False)
    spectrum = np.abs(np.fft.rfft(X[:, 0], 4096)) ** 2
    found = 2 * np.pi * spectrum.argmax(axis=1) / 4096
    assert np.median(np.abs(found - y)) < 0.01


def test_a_voice_has_its_pitch():
    wave = np.sign(np.sin(2 * np.pi * 125.0 * np.arange(4000) / 8000)) + 1e-9
    assert problems._pitch(wave) == pytest.approx(125.0)
    assert np.isnan(problems._pitch(np.zeros(4000)))


def test_ranks_share_ties_and_neither_row_of_ours_counts_against_the_other():
    errors = {"ssmts": 1.0, "ssmts, equal lengths": 1.0, "a": 2.0, "b": 2.0}
    ranks = classification._ranks(errors, problems.NUMBERS)
    assert ranks == {"ssmts": 1.0, "ssmts, equal lengths": 1.0, "a": 3.5, "b": 3.5}


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch, of sktime's layers
def test_inception_time_stops_in_time(monkeypatch):
    monkeypatch.setattr(peers.BoundedInceptionTime, "seconds", 0.0)
    X, y = np.random.default_rng(0).normal(size=(6, 1, 16)), np.array(["a", "b"] * 3)
    model = peers.BoundedInceptionTime(n_filters=2, depth=1, num_epochs=3, random_state=0).fit(X, y)
    assert model.n_epochs_ == 0
    assert set(model.predict(X)) <= {"a", "b"}
