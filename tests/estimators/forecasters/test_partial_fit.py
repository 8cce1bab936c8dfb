"""Later data: partial_fit gives the weights of a fit on everything; update moves the end of history."""

import itertools

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.errors import DurationError, InstantError, ParameterError, TargetGivenError
from ssmts.models.linear.moments import accumulate
from ssmts.models.linear.ridge import solve
from ssmts.models.panels.fit import fit_panel
from ssmts.models.panels.grid_series import grid_series
from ssmts.models.sequences.blocked_folds import BlockedFolds
from ssmts.models.sequences.sequence import stack_sequences


def weights_of_all(model, X, weights=None):
    """Weights from all of X in one pass, with the choices of a fitted model."""
    fitted, config = model.fitted_, model.model_.config.linear
    panel = model.reader_.read(X)
    stacks = stack_sequences(fitted.sequences(panel, weights=weights))
    one = BlockedFolds(np.array([np.inf]))
    sums = accumulate(
        stacks,
        model.model_.bank,
        config.context,
        config.horizon,
        one,
        fitted.scaling.n_groups,
        rare=fitted.sums.rare,
    )
    return solve(sums.completed(), fitted.sums.penalties, config.horizon)


def branch_of_all(model, X, weights):
    """Panel branch fitted on all of X, with the choices of a fitted model."""
    fitted = model.fitted_
    panel = model.reader_.read(X)
    series = grid_series(fitted.sequences(panel, weights=weights))
    branch = fitted.model.panel
    return fit_panel(series, fitted.scaling.scale.size, branch.horizon, branch.periods, like=branch).branch


def assert_learnt(model, X, weights=None, tolerance=1e-8):
    if model.model_.panel is not None:
        expected, found = branch_of_all(model, X, weights), model.model_.panel
        np.testing.assert_allclose(found.errors, expected.errors, rtol=1e-6)
        for one, other in zip(found.members, expected.members, strict=True):
            np.testing.assert_allclose(one.shared, other.shared, atol=1e-6 * np.abs(other.shared).max())
            np.testing.assert_allclose(one.own, other.own, atol=1e-5)
        return
    shared, by_group = weights_of_all(model, X, weights)
    scale = np.abs(shared).max()
    np.testing.assert_allclose(model.model_.linear.shared, shared, atol=tolerance * scale, rtol=tolerance)
    np.testing.assert_allclose(model.model_.linear.by_group, by_group, atol=tolerance * scale, rtol=tolerance)
    assert model.model_.config.n_groups == len(by_group)


def holes(frame):
    return frame.mask(np.random.default_rng(0).random(frame.shape) < 0.2)


def irregular(frame):
    return frame.iloc[np.sort(np.random.default_rng(0).choice(400, 320, replace=False))]


def as_it_is(frame):
    return frame


@pytest.mark.parametrize("damage", [as_it_is, holes, irregular])
@pytest.mark.parametrize("cuts", [[250, 400], [90, 91, 92, 150, 153, 400]])
def test_as_a_fit_on_everything(damage, cuts, new_model, frame):
    whole = damage(frame)
    model = new_model().fit(whole.iloc[: cuts[0]])
    first = model.model_.linear.shared
    for begin, end in itertools.pairwise(cuts):
        assert model.partial_fit(whole.iloc[begin:end]) is model
    assert_learnt(model, whole)
    assert np.abs(model.model_.linear.shared - first).max() > 1e-3
    pd.testing.assert_frame_equal(model.predict(), model.predict(whole), check_freq=False)


def test_a_panel_with_series_of_every_sort(new_model, panel):
    """Some end earlier, one is too short at first, one is new, one gets nothing."""
    parts = {name: part for name, part in panel.groupby("unique_id")}
    a, b, c = parts
    new = parts[a].assign(unique_id="new").head(150)
    X = pd.concat([parts[a].head(200), parts[b].head(180), parts[c].head(30)])
    with pytest.warns(ssmts.errors.TooShortWarning):
        model = new_model().fit(X)
    model.partial_fit(pd.concat([parts[a].iloc[200:210], parts[c].iloc[30:50], new.head(20)]))
    model.partial_fit(pd.concat([parts[c].iloc[50:200], new.iloc[20:]]))
    assert_learnt(model, pd.concat([parts[a].head(210), parts[b].head(180), parts[c].head(200), new]))
    assert model.fitted_.scaling.n_groups == 4
    found = model.predict()
    assert found["unique_id"].unique().tolist() == [a, b, c, "new"]


