"""Types of the bases of scikit-learn, which has none: without them mypy takes every attribute as known."""

from typing import Any, Self, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")

class BaseEstimator:
    # set by the validation of scikit-learn
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...
    def __sklearn_tags__(self) -> Any: ...

class ClassifierMixin:
    def __sklearn_tags__(self) -> Any: ...

class RegressorMixin:
    def __sklearn_tags__(self) -> Any: ...

def clone(estimator: T, *, safe: bool = True) -> T: ...
def is_classifier(estimator: object) -> bool: ...
