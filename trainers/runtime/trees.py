"""Converts gradient-boosted trees to an ONNX TreeEnsembleRegressor with the same decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from runtime.graph import ML, GraphBuilder
from runtime.refusal import Refused


class Split(NamedTuple):
    feature: int
    #: `BRANCH_LEQ` or `BRANCH_LT`: which values go to `yes`.
    mode: str
    threshold: float
    yes: int
    no: int
    missing_goes_yes: bool


class Leaf(NamedTuple):
    value: float


class Tree(NamedTuple):
    #: The column of the result to which its leaves are added.
    column: int
    #: The first is the root. A node refers to others by their index.
    nodes: list[Split | Leaf]


def tree_ensemble(builder: GraphBuilder, matrix: str, trees: Iterable[Tree], width: int = 1) -> str:
    """float [rows, width]: sums of all trees over `matrix`, float [rows, features]."""
    nodes: dict[str, list[Any]] = {
        key: []
        for key in (
            "treeids",
            "nodeids",
            "featureids",
            "modes",
            "values",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }
    targets: dict[str, list[Any]] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}
    for tree_id, tree in enumerate(trees):
        for node_id, node in enumerate(tree.nodes):
            if isinstance(node, Leaf):
                row = (tree_id, node_id, 0, "LEAF", 0.0, 0, 0, 0)
                leaf = (tree_id, node_id, tree.column, node.value)
                for column, value in zip(targets.values(), leaf, strict=True):
                    column.append(value)
            else:
                row = (
                    *(tree_id, node_id, node.feature, node.mode, node.threshold),
                    *(node.yes, node.no, int(node.missing_goes_yes)),
                )
            for column, value in zip(nodes.values(), row, strict=True):
                column.append(value)
    return builder.node(
        "TreeEnsembleRegressor",
        [matrix],
        ML,
        n_targets=width,
        aggregate_function="SUM",
        post_transform="NONE",
        **{f"nodes_{name}": values for name, values in nodes.items()},
        **{f"target_{name}": values for name, values in targets.items()},
    )


def lightgbm_trees(boosters: Iterable[Any], width: int = 1) -> Iterator[Tree]:
    """The trees of LightGBM's boosters. It grows `width` trees at a time, one per column."""
    roots = (
        tree["tree_structure"] for booster in boosters for tree in booster.dump_model()["tree_info"]
    )
    for number, root in enumerate(roots):
        yield Tree(number % width, list(_lightgbm_nodes(root)))


def _lightgbm_nodes(root: dict[str, Any]) -> Iterator[Split | Leaf]:
    """Iterative, because a tree may be deeper than Python's stack."""
    found = [root]
    for node in found:
        if "leaf_value" in node:
            yield Leaf(float(node["leaf_value"]))
            continue
        if node["decision_type"] != "<=":
            raise Refused(
                f"the trees have splits by {node['decision_type']} (categorical columns of "
                "LightGBM), which are not supported"
            )
        found += [node["left_child"], node["right_child"]]
        yield Split(
            node["split_feature"],
            "BRANCH_LEQ",
            _float32_floor(node["threshold"]),
            len(found) - 2,
            len(found) - 1,
            _missing_goes_left(node),
        )


def xgboost_trees(model: dict[str, Any]) -> Iterator[Tree]:
    """The trees of the JSON format of XGBoost (its JSON schema calls it `gbtree`)."""
    for column, tree in zip(model["tree_info"], model["trees"], strict=True):
        if any(tree["split_type"]):
            raise Refused(
                "the trees have splits by categories (categorical columns of XGBoost), "
                "which are not supported"
            )
        yield Tree(column, list(_xgboost_nodes(tree)))


def _xgboost_nodes(tree: dict[str, Any]) -> Iterator[Split | Leaf]:
    """Only nodes below the root: pruning leaves others in the lists."""
    found = [0]
    for node in found:
        left, value = tree["left_children"][node], float(tree["split_conditions"][node])
        if left == -1:
            yield Leaf(value)
            continue
        found += [left, tree["right_children"][node]]
        yield Split(
            tree["split_indices"][node],
            "BRANCH_LT",
            value,
            len(found) - 2,
            len(found) - 1,
            bool(tree["default_left"][node]),
        )


def _float32_floor(threshold: float) -> float:
    """The largest float32 that is not above the threshold.

    For a float32 `x`, `x <= threshold` and `x <= floor(threshold)` are equivalent.
    """
    with np.errstate(over="ignore"):
        nearest = np.float32(threshold)
        # As Python floats, because numpy would first round the threshold to float32.
        return (
            float(nearest)
            if float(nearest) <= threshold
            else float(np.nextafter(nearest, np.float32(-np.inf)))
        )


def _missing_goes_left(node: dict[str, Any]) -> bool:
    """LightGBM predicts NaN like 0 if training had no NaN in the feature."""
    return bool(node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0)
