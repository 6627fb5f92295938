"""A boosted-trees graph of the size that the sample's trainer makes:

100 trees of 32 leaves over eight numbers and four texts.
"""

import random
import sys

from onnx import TensorProto, checker, helper

NUMBERS = [f"n{i}" for i in range(8)]
TEXTS = [f"t{i}" for i in range(4)]
LEVELS = 5


def tree(number: int, draw: random.Random) -> dict[str, list]:
    nodes: dict[str, list] = {
        key: []
        for key in (
            "tree",
            "node",
            "feature",
            "mode",
            "value",
            "true",
            "false",
            "target",
            "weight",
        )
    }
    inner = 2**LEVELS - 1
    for node in range(2 * inner + 1):
        nodes["tree"].append(number)
        nodes["node"].append(node)
        leaf = node >= inner
        nodes["mode"].append("LEAF" if leaf else "BRANCH_LEQ")
        nodes["feature"].append(
            0 if leaf else draw.randrange(len(NUMBERS) + len(TEXTS))
        )
        nodes["value"].append(0.0 if leaf else draw.uniform(0, 10))
        nodes["true"].append(0 if leaf else 2 * node + 1)
        nodes["false"].append(0 if leaf else 2 * node + 2)
        if leaf:
            nodes["target"].append(node)
            nodes["weight"].append(draw.uniform(-0.1, 0.1))
    return nodes


def graph() -> bytes:
    draw = random.Random(1)
    trees = [tree(number, draw) for number in range(100)]

    def all_of(key: str) -> list:
        return [value for one in trees for value in one[key]]

    leaves = [
        (number, node, weight)
        for number, one in enumerate(trees)
        for node, weight in zip(one["target"], one["weight"], strict=True)
    ]
    steps = [
        helper.make_node(
            "LabelEncoder",
            [name],
            [f"{name}_code"],
            domain="ai.onnx.ml",
            keys_strings=[f"v{value}" for value in range(10)],
            values_floats=[float(value) for value in range(10)],
            default_float=-1.0,
        )
        for name in TEXTS
    ]
    steps.append(
        helper.make_node(
            "Concat", NUMBERS + [f"{name}_code" for name in TEXTS], ["row"], axis=1
        )
    )
    steps.append(
        helper.make_node(
            "TreeEnsembleRegressor",
            ["row"],
            ["raw"],
            domain="ai.onnx.ml",
            n_targets=1,
            nodes_treeids=all_of("tree"),
            nodes_nodeids=all_of("node"),
            nodes_featureids=all_of("feature"),
            nodes_modes=all_of("mode"),
            nodes_values=all_of("value"),
            nodes_truenodeids=all_of("true"),
            nodes_falsenodeids=all_of("false"),
            target_treeids=[number for number, _, _ in leaves],
            target_nodeids=[node for _, node, _ in leaves],
            target_ids=[0] * len(leaves),
            target_weights=[weight for _, _, weight in leaves],
        )
    )
    steps.append(helper.make_node("Sigmoid", ["raw"], ["score"]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1])
        for name in NUMBERS
    ]
    inputs += [
        helper.make_tensor_value_info(name, TensorProto.STRING, ["rows", 1])
        for name in TEXTS
    ]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(
        helper.make_graph(steps, "bench", inputs, outputs),
        opset_imports=opsets,
        ir_version=8,
    )
    checker.check_model(model)
    return model.SerializeToString()


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as file:
        file.write(graph())