def test_data_faster_than_the_reference_step(new_model, panel):
    fast = panel[panel["unique_id"] == panel["unique_id"].iloc[0]].assign(unique_id="fast")
    fast["ds"] = fast["ds"].iloc[0] + pd.to_timedelta(np.arange(len(fast)) * 20, unit="min")
    model = new_model(context_length=24).fit(pd.concat([panel, fast.head(201)]))
    model.partial_fit(fast.iloc[201:])
    assert_learnt(model, pd.concat([panel, fast]))


def test_sample_weight_and_forgetting_go_together(new_model, frame):
    """A fit on windows weighted by age, then half-lives: the weights of all windows by age."""
    half_life = pd.Timedelta("3D")

    def by_age(X):
        return 0.5 ** ((X.index[-1] - X.index) / half_life).to_numpy()

    model = new_model().fit(frame.iloc[:250], sample_weight=by_age(frame.iloc[:250]))
    model.partial_fit(frame.iloc[250:300], forget=72)  # hours, the reference step
    model.partial_fit(frame.iloc[300:], forget=half_life)
    assert_learnt(model, frame, {None: by_age(frame)})
    unweighted = new_model().fit(frame.iloc[:250]).partial_fit(frame.iloc[250:])
    assert np.abs(unweighted.model_.linear.shared - model.model_.linear.shared).max() > 1e-3


def test_what_is_forgotten_is_gone(new_model, frame):
    """After many half-lives of another law, the weights are those of the new law alone."""
    other = frame.iloc[200:].copy() * np.array([[-1.0, 1.0]])
    other.iloc[:, 0] = np.random.default_rng(0).normal(size=200)
    model = new_model().fit(frame.iloc[:200]).partial_fit(other, forget="2h")
    moments = model.fitted_.sums.moments
    assert moments.count.sum() < 2 * 2 / np.log(2) + 2


@pytest.mark.parametrize("kind", ["wide", "array", "long", "polars", "series", "id", "cube"])
def test_a_row_of_weight_two_is_a_window_twice(kind, new_model, frame, panel):
    rng = np.random.default_rng(0)
    if kind in ("wide", "array", "series", "polars"):
        X = {"wide": frame, "array": frame.to_numpy(), "series": frame["y0"], "polars": None}[kind]
        weights = rng.integers(0, 3, len(frame)).astype(float)
        given, expected = weights, {None: weights}
        if kind == "wide":  # rows in any order
            order = rng.permutation(len(frame))
            X, given = frame.iloc[order], weights[order]
        if kind == "polars":
            pl = pytest.importorskip("polars")
            X = pl.from_pandas(frame.rename_axis("time").reset_index())
    else:
        own = {name: rng.integers(0, 3, len(part)).astype(float) for name, part in panel.groupby("unique_id")}
        X, given, expected = panel, np.concatenate(list(own.values())), own
        if kind == "id":
            given = {name: float(k) for k, name in enumerate(own)}
            expected = {name: np.full(len(w), given[name]) for name, w in own.items()}
        if kind == "cube":
            X = np.stack([part[["y"]].to_numpy() for _, part in panel.groupby("unique_id")])
            given, expected = np.array([0.0, 1.0, 2.0]), {k: np.full(X.shape[1], float(k)) for k in range(3)}
    model = new_model(time_col="time" if kind == "polars" else None).fit(X, sample_weight=given)
    assert_learnt(model, X, expected)
    plain = weights_of_all(model, X)
    assert np.abs(plain[0] - model.model_.linear.shared).max() > 1e-6


def test_weights_of_a_fit_with_validation(new_model, frame):
    weights = np.linspace(0, 1, 300)
    model = new_model().fit(frame.iloc[:300], validation=frame.iloc[300:], sample_weight=weights)
    assert_learnt(model, frame, {None: np.concatenate([weights, np.ones(100)])})


