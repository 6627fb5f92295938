"""A linear model on standardised numbers and one-hot categories.

Logistic regression for classification, ridge regression for regression.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from runtime.categories import Categories
from runtime.columns import Columns
from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused

#: Values are clipped at so many standard deviations. Values beyond are errors or outliers that a
#: line should not follow; this also limits infinity.
FARTHEST = 10.0


def train(job: Job) -> Trained:
    columns, label = job.examples("train")
    if job.task != "regression" and label.min() == label.max():
        raise Refused(
            f"the label is the same in all {len(label):,} training rows, "
            "so a model cannot learn from it"
        )
    encoding = Encoding.learn(job, columns)
    matrix = encoding.matrix(columns)
    weights, bias, iterations, converged = _fit(job, matrix, label)
    if not converged:
        job.log("not converged: raise max_iter or lower C", iterations=iterations)

    def predict(columns: Columns) -> np.ndarray:
        raw = encoding.matrix(columns) @ weights + bias
        return LINKS[job.task](raw)

    loss = _loss(job.task, predict(columns), label)
    for name, value in loss.items():
        job.report(iterations, name, value)
    return Trained(
        graph=_graph(job, encoding, weights, bias),
        predict=predict,
        metrics=loss,
        facts={
            "rows": len(label),
            "weights": weights.size,
            "iterations": iterations,
            "converged": converged,
        },
    )


#: By task: the link from a weighted sum to a score, here and in the graph.
LINKS = {
    "classification": lambda raw: 1.0 / (1.0 + np.exp(-raw)),
    "multiclass": lambda raw: softmax(raw, axis=1),
    "regression": lambda raw: raw,
}
OPERATORS = {"classification": "Sigmoid", "multiclass": "Softmax"}


@dataclass(frozen=True)
class Encoding:
    numbers: list[str]
    mean: np.ndarray
    #: 0 for a constant column, which then has no weight.
    scale: np.ndarray
    categories: dict[str, Categories]

    @staticmethod
    def learn(job: Job, columns: Columns) -> Encoding:
        numbers = [feature.name for feature in job.features if feature.type == "float"]
        # Over finite values in float64, because sums of many float32 are inexact.
        finite = [
            values[np.isfinite(values)].astype(np.float64)
            for values in (columns[name] for name in numbers)
        ]
        mean = np.array([values.mean() if len(values) else 0.0 for values in finite])
        deviation = np.array([values.std() if len(values) else 0.0 for values in finite])
        scale = np.divide(
            1.0,
            deviation,
            out=np.zeros_like(deviation),
            where=deviation > 1e-12 * np.maximum(1.0, np.abs(mean)),
        )
        categories = {
            feature.name: Categories.learn(
                columns[feature.name], job.params["min_category_rows"], job.params["max_categories"]
            )
            for feature in job.features
            if feature.type == "string"
        }
        # float32 as in the graph, so that both standardise by the same numbers.
        return Encoding(numbers, mean.astype(np.float32), scale.astype(np.float32), categories)

    def matrix(self, columns: Columns) -> sparse.csr_matrix:
        """Standardised numbers, their missing marks, then a block per text column, unseen first."""
        rows = len(next(iter(columns.values())))
        blocks: list[Any] = []
        if self.numbers:
            numbers = np.column_stack([columns[name] for name in self.numbers])
            missing = np.isnan(numbers)
            with np.errstate(invalid="ignore"):  # infinity times 0 in a constant column
                standard = np.clip(
                    (np.where(missing, self.mean, numbers) - self.mean) * self.scale,
                    -FARTHEST,
                    FARTHEST,
                )
            blocks += [
                sparse.csr_matrix(np.nan_to_num(standard).astype(np.float64)),
                sparse.csr_matrix(missing.astype(np.float64)),
            ]
        for name, categories in self.categories.items():
            codes = categories.codes(columns[name])
            blocks.append(
                sparse.csr_matrix(
                    (np.ones(rows), (np.arange(rows), codes)),
                    shape=(rows, len(categories.known) + 1),
                )
            )
        return sparse.hstack(blocks, format="csr")


def _fit(
    job: Job, matrix: sparse.csr_matrix, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Returns weights and bias: one column, or one per class."""
    limit = job.params["max_iter"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # reported in the facts
        if job.task != "regression":
            model = LogisticRegression(
                C=job.params["C"],
                max_iter=limit,
                class_weight=job.params.get("class_weight"),
                solver="lbfgs",
            )
            model.fit(matrix, label)
            iterations = int(model.n_iter_[0])
            weights, bias = model.coef_, model.intercept_
            if job.task == "multiclass" and len(job.classes) == 2:
                # With two classes only the difference is fitted: softmax(0, x) is the logistic
                # function of x.
                weights, bias = (
                    np.vstack([np.zeros_like(weights), weights]),
                    np.array([0.0, bias[0]]),
                )
            if job.task == "classification":
                weights, bias = weights[0], bias[0]
            return weights.T, bias, iterations, iterations < limit
        ridge = Ridge(
            alpha=1.0 / job.params["C"],
            max_iter=limit,
            solver="sparse_cg",
            random_state=job.seed % 2**32,
        )
        ridge.fit(matrix, label)
        iterations = int(np.max(ridge.n_iter_)) if ridge.n_iter_ is not None else 0
        return ridge.coef_, np.float64(ridge.intercept_), iterations, iterations < limit


def _graph(job: Job, encoding: Encoding, weights: np.ndarray, bias: np.ndarray) -> Any:
    builder = GraphBuilder(job.features)
    width = len(job.classes) or 1
    weights = weights.reshape(len(weights), width)
    count = len(encoding.numbers)
    parts = []
    if count:
        numbers = builder.concatenate(encoding.numbers)
        missing = builder.node("IsNaN", [numbers])
        mean = builder.constant(encoding.mean.reshape(1, -1), np.float32)
        present = builder.node("Where", [missing, mean, numbers])
        centred = builder.node("Sub", [present, mean])
        scaled = builder.node(
            "Mul", [centred, builder.constant(encoding.scale.reshape(1, -1), np.float32)]
        )
        known = builder.node(
            "Where", [builder.node("IsNaN", [scaled]), builder.constant(0.0, np.float32), scaled]
        )
        clipped = builder.node(
            "Clip",
            [
                known,
                builder.constant(-FARTHEST, np.float32),
                builder.constant(FARTHEST, np.float32),
            ],
        )
        parts.append(
            builder.node("MatMul", [clipped, builder.constant(weights[:count], np.float32)])
        )
        marks = builder.node("Cast", [missing], to=1)
        parts.append(
            builder.node(
                "MatMul", [marks, builder.constant(weights[count : 2 * count], np.float32)]
            )
        )
    offset = 2 * count
    for name, categories in encoding.categories.items():
        size = len(categories.known) + 1
        block = weights[offset : offset + size].astype(np.float32)
        parts.append(
            builder.category_values(name, categories, block[:, 0])
            if width == 1
            else builder.category_rows(name, categories, block)
        )
        offset += size
    raw = builder.node("Add", [builder.node("Sum", parts), builder.constant(bias, np.float32)])
    return builder.finish(
        raw if job.task == "regression" else builder.node(OPERATORS[job.task], [raw]), width
    )


def _loss(task: str, score: np.ndarray, label: np.ndarray) -> dict[str, float]:
    if task == "classification":
        certain = np.clip(score, 1e-15, 1 - 1e-15)
        return {
            "train_logloss": float(
                -np.mean(label * np.log(certain) + (1 - label) * np.log1p(-certain))
            )
        }
    if task == "multiclass":
        certain = np.clip(score[np.arange(len(label)), label.astype(np.int64)], 1e-15, 1)
        return {"train_logloss": float(-np.mean(np.log(certain)))}
    return {"train_rmse": float(np.sqrt(np.mean((score - label) ** 2)))}
