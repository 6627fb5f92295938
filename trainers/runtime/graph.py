"""Builds an ONNX graph that takes feature columns and returns `score`.

Each feature column is an input of shape [rows, 1], float or string. `score` is float [rows, 1], or
[rows, classes] with the probability of each class. The graph uses about a dozen standard operators.
A general converter would round LightGBM's thresholds to the nearest float32, which sends some rows
to the other side, and would leave out the encodings. Names are fixed, so that equal models give
equal bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from runtime.categories import Categories
from runtime.columns import Feature
from runtime.refusal import Refused

SCORE = "score"
ML = "ai.onnx.ml"
#: All current ONNX runtimes support opset 17 and ml 3.
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]
IR_VERSION = 8


class GraphBuilder:
    def __init__(self, features: list[Feature]):
        if not features:
            raise Refused("there are no feature columns")
        if any(feature.name == SCORE for feature in features):
            raise Refused(
                f"a feature cannot be named {SCORE}, because the output of the graph has this name"
            )
        self.features = features
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: type) -> str:
        name = f"perennial/c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def node(self, operator: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        name = f"perennial/n{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def category_codes(self, column: str, categories: Categories) -> str:
        """int64 [rows, 1]."""
        return self._lookup(
            column,
            keys_strings=list(categories.known),
            values_int64s=range(1, len(categories.known) + 1),
            default_int64=0,
        )

    def category_values(self, column: str, categories: Categories, values: np.ndarray) -> str:
        """float [rows, 1]: `values[code]`."""
        return self._lookup(
            column,
            keys_strings=list(categories.known),
            values_floats=values[1:],
            default_float=float(values[0]),
        )

    def concatenate(self, columns: list[str]) -> str:
        return self.node("Concat", columns, axis=1) if len(columns) > 1 else columns[0]

    def category_rows(self, column: str, categories: Categories, values: np.ndarray) -> str:
        """float [rows, width]: the row of `values` for each code."""
        return self.rows_at(self.category_codes(column, categories), values)

    def rows_at(self, code: str, values: np.ndarray) -> str:
        """float [rows, width]: `values[code]` for codes of shape [rows, 1]."""
        gathered = self.node("Gather", [self.constant(values, np.float32), code], axis=0)
        return self.node("Squeeze", [gathered, self.constant([1], np.int64)])

    def include(self, model: onnx.ModelProto, inputs: dict[str, str]) -> str:
        """Adds the nodes of another graph and returns its output.

        `inputs` has the value for each input of that graph. Its operators must be of OPSETS.
        """
        inner = compose.add_prefix(model, f"perennial/g{len(self._nodes)}/").graph
        given = {value.name.rpartition("/")[2]: value.name for value in inner.input}
        for name, place in given.items():
            self._nodes.append(helper.make_node("Identity", [inputs[name]], [place], name=place))
        for node in inner.node:
            node.ClearField("doc_string")  # the paths of the program that built the graph
            node.ClearField("metadata_props")
        self._nodes += inner.node
        self._constants += inner.initializer
        return inner.output[0].name

    def finish(self, score: str, width: int = 1) -> onnx.ModelProto:
        """`width` is the number of scores per row, which is the number of classes."""
        self._nodes.append(helper.make_node("Identity", [score], [SCORE], name="perennial/score"))
        kinds = {"float": TensorProto.FLOAT, "string": TensorProto.STRING}
        graph = helper.make_graph(
            self._nodes,
            "perennial",
            [
                helper.make_tensor_value_info(feature.name, kinds[feature.type], ["rows", 1])
                for feature in self.features
            ],
            [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["rows", width])],
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="perennial",
            producer_version="1",
            opset_imports=OPSETS,
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model)
        return model

    def _lookup(self, column: str, **mapping: Any) -> str:
        if not mapping[
            "keys_strings"
        ]:  # an encoder needs at least one key; this one maps to the default
            mapping["keys_strings"] = ["__none__"]
            if "values_floats" in mapping:
                mapping["values_floats"] = [mapping["default_float"]]
            else:
                mapping["values_int64s"] = [mapping["default_int64"]]
        return self.node(
            "LabelEncoder",
            [column],
            ML,
            **{
                name: value if isinstance(value, (int, float)) else list(value)
                for name, value in mapping.items()
            },
        )


def graph_bytes(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)


def check_signature(model: onnx.ModelProto, features: list[Feature]) -> None:
    """Checks inputs and output, also for trainers that build their graph in another way."""
    expected = {
        feature.name: (TensorProto.FLOAT if feature.type == "float" else TensorProto.STRING)
        for feature in features
    }
    found = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    common = expected.keys() & found.keys()
    if found != expected:
        raise Refused(
            f"the graph's inputs differ from the feature columns: "
            f"missing {sorted(expected.keys() - found.keys())}, "
            f"unexpected {sorted(found.keys() - expected.keys())}, "
            f"of another type {sorted(name for name in common if expected[name] != found[name])}"
        )
    outputs = [(value.name, value.type.tensor_type.elem_type) for value in model.graph.output]
    if outputs != [(SCORE, TensorProto.FLOAT)]:
        raise Refused(
            f"the graph must have exactly one output {SCORE} of type float; "
            f"its outputs are {[name for name, _ in outputs]}"
        )
