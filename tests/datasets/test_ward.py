import numpy as np
import pytest

from ssmts_datasets import make_ward


def test_deaths_follow_the_stated_law():
    ward = make_ward(4000, hours=12.0, random_state=0)
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1.0)):
        inside = (ward.probability >= low) & (ward.probability < high)
        error = 4 * np.sqrt(0.25 / inside.sum())
        assert abs(ward.died[inside].mean() - ward.probability[inside].mean()) < error
    rows = ward.observations
    assert rows["stay"].unique().tolist() == ward.stays.tolist()
    counts = rows[rows["parameter"] == "lactate"].groupby("stay").size().reindex(ward.stays, fill_value=0)
    odds = np.log(ward.probability / (1 - ward.probability))
    assert np.corrcoef(counts, odds)[0, 1] > 0.25
    others = rows[rows["parameter"] == "sodium"].groupby("stay").size().reindex(ward.stays, fill_value=0)
    assert abs(np.corrcoef(others, odds)[0, 1]) < 0.06


def test_the_same_seed_gives_the_same_ward_in_both_libraries():
    pytest.importorskip("polars", reason="the second library")
    one, other = make_ward(5, random_state=3), make_ward(5, backend="polars", random_state=3)
    np.testing.assert_array_equal(one.observations["value"], other.observations["value"].to_numpy())
    with pytest.raises(ValueError, match="n_stays"):
        make_ward(0)
