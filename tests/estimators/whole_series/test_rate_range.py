"""Augmentation over time: cases learnt from as slower sensors would have sent them."""

import numpy as np
import pytest
from scipy.signal import resample_poly

import ssmts
from ssmts import LinearSSMClassifier, S4DClassifier, S4DRegressor
from ssmts.errors import ParameterError
from ssmts.models.whole_series.case import Case
from ssmts.models.whole_series.loo_ridge import fit_ridge
from ssmts.models.whole_series.octave_kernels import cuts_of, fit_bands
from ssmts.models.whole_series.rate_augmentation import slower_copy, with_copies
from ssmts.models.whole_series.tokens import CaseTokens, Tokens, fit_tokens


def tones(n, rate=1, seed=0, length=256):
    """Two tones in noise; the classes differ by the slower one."""
    rng, cases, labels = np.random.default_rng(seed), [], []
    for label in np.arange(n) % 2:
        t = np.arange(0, length, rate)
        slow = np.sin(2 * np.pi * t / (24.0 if label else 18.0) + rng.uniform(0, 6))
        fast = np.sin(2 * np.pi * t / rng.uniform(2.2, 3.2) + rng.uniform(0, 6))
        cases.append(slow + fast + 0.3 * rng.normal(size=len(t)))
        labels.append(label)
    return np.array(cases), np.array(labels)


def test_copies_are_what_a_slower_sensor_would_have_sent():
    rng = np.random.default_rng(0)
    times = np.arange(400.0)
    case = Case(times, np.sin(2 * np.pi * times / 50.0)[None])
    for _ in range(6):
        copy = slower_copy(case, 3.2, rng)
        np.testing.assert_array_equal(np.diff(copy.times), 3.0)
        inner = slice(10, -10)  # the filter has ends
        phase = copy.values[0, inner] - np.sin(2 * np.pi * (copy.times[inner] + np.arange(3)[:, None]) / 50.0)
        assert np.abs(phase).max(axis=1).min() < 0.02
    assert slower_copy(case, 1.2, rng) is None
    uneven = Case(np.sort(np.append(0.0, rng.uniform(1, 400, 199))), rng.normal(size=(2, 200)))
    copy = slower_copy(uneven, 4.0, rng)
    assert 20 < len(copy.times) < 90
    assert copy.times[0] == 0.0


def test_a_rate_below_one_makes_no_copy():
    cases = [Case(np.arange(50.0), np.ones((1, 50)))] * 40
    both, of_case = with_copies(cases, (0.25, 4.0), 0)
    assert 45 < len(both) < 75  # half of the draws are below 1, and some round to 1
    np.testing.assert_array_equal(np.unique(of_case), np.arange(40))
    assert with_copies(cases, (0.25, 4.0), 0)[1].tolist() == of_case.tolist()


def test_a_copy_is_left_out_with_its_case():
    rng = np.random.default_rng(1)
    F, Y, weights = rng.normal(size=(20, 6)), rng.normal(size=(20, 2)), rng.uniform(0.5, 2, 20)
    copy_pairs = np.arange(20)
    copy_pairs[[0, 1, 6, 7]] = [1, 0, 7, 6]
    fit = fit_ridge([F], [1.0], Y, weights, copy_pairs)
    # Every penalty was tried; the one chosen is refitted by hand without the pair, standardised as with it.
    from ssmts.models.whole_series.loo_ridge import Block

    weights = weights / weights.mean()
    Z = Block.of(F, weights).standardised(F)
    unit = np.linalg.eigvalsh((Z * weights[:, None]).T @ Z).mean()
    for gone in ([0, 1], [6, 7], [3]):
        stay = np.setdiff1d(np.arange(20), gone)
        own = np.column_stack([Z, np.ones(20)])
        gram = (own[stay] * weights[stay, None]).T @ own[stay] + np.diag([fit.penalty * unit] * 6 + [0.0])
        W = np.linalg.solve(gram, (own[stay] * weights[stay, None]).T @ Y[stay])
        np.testing.assert_allclose(fit.left_out[gone], own[gone] @ W, rtol=1e-6)
        other = rng.normal(size=(len(gone), 6))  # features of another state of the same cases
        expected = np.column_stack([Block.of(F, weights).standardised(other), np.ones(len(gone))]) @ W
        np.testing.assert_allclose(fit.without([other], np.array(gone)), expected, rtol=1e-6)


@pytest.mark.slow
def test_augmentation_helps_at_a_rate_that_training_did_not_have():
    (X, y), (slow, truth) = tones(120), tones(200, rate=3, seed=1)
    plain = LinearSSMClassifier(n_readouts=16, random_state=0).fit(X, y)
    augmented = LinearSSMClassifier(n_readouts=16, rate_range=(1, 4), random_state=0).fit(X, y)
    found = [float(np.mean(m.predict(slow, rate=3.0) == truth)) for m in (plain, augmented)]
    assert found[1] > max(0.9, found[0] + 0.02)
    again = LinearSSMClassifier(n_readouts=16, rate_range=(1, 4), random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.predict(slow, rate=3.0), augmented.predict(slow, rate=3.0))


@pytest.mark.parametrize("bad", [3, (2, 1), (0, 4), (0.2, 0.9), (1, np.inf), ("a", "b"), (1, 2, 3)])
def test_a_malformed_range_is_named(bad):
    with pytest.raises(ParameterError, match="rate_range"):
        LinearSSMClassifier(rate_range=bad).fit(*tones(12))


