"""What fitted classifiers and regressors say about themselves."""

import pytest
from sklearn.exceptions import NotFittedError

from ssmts import LinearSSMClassifier


def test_a_classifier_tells_its_classes_and_left_out_errors(waves):
    X, y = waves(40)
    model = LinearSSMClassifier(n_readouts=16, random_state=0)
    with pytest.raises(NotFittedError):
        model.summary()
    assert "left-out" not in model._repr_html_()
    model.fit(X, y)
    told = model.summary().parts
    assert told["data"]["classes"] == "2: fast, slow"
    assert told["on left-out cases"]["accuracy"] == model.history_["linear"]["left_out_accuracy"]
    page = model._repr_html_()
    assert "fast, slow" in page
    assert "sk-top-container" in page
