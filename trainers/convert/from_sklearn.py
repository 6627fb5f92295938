"""Graphs of scikit-learn's estimators and pipelines, by skl2onnx."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from runtime.columns import Columns
from runtime.graph import IR_VERSION, ML, SCORE
from runtime.job import Job, Trained
from runtime.refusal import Refused

from .columns_of_model import class_order, columns_of_model

#: Prefix of names inside, which a feature column could have too.
INSIDE = "model/"
MATRIX = "matrix"


def from_sklearn(job: Job, model: Any) -> Trained:
    if not hasattr(model, "predict"):
        raise Refused(
            f"the file contains an object of type {type(model).__name__}, which has no predict"
        )
    names = getattr(model, "feature_names_in_", None)
    used = columns_of_model(
        job,
        None if names is None else [str(name) for name in names],
        getattr(model, "n_features_in_", 0),
    )
    order = None
    if job.task != "regression":
        if not hasattr(model, "predict_proba"):
            raise Refused(
                f"{type(model).__name__} has no predict_proba; a {job.task} needs probabilities"
            )
        order = class_order(job, [_plain(each) for each in model.classes_])

    def native(columns: Columns) -> np.ndarray:
        import pandas as pd

        rows = pd.DataFrame({name: columns[name] for name in used})
        return model.predict(rows) if order is None else model.predict_proba(rows)[:, order]

    return Trained(
        lambda: _graph(job, model, used, order),
        native,
        facts={"estimator": type(model).__name__, "columns": used},
        # Many estimators raise an error for them, and skl2onnx does not keep where trees send them.
        compare_unusual=False,
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _graph(job: Job, model: Any, used: list[str], order: list[int] | None) -> onnx.ModelProto:
    inside = compose.add_prefix(_converted(job, model, used, order), INSIDE).graph
    nodes, constants = list(inside.node), list(inside.initializer)
    # skl2onnx has one input per column, or one matrix with all of them.
    if len(inside.input) == 1 and inside.input[0].name == f"{INSIDE}{MATRIX}":
        feeds = [helper.make_node("Concat", used, [f"{INSIDE}{MATRIX}"], axis=1)]
    else:
        feeds = [helper.make_node("Identity", [name], [f"{INSIDE}{name}"]) for name in used]
    # The first output of a classifier is the class.
    result = inside.output[0 if order is None else 1].name
    if order is not None:
        constants.append(onnx.numpy_helper.from_array(np.asarray(order, np.int64), "order"))
        nodes.append(helper.make_node("Gather", [result, "order"], ["chosen"], axis=1))
        result = "chosen"
    shape = onnx.numpy_helper.from_array(np.asarray([-1, len(order or [0])], np.int64), "shape")
    constants.append(shape)
    nodes += [
        helper.make_node("Cast", [result], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["number", "shape"], [SCORE]),
    ]
    types = {"float": TensorProto.FLOAT, "string": TensorProto.STRING}
    graph = helper.make_graph(
        [*feeds, *nodes],
        "perennial",
        [
            helper.make_tensor_value_info(each.name, types[each.type], ["rows", 1])
            for each in job.features
        ],
        [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["rows", len(order or [0])])],
        constants,
    )
    made = helper.make_model(
        graph,
        producer_name="perennial",
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(made)
    return made


def _converted(job: Job, model: Any, used: list[str], order: list[int] | None) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = {each.name: each.type for each in job.features}
    by_column = [
        (
            name,
            FloatTensorType([None, 1]) if types[name] == "float" else StringTensorType([None, 1]),
        )
        for name in used
    ]
    one_matrix = [(MATRIX, FloatTensorType([None, len(used)]))]
    inputs = by_column if _takes_columns(model) else one_matrix
    if inputs is one_matrix and any(types[name] == "string" for name in used):
        raise Refused("the model takes text columns without a ColumnTransformer")
    try:
        return convert_sklearn(
            model,
            initial_types=inputs,
            target_opset={"": 17, ML: 3},
            options=None if order is None else {id(model): {"zipmap": False}},
        )
    except Exception as error:
        traceback.print_exc()
        [reason, *_] = str(error).splitlines() or [type(error).__name__]
        raise Refused(f"skl2onnx cannot convert the model: {reason[:300]}") from error


def _takes_columns(model: Any) -> bool:
    """Whether it begins with a ColumnTransformer, which chooses columns by their name."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    return isinstance(first, ColumnTransformer)
