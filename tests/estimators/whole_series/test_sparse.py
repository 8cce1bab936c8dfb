"""Rows that are single observations: outcomes depend on how often a channel is measured, and on values."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import ssmts
from ssmts import LinearSSMClassifier, LinearSSMRegressor, S4Classifier
from ssmts.errors import ParameterError, UnknownColumnError
from ssmts_datasets import make_ward

ROLES = {"id_col": "stay", "time_col": "hour", "channel_col": "parameter"}
N_LEARNT = 220


@pytest.fixture(scope="module")
def counted():
    """Cases whose label is how often b was measured; its values and all of a say nothing."""
    rng, rows, often = np.random.default_rng(0), [], np.zeros(300, dtype=int)
    for case in range(300):
        often[case] = rng.random() < 0.3
        for name, mean in (("a", 20), ("b", 4 + 10 * often[case]), ("seldom", 0.5)):
            hours = np.unique(np.round(rng.uniform(0, 48, rng.poisson(mean)), 3))
            rows += [(case, hour, name, value) for hour, value in zip(hours, rng.normal(size=len(hours)))]
        rows.append((case, 0.0, "age", rng.normal()))
    return pd.DataFrame(rows, columns=["stay", "hour", "parameter", "value"]), often


@pytest.fixture(scope="module")
def model(counted):
    X, y = counted
    learnt = X[X["stay"] < N_LEARNT]
    return LinearSSMClassifier(**ROLES, random_state=0).fit(learnt, pd.Series(y)[:N_LEARNT])


def unseen(counted):
    X, y = counted
    return X[X["stay"] >= N_LEARNT], y[N_LEARNT:]


@pytest.mark.slow
def test_how_often_a_channel_is_measured_tells(model, counted):
    X, y = unseen(counted)
    probability = model.predict_proba(X)[:, 1]
    counts = X[X["parameter"] == "b"].groupby("stay").size().reindex(X["stay"].unique(), fill_value=0)
    best = roc_auc_score(y, counts)
    assert roc_auc_score(y, probability) > best - 0.06
    assert best > 0.95
    assert model.history_["linear"]["kind"] == "observations"
    assert abs(probability.mean() - y.mean()) < 0.1


@pytest.mark.slow
def test_an_answer_does_not_depend_on_company_file_or_order(model, counted, tmp_path):
    X, _ = unseen(counted)
    whole = model.predict_proba(X)
    ids = list(X["stay"].unique())
    np.testing.assert_array_equal(model.predict_proba(X[X["stay"] == ids[7]])[0], whole[7])
    shuffled = X.sample(frac=1.0, random_state=0)
    order = [ids.index(stay) for stay in shuffled["stay"].unique()]
    np.testing.assert_array_equal(model.predict_proba(shuffled), whole[order])
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(ssmts.load(tmp_path / "model").predict_proba(X), whole)


@pytest.mark.slow
def test_a_stream_takes_channels_by_name(model, counted):
    X, _ = unseen(counted)
    case = X[X["stay"] == X["stay"].iloc[0]].sort_values("hour")
    stream = model.stream()
    for row in case.itertuples():
        stream.update(row.hour, {row.parameter: row.value})
    np.testing.assert_array_equal(stream.predict_proba(), model.predict_proba(case)[0])
    with pytest.raises(UnknownColumnError, match="blood"):
        stream.update(50.0, {"blood": 1.0})


def test_early_probabilities_are_no_surer_than_they_are_right(model, counted):
    X, y = unseen(counted)
    for hours in (0.0, 2.0, 12.0):
        early = X[X["hour"] <= np.maximum(hours, X.groupby("stay")["hour"].transform("min"))]
        probability = model.predict_proba(early)[:, 1]
        loss = -np.log(np.where(y == 1, probability, 1.0 - probability)).mean()
        rate = model.predict_proba(X)[:, 1].mean()
        base = -(y.mean() * np.log(rate) + (1 - y.mean()) * np.log(1 - rate))
        assert loss < base + 0.08, hours
        assert probability.max() < 0.97 or hours > 2.0


def test_an_explanation_names_the_channel_that_matters(model, counted):
    X, _ = unseen(counted)
    table = model.explain(X[X["stay"].isin(X["stay"].unique()[:40])], n_periods=4)
    assert list(table.columns) == ["id", "channel", "begin", "end", "n_observations", "effect"]
    size = table.assign(effect=table["effect"].abs()).groupby("channel")["effect"].mean()
    assert size.idxmax() == "b"
    assert table["n_observations"].sum() == X["stay"].isin(X["stay"].unique()[:40]).sum()
    with pytest.raises(ParameterError, match="n_periods"):
        model.explain(X, n_periods=0)


def test_observations_at_one_instant_become_their_mean(model, counted):
    X, _ = unseen(counted)
    twice = pd.concat([X.assign(value=X["value"] - 1.0), X.assign(value=X["value"] + 1.0)])
    np.testing.assert_allclose(model.predict_proba(twice), model.predict_proba(X), atol=1e-6)


@pytest.mark.slow
def test_a_regressor_reads_counts_and_values(counted):
    X, _ = counted
    groups = X[X["parameter"] == "a"].groupby("stay")["value"]
    ids = X["stay"].unique()
    y = (0.3 * groups.size() + 4.0 * groups.mean()).reindex(ids, fill_value=0.0)
    learnt, held = X[X["stay"] < N_LEARNT], X[X["stay"] >= N_LEARNT]
    model = LinearSSMRegressor(**ROLES, hold="none", random_state=0).fit(learnt, y[y.index < N_LEARNT])
    truth = y[held["stay"].unique()].to_numpy()
    errors = model.predict(held) - truth
    assert 1 - errors.var() / truth.var() > 0.8


@pytest.mark.slow
def test_a_ward_is_judged_better_the_longer_it_is_known():
    ward = make_ward(500, random_state=1)
    rows = ward.observations
    learnt, held = rows[rows["stay"] < 350], rows[rows["stay"] >= 350]
    model = LinearSSMClassifier(**ROLES, hold="none", random_state=0).fit(learnt, ward.died[:350])
    areas = [
        roc_auc_score(ward.died[350:], model.predict_proba(held[held["hour"] <= hours])[:, 1])
        for hours in (0, 48)
    ]
    assert areas[1] > 0.68
    assert areas[1] > areas[0]


def test_what_cannot_be_meant_is_refused(counted):
    X, y = counted
    with pytest.raises(ParameterError, match="channel_col"):
        LinearSSMClassifier(channel_col="parameter").fit(np.zeros((4, 5)), [0, 1, 0, 1])
    with pytest.raises(ParameterError, match="rate_range"):
        LinearSSMClassifier(**ROLES, hold="none", rate_range=(0.5, 2)).fit(X, y)
    with pytest.raises(ParameterError, match="hold"):
        LinearSSMClassifier(**ROLES, hold="lines").fit(X, y)


@pytest.mark.slow
def test_networks_read_sparse_cases_on_lines(counted, tmp_path):
    X, y = counted
    learnt = X[X["stay"] < 30]
    deep = S4Classifier(
        **ROLES, hold="none", deep="always", max_steps=2, d_model=8, d_state=8, n_modes=8, random_state=0
    )
    deep.fit(learnt, y[:30])
    assert deep.history_["deep"]["accepted"]
    probability = deep.predict_proba(learnt)
    assert np.isfinite(probability).all()
    deep.save(tmp_path / "deep")
    np.testing.assert_array_equal(ssmts.load(tmp_path / "deep").predict_proba(learnt), probability)
