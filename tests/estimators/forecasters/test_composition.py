"""Forecasters are composed of few classes: verbs over a state and a reader that never change."""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from ssmts import LinearSSMForecaster, S4Forecaster


def test_few_classes_lie_between_an_estimator_and_object():
    mro = LinearSSMForecaster.__mro__
    own = [cls.__name__ for cls in mro if cls.__module__.startswith("ssmts.")]
    assert own == ["LinearSSMForecaster", "SSMForecaster", "ForecasterVerbs"]
    assert len(mro) <= 8
    assert len(S4Forecaster.__mro__) <= 9


@pytest.mark.parametrize("verb", ["update", "partial_fit"])
def test_a_verb_that_learns_leaves_the_state_before_as_it_was(verb, new_model, frame):
    model = new_model().fit(frame[:-24])
    before, reader = model.fitted_, model.reader_
    weights = before.model.linear.shared.copy()
    getattr(model, verb)(frame[-24:])
    assert model.fitted_ is not before
    np.testing.assert_array_equal(before.model.linear.shared, weights)
    assert before.tail.series[0].times[-1] == frame.index[-25].value
    assert reader.tail is before.tail
    with pytest.raises(FrozenInstanceError):
        before.tail = None
    with pytest.raises(FrozenInstanceError):
        reader.tail = None


def test_a_stream_does_not_see_a_later_fit(new_model, frame):
    model = new_model().fit(frame)
    stream = model.stream()
    expected = stream.predict()
    model.set_params(horizon=6, context_length=24).fit(frame * 2.0)
    pd.testing.assert_frame_equal(stream.predict(), expected)
