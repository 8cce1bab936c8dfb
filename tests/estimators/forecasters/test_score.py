"""The score, beside the same number computed by hand from predict."""

import numpy as np
import pandas as pd
import pytest

from ssmts.errors import ColumnError, TooShortError

CONTEXT, H = 48, 12


def by_hand(model, X, scale, origins):
    """Mean squared error in training scale of forecasts from the given rows of X."""
    errors = []
    for row in origins:
        forecast = model.predict(X.iloc[: row + 1])
        errors.append((forecast - X.loc[forecast.index]) / scale)
    return float((pd.concat(errors).to_numpy() ** 2).mean())


def test_score_is_what_predict_gives(model, frame):
    scale = frame.std(ddof=0)
    origins = range(CONTEXT - 1, len(frame) - H, H)
    assert model.score(frame) == pytest.approx(-by_hand(model, frame, scale, origins), rel=1e-9)


def test_the_scale_is_that_of_training(new_model, frame):
    train, test = frame.iloc[:250], frame.iloc[250:] * 3.0
    model = new_model().fit(train)
    origins = range(CONTEXT - 1, len(test) - H, H)
    expected = -by_hand(model, test, train.std(ddof=0), origins)
    later = test.set_axis(test.index + pd.Timedelta("30D"))  # does not continue the training data
    assert model.score(later) == pytest.approx(expected, rel=1e-9)


def test_data_that_continue_training_have_its_end_as_context(new_model, frame):
    train, test = frame.iloc[:300], frame.iloc[300:]
    model = new_model().fit(train)
    whole = pd.concat([train.tail(CONTEXT), test])
    expected = by_hand(model, whole, train.std(ddof=0), range(CONTEXT - 1, len(whole) - H, H))
    assert model.score(test) == pytest.approx(-expected, rel=1e-9)
    assert model.score(test.head(H)) == pytest.approx(
        -by_hand(model, whole, train.std(ddof=0), [CONTEXT - 1]), rel=1e-9
    )


def test_a_panel_weighs_every_observation_alike(panel_model, panel):
    scale = panel.groupby("unique_id")["y"].std(ddof=0)
    errors = []
    for name, own in panel.groupby("unique_id"):
        for row in range(CONTEXT - 1, 300 - H, H):
            forecast = panel_model.predict(own.iloc[: row + 1])
            truth = own["y"].to_numpy()[row + 1 : row + 1 + H]
            errors.append((forecast["y"].to_numpy() - truth) / scale[name])
    assert panel_model.score(panel) == pytest.approx(-np.mean(np.square(errors)), rel=1e-9)


def test_missing_truth_is_left_out(model, frame):
    X = frame.head(CONTEXT + H).copy()
    X.iloc[[-3, -7], 0] = np.nan
    forecast = model.predict(X.head(CONTEXT))
    errors = ((forecast - X.tail(H)) / frame.std(ddof=0)).to_numpy()
    expected = np.nansum(errors**2) / (~np.isnan(errors)).sum()
    assert model.score(X) == pytest.approx(-expected, rel=1e-9)


def test_another_rate_is_scored_at_its_own_instants(model, frame):
    X = frame.iloc[::2]
    origins = range(CONTEXT // 2 - 1, len(X) - H // 2, H // 2)
    expected = -by_hand(model, X, frame.std(ddof=0), origins)
    assert model.score(X) == pytest.approx(expected, rel=0.02)


def test_a_better_model_scores_higher(new_model, frame):
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=frame.shape), frame.index, frame.columns)
    train, test = frame.iloc[:300], frame.iloc[300:]
    good = new_model().fit(train).score(test)
    bad = new_model(n_modes=1).fit(train + 2 * noise.iloc[:300]).score(test)
    assert bad < good < 0


def test_too_short_to_score(model, frame):
    with pytest.raises(TooShortError, match=r"no whole window.*2 days 12:00:00.*Give more rows"):
        model.score(frame.head(CONTEXT + H - 1))


def test_score_checks_its_columns(model, frame):
    with pytest.raises(ColumnError, match="y1"):
        model.score(frame[["y0"]])
