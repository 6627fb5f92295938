"""LightGBM's trees as one ONNX TreeEnsembleRegressor that decides every float32 input exactly as
LightGBM does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from runtime.graph import ML, GraphBuilder


def tree_ensemble(builder: GraphBuilder, matrix: str, boosters: list[Any], width: int = 1) -> str:
    """float [rows, width]:

    the sums of all trees of all boosters over `matrix`, float [rows, features]. LightGBM grows
    `width` trees at a time, one for each column.
    """
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
    trees = (
        tree["tree_structure"] for booster in boosters for tree in booster.dump_model()["tree_info"]
    )
    for tree_id, root in enumerate(trees):
        for node_id, node, left, right in _numbered(root):
            leaf = "leaf_value" in node
            row = (
                (tree_id, node_id, 0, "LEAF", 0.0, 0, 0, 0)
                if leaf
                else (
                    tree_id,
                    node_id,
                    node["split_feature"],
                    "BRANCH_LEQ",
                    _float32_floor(node["threshold"]),
                    left,
                    right,
                    _missing_goes_left(node),
                )
            )
            for column, value in zip(nodes.values(), row, strict=True):
                column.append(value)
            if leaf:
                for column, value in zip(
                    targets.values(),
                    (tree_id, node_id, tree_id % width, float(node["leaf_value"])),
                    strict=True,
                ):
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


def _numbered(root: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any], int, int]]:
    """Each node with its number and its children's.

    Without recursion: a tree may be deeper than Python's stack.
    """
    found = [root]
    for number, node in enumerate(found):
        if "leaf_value" in node:
            yield number, node, 0, 0
        else:
            if node["decision_type"] != "<=":
                raise ValueError(f"a split by {node['decision_type']} has no form here")
            found += [node["left_child"], node["right_child"]]
            yield number, node, len(found) - 2, len(found) - 1


def _float32_floor(threshold: float) -> float:
    """The largest float32 that is not above:

    for a float32 `x`, `x <= threshold` and `x <= floor(threshold)` are the same question.
    """
    with np.errstate(over="ignore"):
        nearest = np.float32(threshold)
        # As Python floats: numpy would first round the threshold to float32, and find every number
        # at its floor.
        return (
            float(nearest)
            if float(nearest) <= threshold
            else float(np.nextafter(nearest, np.float32(-np.inf)))
        )


def _missing_goes_left(node: dict[str, Any]) -> int:
    """Where training saw no NaN in a feature, LightGBM reads NaN as 0 when it predicts."""
    return int(node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0)
