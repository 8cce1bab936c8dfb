"""Extremely randomised trees beside the linear readout: what depends on several features together.

scikit-learn grows them; here they are arrays, which are saved and read without running code.

References
----------
Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 2006.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from ssmts.data.arrays import Float

__all__ = ["RandomTrees", "fit_trees"]

_LEAF = 5  # cases in a leaf
_FEATURES = 0.15  # fraction of features that a split chooses from
_SURE = 0.002  # no class is held to be less probable


@dataclass(frozen=True)
class RandomTrees:
    """Trees, one after another.

    Parameters
    ----------
    roots : ndarray of int32, shape (n_trees,)
        First node of each tree.
    children : ndarray of int32, shape (n_nodes, 2)
        Nodes for values up to the threshold and above; a leaf is its own child.
    feature : ndarray of int32, shape (n_nodes,)
    threshold : ndarray of float64, shape (n_nodes,)
    value : ndarray of float32, shape (n_nodes, n_targets)
        Probabilities of the classes, or means.
    classes : bool
        Whether values are probabilities.
    """

    roots: NDArray[np.int32]
    children: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Float
    value: NDArray[np.float32]
    classes: bool

    def __call__(self, features: Float) -> Float:
        """Log-probabilities or numbers, (n_cases, n_targets)."""
        inputs, rows = features.astype(np.float32), np.arange(len(features))
        total = np.zeros((len(features), self.value.shape[1]))
        for root in self.roots:
            node = np.full(len(features), root)
            while True:
                above = inputs[rows, self.feature[node]] > self.threshold[node]
                following = self.children[node, above.astype(np.int8)]
                if np.array_equal(following, node):
                    break
                node = following
            total += self.value[node]
        return _answers(total / len(self.roots), self.classes)


def fit_trees(
    features: Float, targets: Float, weights: Float, n_trees: int, seed: int, *, classes: bool
) -> tuple[RandomTrees, Float]:
    """Grow trees, each on a bootstrap sample.

    Parameters
    ----------
    features : ndarray of float64, shape (n_cases, n_features)
    targets : ndarray of float64, shape (n_cases, n_targets)
        Of classes 1 for that of a case, -1 for the others.
    weights : ndarray of float64, shape (n_cases,)
    n_trees, seed : int
    classes : bool

    Returns
    -------
    trees : RandomTrees
    left_out : ndarray of float64, shape (n_cases, n_targets)
        What the trees say of a case that have not seen it.
    """
    options: dict[str, Any] = {
        "n_estimators": n_trees,
        "min_samples_leaf": _LEAF,
        "max_features": _FEATURES,
        "bootstrap": True,
        "random_state": seed,
    }
    inputs = features.astype(np.float32)
    if classes:
        forest: Any = ExtraTreesClassifier(**options).fit(inputs, targets.argmax(axis=1), weights)
    else:
        forest = ExtraTreesRegressor(**options).fit(inputs, targets[:, 0], weights)
    seen = forest.classes_ if classes else [0]  # a class may have no case of positive weight
    roots, children, feature, threshold, value, begin = [], [], [], [], [], 0
    total, count = np.zeros((len(features), targets.shape[1])), np.zeros((len(features), 1))
    for grown, sampled in zip(forest.estimators_, forest.estimators_samples_):
        tree = grown.tree_
        leaf = tree.children_left < 0
        both = np.stack([tree.children_left, tree.children_right], axis=1)
        own = np.arange(tree.node_count)[:, None]
        roots.append(begin)
        children.append(begin + np.where(leaf[:, None], own, both))
        feature.append(np.where(leaf, 0, tree.feature))
        threshold.append(np.where(leaf, 0.0, tree.threshold))
        of_node = np.zeros((tree.node_count, targets.shape[1]))
        of_node[:, seen] = tree.value[:, 0, :]
        value.append(of_node)
        begin += tree.node_count
        unseen = np.ones(len(features), dtype=bool)
        unseen[sampled] = False
        total[unseen] += of_node[tree.apply(inputs[unseen])]
        count[unseen] += 1
    trees = RandomTrees(
        roots=np.array(roots, dtype=np.int32),
        children=np.concatenate(children).astype(np.int32),
        feature=np.concatenate(feature).astype(np.int32),
        threshold=np.concatenate(threshold),
        value=np.concatenate(value).astype(np.float32),
        classes=classes,
    )
    outcome = targets > 0 if classes else targets
    mean = (weights @ outcome / weights.sum())[None]
    return trees, _answers(np.where(count > 0, total / np.maximum(count, 1), mean), classes)


def _answers(mean: Float, classes: bool) -> Float:
    return np.log(np.clip(mean, _SURE, 1.0)) if classes else mean