@pytest.mark.parametrize("bad", [[1.0], [np.nan] * 400, [-1.0] * 400, [0.0] * 400, "many", {"x": 1.0}])
def test_weights_that_are_none(bad, new_model, frame):
    with pytest.raises(ParameterError, match="sample_weight"):
        new_model().fit(frame, sample_weight=bad)


def test_the_deep_path_stays_as_it_is(deep, small_deep, chaos):
    model = ssmts.S4Forecaster(**small_deep).fit(chaos)
    before = [member.state_dict() for member in model.module_]
    model.partial_fit(chaos[100:200])
    for member, old in zip(model.module_, before, strict=True):
        assert all((member.state_dict()[name] == old[name]).all() for name in old)
    linear = model.model_.linear.shared
    assert np.abs(linear - deep.model_.linear.shared).max() > 1e-6
    assert np.isfinite(model.predict()).all()


def test_weights_reach_the_deep_path(small_deep, chaos):
    weights = np.ones(len(chaos))
    plain = ssmts.S4Forecaster(**small_deep).fit(chaos)
    same = ssmts.S4Forecaster(**small_deep).fit(chaos, sample_weight=weights)
    np.testing.assert_allclose(same.predict(), plain.predict(), rtol=1e-6)
    weights[:300] = 0.1
    other = ssmts.S4Forecaster(**small_deep).fit(chaos, sample_weight=weights)
    assert other.history_["deep"]["epochs"] != plain.history_["deep"]["epochs"]


def test_arrays_follow(new_model, frame):
    values = frame.to_numpy()
    model = new_model().fit(values[:250]).partial_fit(values[250:300]).partial_fit(values[300:])
    assert_learnt(model, values)
    np.testing.assert_allclose(model.predict(), model.predict(values), rtol=1e-12)


def test_an_unfitted_model_is_fitted(new_model, frame):
    model = new_model().partial_fit(frame)
    pd.testing.assert_frame_equal(model.predict(), new_model().fit(frame).predict())


def test_from_a_file_with_sums(new_model, frame, tmp_path):
    model = new_model().fit(frame.iloc[:300], sample_weight=np.linspace(1, 2, 300))
    model.save(tmp_path / "plain")
    model.save(tmp_path / "sums", sums=True)
    assert (tmp_path / "sums").stat().st_size > (tmp_path / "plain").stat().st_size
    copy = ssmts.load(tmp_path / "sums").partial_fit(frame.iloc[300:])
    model.partial_fit(frame.iloc[300:])
    np.testing.assert_array_equal(copy.model_.linear.shared, model.model_.linear.shared)
    with pytest.raises(ParameterError, match="sums=True"):
        ssmts.load(tmp_path / "plain").partial_fit(frame.iloc[300:])


def test_refusals_leave_the_model_as_it_was(new_model, frame):
    model = new_model().fit(frame.iloc[:300])
    before = model.model_
    with pytest.raises(InstantError, match="not after the end of the training data"):
        model.partial_fit(frame.iloc[299:])
    with pytest.raises(TargetGivenError):
        model.partial_fit(frame.iloc[300:], frame["y0"])
    with pytest.raises(DurationError):
        model.partial_fit(frame.iloc[300:], forget="0h")
    with pytest.raises(ParameterError, match="forget"):
        model.partial_fit(frame.iloc[300:], forget=0)
    assert model.model_ is before


def test_update_moves_the_end_and_keeps_the_weights(new_model, frame):
    model = new_model().fit(frame.iloc[:300])
    linear = model.model_.linear
    assert model.update(frame.iloc[300:350]) is model
    assert model.update(frame.iloc[340:390]) is model
    assert model.model_.linear is linear
    pd.testing.assert_frame_equal(model.predict(), model.predict(frame.iloc[:390]), check_exact=True)
    model.partial_fit(frame.iloc[300:320])  # learns what it was given, and forgets no history
    pd.testing.assert_frame_equal(model.predict(), model.predict(frame.iloc[:390]), check_exact=True)


def test_update_of_a_model_without_a_tail(new_model, frame, tmp_path):
    model = new_model(store_tail=False).fit(frame.iloc[:300])
    model.save(tmp_path / "model")
    copy = LinearSSMForecaster.load(tmp_path / "model").update(frame.iloc[300:])
    pd.testing.assert_frame_equal(copy.predict(), model.predict(frame.iloc[300:]), check_exact=True)


