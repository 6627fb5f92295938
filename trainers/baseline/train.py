"""The share of each class or the mean; by groups of columns, the seasonal naive forecast.

A model must be better than this baseline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from runtime.categories import Categories
from runtime.columns import Columns, Feature, rows_of
from runtime.graph import ML, GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused

#: More groups than this are not a baseline.
MOST_GROUPS = 100_000


def train(job: Job) -> Trained:
    columns, label = job.examples("train")
    keys = [Key.learn(feature, columns[feature.name]) for feature in _group_features(job)]
    sizes = [key.size for key in keys]
    groups = int(np.prod(sizes))
    if groups > MOST_GROUPS:
        raise Refused(
            f"/params/group_by: {' × '.join(map(str, sizes))} groups are too many for a baseline "
            f"(at most {MOST_GROUPS:,})"
        )
    codes = _codes(keys, columns)
    means = [
        _group_means(codes, target, groups, job.params["smoothing"])
        for target in _targets(job, label)
    ]
    #: [groups, scores per row]
    value = np.column_stack(means).astype(np.float32)

    def predict(columns: Columns) -> np.ndarray:
        scores = value[_codes(keys, columns)].astype(np.float64)
        return scores if job.classes else scores[:, 0]

    loss = _loss(job.task, predict(columns), label)
    for name, measured in loss.items():
        job.report(1, name, measured)
    return Trained(
        graph=_graph(job.features, keys, value),
        predict=predict,
        metrics=loss,
        facts={
            "rows": len(label),
            **_shares(job, label),
            "groups": groups,
            "groupBy": [key.feature.name for key in keys],
        },
    )


def _targets(job: Job, label: np.ndarray) -> list[np.ndarray]:
    """Returns the values to average: the label, or per class whether a row has it."""
    return (
        [(label == number).astype(np.float64) for number in range(len(job.classes))]
        if job.classes
        else [label]
    )


def _shares(job: Job, label: np.ndarray) -> dict[str, Any]:
    if not job.classes:
        return {"mean": float(label.mean())}
    return {
        "shares": {
            name: float(target.mean())
            for name, target in zip(job.classes, _targets(job, label), strict=True)
        }
    }


def _group_features(job: Job) -> list[Feature]:
    """Columns of the parameters or of `seasonal: { hourOfDay, dayOfWeek }` in the job's context."""
    names = job.params.get("group_by", list((job.context.get("seasonal") or {}).values()))
    features = {feature.name: feature for feature in job.features}
    unknown = [name for name in names if name not in features]
    if unknown:
        raise Refused(
            f"/params/group_by: {', '.join(unknown)} is not a feature column; "
            f"the feature columns are {', '.join(features)}"
        )
    return [features[name] for name in names]


class Key:
    """Codes of one column's values; 0 is for missing numbers and values not seen in training."""

    def __init__(self, feature: Feature, known: Any):
        self.feature = feature
        self.known = known

    @staticmethod
    def learn(feature: Feature, values: np.ndarray) -> Key:
        if feature.type == "string":
            return Key(feature, Categories.learn(values, 1, MOST_GROUPS))
        return Key(feature, np.unique(values[np.isfinite(values)]))

    @property
    def size(self) -> int:
        return 1 + len(self.known.known if isinstance(self.known, Categories) else self.known)

    def codes(self, values: np.ndarray) -> np.ndarray:
        if isinstance(self.known, Categories):
            return self.known.codes(values)
        if not len(self.known):
            return np.zeros(len(values), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.known, values), len(self.known) - 1)
        return np.where(self.known[place] == values, place + 1, 0)

    def node(self, builder: GraphBuilder) -> str:
        if isinstance(self.known, Categories):
            return builder.category_codes(self.feature.name, self.known)
        # Runtimes encode NaN differently, so it is replaced by a value that is not a key.
        absent = np.float32(-3.4e38)
        number = builder.node(
            "Where",
            [
                builder.node("IsNaN", [self.feature.name]),
                builder.constant(absent, np.float32),
                self.feature.name,
            ],
        )
        known = [float(value) for value in self.known] or [float(absent)]
        codes = range(1, len(known) + 1) if len(self.known) else [0]
        return builder.node(
            "LabelEncoder",
            [number],
            ML,
            keys_floats=known,
            values_int64s=list(codes),
            default_int64=0,
        )


def _codes(keys: list[Key], columns: Columns) -> np.ndarray:
    code = np.zeros(rows_of(columns), dtype=np.int64)
    for key in keys:
        code = code * key.size + key.codes(columns[key.feature.name])
    return code


def _group_means(codes: np.ndarray, label: np.ndarray, groups: int, smoothing: float) -> np.ndarray:
    count = np.bincount(codes, minlength=groups)
    total = np.bincount(codes, weights=label, minlength=groups)
    weight = count + smoothing
    return np.divide(
        total + smoothing * label.mean(),
        weight,
        out=np.full(groups, label.mean()),
        where=weight > 0,
    )


def _graph(features: list[Feature], keys: list[Key], value: np.ndarray) -> Any:
    builder = GraphBuilder(features)
    # One code per row even without keys; any input has the number of rows.
    code = builder.node(
        "ConstantOfShape",
        [builder.node("Shape", [features[0].name])],
        value=numpy_helper.from_array(np.zeros(1, dtype=np.int64)),
    )
    for key in keys:
        code = builder.node(
            "Add",
            [builder.node("Mul", [code, builder.constant(key.size, np.int64)]), key.node(builder)],
        )
    return builder.finish(builder.rows_at(code, value), value.shape[1])


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
