"""Converts LightGBM's trees to an ONNX TreeEnsembleRegressor with exactly the same decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from runtime.graph import ML, GraphBuilder


def tree_ensemble(builder: GraphBuilder, matrix: str, boosters: list[Any], width: int = 1) -> str:
    """float [rows, width]: sums of all trees over `matrix`, float [rows, features].

    LightGBM grows `width` trees at a time, one per column.
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
    """Returns each node with its number and its children's.

    Iterative, because a tree may be deeper than Python's stack.
    """
    found = [root]
    for number, node in enumerate(found):
        if "leaf_value" in node:
            yield number, node, 0, 0
        else:
            if node["decision_type"] != "<=":
                raise ValueError(f"splits by {node['decision_type']} are not supported")
            found += [node["left_child"], node["right_child"]]
            yield number, node, len(found) - 2, len(found) - 1


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


def _missing_goes_left(node: dict[str, Any]) -> int:
    """LightGBM predicts NaN like 0 if training had no NaN in the feature."""
    return int(node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0)