def test_tokens_of_slow_cases_leave_out_what_they_do_not_carry():
    t, rng = np.arange(512.0), np.random.default_rng(0)
    cases = [Case(t[::rate], rng.normal(size=(1, len(t[::rate])))) for rate in (1, 1, 4)]
    encoder = fit_tokens(cases, 32, 64.0)
    assert np.isfinite(encoder.center).all()
    slow = encoder(cases)[2].values[:, :32]
    beyond_nyquist = encoder.A.imag * 4 > 0.9 * np.pi
    assert beyond_nyquist.any()
    assert (slow[:, beyond_nyquist] == 0.0).all()
    assert (slow[:, ~beyond_nyquist] != 0.0).all()
    # The fast ones alone set the scale of a mode that only they carry.
    alone = fit_tokens(cases[:2], 32, 64.0)
    np.testing.assert_allclose(encoder.center[:32][beyond_nyquist], alone.center[:32][beyond_nyquist])


@pytest.mark.parametrize("kind", [S4DClassifier, S4DRegressor])
@pytest.mark.slow
def test_beyond_the_rates_of_training_the_networks_answer_alone(kind, tmp_path):
    X, y = tones(120)
    options = {"n_readouts": 8, "d_model": 16, "d_state": 8, "max_epochs": 3, "deep": "always"}
    model = kind(band_dropout=True, random_state=0, **options).fit(X, y)
    coarsest, share = model.fitted_.networks_only
    assert coarsest == pytest.approx(1.25)
    cases = model.read_cases(X[:3, ::3], 3.0, None)
    np.testing.assert_allclose(
        model.fitted_(cases), share * model.fitted_.deep(cases) * model.fitted_.scale + model.fitted_.mean
    )
    model.save(tmp_path / "model")
    again = ssmts.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X[:9, ::3], rate=3.0), model.predict(X[:9, ::3], rate=3.0))
    assert kind(random_state=0, **options).fit(X, y).fitted_.networks_only is None


def banded(n_features=8, n=90, seed=0):
    """An encoder of eight modes, tokens of cases at intervals of 1 and 2, and classes that two modes tell."""
    rng = np.random.default_rng(seed)
    A = -0.1 + 1j * np.pi * np.geomspace(0.05, 0.8, n_features)
    flat = np.zeros(n_features + 1)
    encoder = CaseTokens(A, np.ones((1, 1)), 8.0, flat, flat + 1.0)
    labels = np.arange(n) % 2
    tokens, intervals = [], np.where(np.arange(n) % 3 == 2, 2.0, 1.0)
    for label, interval in zip(labels, intervals):
        values = rng.normal(size=(rng.integers(6, 20), n_features + 1))
        values[:, [2, 7]] += 2.0 * (2 * label - 1)
        values[:, :-1][:, encoder.longest_interval < interval] = 0.0
        tokens.append(Tokens(values, np.append(0.0, np.ones(len(values) - 1))))
    return encoder, tokens, intervals, labels


def test_bands_above_a_cut_change_no_answer_of_it(monkeypatch):
    monkeypatch.setattr("ssmts.models.whole_series.octave_kernels._FEWEST_MODES", 4)
    encoder, tokens, intervals, labels = banded()
    targets = 2.0 * np.eye(2)[labels] - 1.0
    bands, left_out = fit_bands(
        encoder,
        tokens,
        intervals=intervals,
        targets=targets,
        weights=np.ones(90),
        copy_pairs=np.arange(90),
        seed=0,
    )
    assert bands.intervals[0] == 2.0  # nine tenths of the cases are no coarser than that
    np.testing.assert_array_equal(bands.carried(0), np.append(encoder.longest_interval >= 2.0, True))
    assert len(bands.intervals) > 1
    for cut in range(len(bands.intervals)):
        assert np.mean(left_out[cut].argmax(axis=1) == labels) > 0.95
        masked = [Tokens(np.where(bands.carried(cut), own.values, 99.0), own.intervals) for own in tokens]
        cuts = np.full(90, cut)
        np.testing.assert_allclose(bands(masked, cuts), bands(tokens, cuts), atol=1e-9)
        np.testing.assert_allclose(bands(tokens[:1], cuts[:1])[0], bands(tokens, cuts)[0], rtol=1e-12)
    found = cuts_of(np.array([1.0, 2.0, 4.0]), [0.5, 1.0, 1.1, 2.0, 3.9, 9.0])
    np.testing.assert_array_equal(found, [0, 0, 1, 1, 2, 2])


def test_what_bands_say_of_a_case_they_have_not_seen():
    encoder, tokens, intervals, labels = banded()
    targets, weights = 2.0 * np.eye(2)[labels] - 1.0, np.ones(90)
    options = {"intervals": intervals, "weights": weights, "copy_pairs": np.arange(90), "seed": 0}
    _, left_out = fit_bands(encoder, tokens, targets=targets, **options)
    other = targets.copy()
    other[0] *= -1.0  # what it is told of a case does not show in what it says of it without having seen it
    _, again = fit_bands(encoder, tokens, targets=other, **options)
    np.testing.assert_allclose(again[0, 0], left_out[0, 0], atol=1e-6)
    assert np.abs(again[0, 1:] - left_out[0, 1:]).max() > 1e-3


@pytest.mark.slow
def test_cases_coarser_than_any_in_training_are_told_by_the_bands_they_carry():
    (X, y), (fast, truth) = tones(150), tones(200, seed=1)
    slow = resample_poly(fast, 1, 3, axis=1)
    options = {"n_readouts": 8, "d_model": 16, "d_state": 8, "max_epochs": 1, "deep": "always"}
    model = S4DClassifier(band_dropout=True, random_state=0, token_stride=32.0, **options).fit(X, y)
    assert np.mean(model.predict(slow, rate=3.0) == truth) > 0.95
    by_interval = model.history_["deep"]["shares_by_interval"]
    assert [own["interval"] for own in by_interval][:2] == [1.0, 2.0]
