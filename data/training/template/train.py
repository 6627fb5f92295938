"""A linear model of the number columns: logistic for classification, ridge for regression.

An example to start from: replace the code between the rows and the graph.
"""

from __future__ import annotations

import numpy as np

from runtime.columns import Columns
from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused

#: Values are clipped at this many standard deviations, which also limits infinity.
FARTHEST = 8.0


def train(job: Job) -> Trained:
    # Numbers are float32 with NaN for missing, text has __missing__. The label is float64, for
    # classification 0 and 1.
    columns, label = job.examples("train")
    names = [feature.name for feature in job.features if feature.type == "float"]
    if not names:
        raise Refused("this trainer needs a number column; text columns are not used")
    centre = np.array([_finite(columns[name]).mean() for name in names])
    scale = np.array([_finite(columns[name]).std() or 1.0 for name in names])

    def rows(of: Columns) -> np.ndarray:
        values = np.column_stack([of[name].astype(np.float64) for name in names])
        near = np.clip((np.where(np.isnan(values), centre, values) - centre) / scale, -FARTHEST, FARTHEST)
        return np.column_stack([np.ones(len(near)), near])

    weights = _fit(job, rows(columns), label)

    def predict(of: Columns) -> np.ndarray:
        score = rows(of) @ weights
        return _sigmoid(score) if job.task == "classification" else score

    loss = _loss(job, predict(columns), label)
    return Trained(_graph(job, names, centre, scale, weights), predict, metrics=loss, facts={"rows": len(label), "columns": names})


def _fit(job: Job, rows: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Least squares in one step; logistic regression by Newton's method in several."""
    ridge = job.params["ridge"] * np.diag([0.0, *np.ones(rows.shape[1] - 1)])
    if job.task == "regression":
        return np.linalg.solve(rows.T @ rows + ridge, rows.T @ label)
    weights = np.zeros(rows.shape[1])
    for step in range(1, 26):
        chance = _sigmoid(rows @ weights)
        curvature = np.maximum(chance * (1 - chance), 1e-6)
        slope = rows.T @ (chance - label) + ridge @ weights
        change = np.linalg.solve((rows * curvature[:, None]).T @ rows + ridge, slope)
        weights = weights - change
        for name, value in _loss(job, _sigmoid(rows @ weights), label).items():
            job.report(step, name, value)  # streamed while training runs
        if np.abs(change).max() < 1e-8:
            break
    return weights


def _loss(job: Job, score: np.ndarray, label: np.ndarray) -> dict[str, float]:
    if job.task == "regression":
        return {"train_rmse": float(np.sqrt(np.mean((score - label) ** 2)))}
    certain = np.clip(score, 1e-12, 1 - 1e-12)
    return {"train_logloss": float(-np.mean(label * np.log(certain) + (1 - label) * np.log1p(-certain)))}


def _graph(job: Job, names: list[str], centre: np.ndarray, scale: np.ndarray, weights: np.ndarray):
    """The same arithmetic as `predict`, in ONNX. The runtime compares the two."""
    builder = GraphBuilder(job.features)
    number = np.float32
    terms = []
    for at, name in enumerate(names):
        mean = builder.constant([[centre[at]]], number)
        known = builder.node("Where", [builder.node("IsNaN", [name]), mean, name])
        standard = builder.node("Div", [builder.node("Sub", [known, mean]), builder.constant([[scale[at]]], number)])
        terms.append(builder.node("Clip", [standard, builder.constant(-FARTHEST, number), builder.constant(FARTHEST, number)]))
    product = builder.node("MatMul", [builder.concatenate(terms), builder.constant(weights[1:, None], number)])
    score = builder.node("Add", [product, builder.constant([[weights[0]]], number)])
    return builder.finish(builder.node("Sigmoid", [score]) if job.task == "classification" else score)


def _finite(values: np.ndarray) -> np.ndarray:
    known = values[np.isfinite(values)].astype(np.float64)
    return known if len(known) else np.zeros(1)


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-score))
