"""The linear branch from shards: the same weights however the series are dealt out."""

import numpy as np
import pandas as pd
import pytest

import ssmts
from ssmts import LinearSSMForecaster
from ssmts.data import read_row_groups
from ssmts.errors import EmptyDataError, InstantError, ParameterError
from ssmts_datasets import make_sines

N_SERIES = 60


@pytest.fixture(scope="module")
def many():
    return make_sines(
        120, n_series=N_SERIES, periods=[24.0, 9.0], noise=0.3, layout="long", random_state=0
    ).frame


@pytest.fixture(scope="module")
def ids(many):
    return list(dict.fromkeys(many["unique_id"]))


def fitted(many, ids):
    model = LinearSSMForecaster(horizon=6, context_length=24, n_modes=24)
    return model.fit(many[many["unique_id"].isin(ids[:30])])


def by_id(forecast):
    return forecast.set_index(["unique_id", "ds"])["y"]


def dealt(many, ids, *cuts):
    return [many[many["unique_id"].isin(part)] for part in np.split(np.array(ids, dtype=object), cuts)]


@pytest.mark.slow
def test_the_same_weights_whatever_the_split(many, ids):
    whole = fitted(many, ids).fit_shards([many])
    forecast = by_id(whole.predict(many))
    before = by_id(fitted(many, ids).predict(many))
    known = forecast.index.get_level_values(0).isin(ids[:30])
    scale = many["y"].std()
    assert np.abs(forecast - before)[~known].max() > 1e-3 * scale  # series of their own now
    assert whole.history_["n_windows"] == N_SERIES * (120 - 24 - 6 + 1)
    backwards = dealt(many, ids[::-1], 1, 2, 20, 45)
    for shards, n_jobs in ((dealt(many, ids, 7, 31), None), (iter(backwards), 2)):
        other = by_id(fitted(many, ids).fit_shards(shards, n_jobs=n_jobs).predict(many))
        np.testing.assert_allclose(other, forecast[other.index], rtol=1e-6, atol=1e-6 * scale)


def test_all_of_the_sample_is_the_fit_on_it(many, ids):
    model = fitted(many, ids)
    sample = many[many["unique_id"].isin(ids[:30])]
    before = by_id(model.predict(sample))
    after = by_id(model.fit_shards(dealt(many, ids[:30], 11)).predict(sample))
    # Held-out origins of the sample chose its penalties, too: weights differ by what that says.
    np.testing.assert_allclose(after, before[after.index], rtol=0.05, atol=0.05 * many["y"].std())


@pytest.mark.parametrize("n_rows", [50, 120, 1000, 10**6])
@pytest.mark.slow
def test_parquet_is_read_in_whole_series(many, ids, tmp_path, n_rows):
    many.to_parquet(tmp_path / "a.parquet", row_group_size=77)
    frames = list(read_row_groups(tmp_path, "unique_id", n_rows=n_rows))
    pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), many.reset_index(drop=True))
    of_frames = [set(frame["unique_id"]) for frame in frames]
    assert sum(map(len, of_frames)) == N_SERIES
    assert max(map(len, frames)) <= n_rows + 120
    model = fitted(many, ids).fit_shards(read_row_groups(tmp_path, "unique_id", n_rows=n_rows))
    assert model.history_["n_windows"] == N_SERIES * (120 - 24 - 6 + 1)


def test_a_series_in_two_shards_is_named(many, ids):
    with pytest.raises(InstantError, match="lies in two shards"):
        fitted(many, ids).fit_shards([many.iloc[:100], many.iloc[100:]])


@pytest.mark.slow
def test_what_cannot_be_sharded_is_said(many, ids):
    with pytest.raises(EmptyDataError, match="longer series"):
        fitted(many, ids).fit_shards([])
    few = LinearSSMForecaster(horizon=6, context_length=24).fit(many[many["unique_id"].isin(ids[:3])])
    with pytest.raises(ParameterError, match="share weights"):
        few.fit_shards([many])
    again = fitted(many, ids).fit_shards([many])
    with pytest.raises(ParameterError, match="fitted here"):
        again.fit_shards([many])
    with pytest.raises(ParameterError, match="at least 1"):
        next(read_row_groups("nowhere", "unique_id", n_rows=0))


def test_later_rows_after_shards_are_refused_and_it_is_said_why(many, ids, tmp_path):
    model = fitted(many, ids).fit_shards(dealt(many, ids, 9, 40))
    assert model.history_["n_shards"] == 3
    model.save(tmp_path / "model")
    for one in (model, ssmts.load(tmp_path / "model")):
        for act in (one.partial_fit, one.unlearn):
            with pytest.raises(ParameterError, match="a new fit_shards: this model does not keep the ends"):
                act(many)