def test_update_with_a_new_series(panel_model, panel, new_model):
    model = new_model().fit(panel)
    model.update(panel.head(100).assign(unique_id="new"))
    assert "new" in set(model.predict()["unique_id"])


@pytest.mark.parametrize("calendar", [False, True])
def test_covariates_known_ahead(calendar, new_model, frame, tmp_path):
    """Their effect stays as fit found it; what is left over is learnt."""
    rng = np.random.default_rng(0)
    promotion = (rng.random(len(frame)) < 0.2).astype(float)
    X = frame.assign(promotion=promotion)
    X["y0"] = X["y0"] + 3.0 * promotion
    X["y1"] = X["y1"] + 2.0 * (X.index.hour == 7)
    options = {"calendar": True, "target_cols": ["y0", "y1"]} if calendar else {}
    given = X[["y0", "y1"]] if calendar else X
    model = new_model(future_covariates=None if calendar else ["promotion"], **options)
    model.fit(given.iloc[:250]).partial_fit(given.iloc[250:300])
    assert model.history_["covariates"]["accepted"]
    model.save(tmp_path / "model", sums=True)
    copy = ssmts.load(tmp_path / "model")
    for one in (model, copy):
        one.partial_fit(given.iloc[300:388])
    np.testing.assert_array_equal(copy.model_.linear.shared, model.model_.linear.shared)
    # What covariates did before their run-in is as good as over, not quite.
    assert_learnt(model, given.iloc[:388], tolerance=1e-8 if calendar else 1e-6)
    known = {} if calendar else {"future": X.iloc[388:][["promotion"]]}
    pd.testing.assert_frame_equal(
        model.predict(**known), model.predict(given.iloc[:388], **known), rtol=1e-9, check_freq=False
    )


def test_channels_that_mix(new_model):
    rng = np.random.default_rng(0)
    driver = rng.normal(size=600).cumsum()
    driver -= pd.Series(driver).rolling(50, min_periods=1).mean().to_numpy()
    values = np.stack([driver, np.roll(driver, 6) + 0.1 * rng.normal(size=600)], axis=1)
    X = pd.DataFrame(values, index=pd.date_range("2020", periods=600, freq="h"), columns=["a", "b"])
    model = new_model(horizon=4, channel_mixing=True).fit(X.iloc[:400])
    assert model.history_["mixing"]["accepted"]
    model.partial_fit(X.iloc[400:500]).partial_fit(X.iloc[500:])
    # Components of the other channel are nearly combinations of its own states: a floor on the penalty.
    assert_learnt(model, X)


@pytest.mark.parametrize("many", [False, True])
def test_series_are_unlearnt(many, new_model, panel):
    """With weights of their own, and with more series than have any."""
    if many:
        parts = [
            panel.assign(unique_id=panel["unique_id"] + f"-{k}", y=panel["y"] * (k + 1)) for k in range(9)
        ]
        panel = pd.concat(parts)
    names = panel["unique_id"].unique()
    gone = panel["unique_id"] == names[1]
    model = new_model().fit(panel[panel["ds"] <= panel["ds"].iloc[200]])
    model.partial_fit(panel[panel["ds"] > panel["ds"].iloc[200]])
    assert model.unlearn(panel[gone]) is model
    assert_learnt(model, panel[~gone])
    assert set(model.predict()["unique_id"]) == set(names) - {names[1]}
    model.partial_fit(panel[gone].assign(unique_id="again"))
    assert_learnt(model, pd.concat([panel[~gone], panel[gone].assign(unique_id="again")]))


def test_what_cannot_be_unlearnt(new_model, panel, frame):
    model = new_model().fit(panel)
    before = model.model_
    one = panel[panel["unique_id"] == panel["unique_id"].iloc[0]]
    for X in (one.head(200), one.assign(y=one["y"] + 1.0), one.assign(unique_id="unknown")):
        with pytest.raises(ParameterError, match="unchanged"):
            model.unlearn(X)
    with pytest.raises(ParameterError, match="none would be left"):
        model.unlearn(panel)
    assert model.model_ is before
    weighted = new_model().fit(panel).partial_fit(one.assign(unique_id="new"), forget="10D")
    with pytest.raises(ParameterError, match="cannot be undone"):
        weighted.unlearn(one)
