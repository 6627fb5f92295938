"""Graphs of LightGBM's and XGBoost's trees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from runtime.columns import Columns
from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused
from runtime.trees import lightgbm_trees, tree_ensemble, xgboost_trees

from .columns_of_model import class_order, columns_of_model, number_columns

#: The link from a sum of trees to a score, by the first word of LightGBM's objective.
LIGHTGBM_LINKS = {
    "binary": ("classification", "Sigmoid"),
    "cross_entropy": ("classification", "Sigmoid"),
    "multiclass": ("multiclass", "Softmax"),
    "regression": ("regression", "Identity"),
    "regression_l1": ("regression", "Identity"),
    "huber": ("regression", "Identity"),
    "fair": ("regression", "Identity"),
    "quantile": ("regression", "Identity"),
    "mape": ("regression", "Identity"),
    "poisson": ("regression", "Exp"),
    "gamma": ("regression", "Exp"),
    "tweedie": ("regression", "Exp"),
}
XGBOOST_LINKS = {
    "binary:logistic": ("classification", "Sigmoid"),
    "reg:logistic": ("classification", "Sigmoid"),
    "multi:softprob": ("multiclass", "Softmax"),
    "multi:softmax": ("multiclass", "Softmax"),
    "reg:squarederror": ("regression", "Identity"),
    "reg:absoluteerror": ("regression", "Identity"),
    "reg:pseudohubererror": ("regression", "Identity"),
    "reg:quantileerror": ("regression", "Identity"),
    "count:poisson": ("regression", "Exp"),
    "reg:gamma": ("regression", "Exp"),
    "reg:tweedie": ("regression", "Exp"),
}
#: Names that LightGBM gives to columns without names.
UNNAMED = "Column_"


def from_lightgbm(job: Job, model: Any) -> Trained:
    """`model` is a Booster, or an estimator of LightGBM's scikit-learn interface."""
    classes = getattr(model, "classes_", None)
    booster = getattr(model, "booster_", model)
    dumped = booster.dump_model()
    objective, *settings = dumped.get("objective", "").split(" ")
    link = _link(job, LIGHTGBM_LINKS, objective, "LightGBM")
    if objective == "regression" and "sqrt" in settings:
        raise Refused("LightGBM's reg_sqrt is not supported")
    if dumped.get("average_output"):
        raise Refused("a random forest of LightGBM (boosting: rf) is not supported")
    names = booster.feature_name()
    unnamed = all(name == f"{UNNAMED}{index}" for index, name in enumerate(names))
    used = number_columns(job, columns_of_model(job, None if unnamed else names, len(names)))
    width = dumped["num_tree_per_iteration"]
    order = class_order(job, list(classes)) if classes is not None else None
    return _boosted(
        job,
        used,
        list(lightgbm_trees([booster], width)),
        *(link, np.zeros(width), order),
        lambda matrix: booster.predict(matrix, num_threads=1),
        {"objective": objective, "trees": len(dumped["tree_info"])},
    )


def from_xgboost(job: Job, path: Path) -> Trained:
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(_named_by_format(job, path))
    except xgboost.core.XGBoostError as error:
        raise Refused(
            "the file is no model in XGBoost's formats JSON and UBJSON. "
            "Save it again with a newer XGBoost"
        ) from error
    best = booster.attributes().get("best_iteration")
    # The scikit-learn interface predicts with the best iteration, and a Booster with all trees.
    if best is not None and str(job.params["modelClass"]).startswith("xgboost.sklearn"):
        booster = booster[: int(best) + 1]
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    boosting = learner["gradient_booster"]["name"]
    if boosting != "gbtree":
        raise Refused(f"the boosting {boosting} of XGBoost is not supported; gbtree is")
    objective = learner["objective"]["name"]
    link = _link(job, XGBOOST_LINKS, objective, "XGBoost")
    names = booster.feature_names
    used = number_columns(job, columns_of_model(job, names, booster.num_features()))
    settings = learner["learner_model_param"]
    width = max(int(settings["num_class"]), int(settings.get("num_target", "1")), 1)
    model = learner["gradient_booster"]["model"]
    start = _starting_margin(settings["base_score"], link, width)

    def predict(matrix: np.ndarray) -> np.ndarray:
        return booster.inplace_predict(matrix, strict_shape=False, validate_features=False)

    if objective == "multi:softmax":
        booster.set_param({"objective": "multi:softprob"})
    return _boosted(
        job,
        *(used, list(xgboost_trees(model)), link, start, None, predict),
        {"objective": objective, "trees": len(model["trees"])},
    )


def _boosted(
    job: Job,
    used: list[str],
    trees: list[Any],
    link: str,
    start: np.ndarray,
    order: list[int] | None,
    predict: Any,
    facts: dict[str, Any],
) -> Trained:
    """`order` is that of `class_order`; None keeps the order of the model."""
    scores = len(start)
    if scores != (len(job.classes) or 1):
        raise Refused(
            f"the model returns {scores} scores; the lifecycle needs {len(job.classes) or 1}"
        )
    chosen = order if order is not None and job.task == "multiclass" else None

    def graph() -> Any:
        builder = GraphBuilder(job.features)
        raw = tree_ensemble(builder, builder.concatenate(used), trees, scores)
        if start.any():
            raw = builder.node("Add", [raw, builder.constant(start.reshape(1, -1), np.float32)])
        score = builder.node(link, [raw])
        if chosen is not None:
            score = builder.node("Gather", [score, builder.constant(chosen, np.int64)], axis=1)
        return builder.finish(score, scores)

    def native(columns: Columns) -> np.ndarray:
        found = predict(np.column_stack([columns[name] for name in used]))
        return found if chosen is None else found[:, chosen]

    return Trained(graph, native, facts={**facts, "columns": used})


def _link(job: Job, links: dict[str, tuple[str, str]], objective: str, library: str) -> str:
    task, link = links.get(objective, (None, None))
    if link is None:
        raise Refused(
            f"the objective {objective or 'of the user'} of {library} is not supported; "
            f"supported are {', '.join(links)}"
        )
    if task != job.task:
        raise Refused(f"the model is for {task} ({objective}), and the lifecycle for {job.task}")
    return link


def _starting_margin(base_score: str, link: str, width: int) -> np.ndarray:
    """The score before the first tree, in the space of the sum.

    XGBoost up to 3.0 writes one number, and later versions write a list.
    """
    values = np.atleast_1d(np.asarray(json.loads(base_score.replace("E", "e")), dtype=np.float64))
    if link == "Sigmoid":
        values = np.log(values / (1 - values))
    elif link == "Exp":
        values = np.log(values)
    return np.broadcast_to(values, (width,)).copy()


def _named_by_format(job: Job, path: Path) -> str:
    """A copy with the ending by which XGBoost knows the format."""
    # Both begin with a brace; in JSON the first name follows it, after spaces perhaps.
    is_json = b"".join(path.read_bytes()[:64].split()).startswith(b'{"')
    copy = job.directory / ("model.json" if is_json else "model.ubj")
    shutil.copyfile(path, copy)
    return str(copy)
