"""The objective of a trial: one metric on rows that the model is not trained on.

The formulas are those of domain/evaluation/metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from runtime.columns import Columns
from runtime.refusal import Refused

#: Probabilities are clipped to [0.001, 0.999], as in the evaluation.
LEAST_PROBABILITY = 0.001


class Objective:
    """`value(scores)` for scores of the rows of `columns`, which are read at their first use."""

    def __init__(
        self,
        metric: str,
        read: Callable[[], Columns],
        label: np.ndarray,
        task: str = "classification",
    ):
        metrics = MULTICLASS_METRICS if task == "multiclass" else METRICS
        if metric not in metrics:
            raise Refused(f"unknown metric {metric}; the metrics are {', '.join(metrics)}")
        self._measure = metrics[metric]
        self.metric = metric
        #: Name in reports and in the result.
        self.name = f"tuning_{metric}"
        self._read = read
        self.label = label

    @cached_property
    def columns(self) -> Columns:
        return self._read()

    def value(self, scores: np.ndarray) -> float:
        """Returns NaN when the metric is undefined on these rows or a score is not finite."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(self._measure(self.label, np.asarray(scores, dtype=np.float64)))


def _logloss(label: np.ndarray, scores: np.ndarray) -> float:
    probability = np.clip(scores, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -np.mean(np.log(np.where(label == 1, probability, 1 - probability)))


def _auc(label: np.ndarray, scores: np.ndarray) -> float:
    """The Mann-Whitney statistic; ties count half."""
    if not np.isfinite(scores).all():
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = int((label == 1).sum())
    negatives = len(label) - positives
    return (
        (ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
        if positives and negatives
        else float("nan")
    )


def _r2(label: np.ndarray, scores: np.ndarray) -> float:
    total = np.sum((label - label.mean()) ** 2)
    return 1 - np.sum((scores - label) ** 2) / total if total > 0 else float("nan")


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "logloss": _logloss,
    "auc": _auc,
    "brier": lambda label, scores: np.mean((scores - label) ** 2),
    "accuracy": lambda label, scores: (
        np.mean((scores >= 0.5) == (label == 1)) if np.isfinite(scores).all() else float("nan")
    ),
    "rmse": lambda label, scores: np.sqrt(np.mean((scores - label) ** 2)),
    "mae": lambda label, scores: np.mean(np.abs(scores - label)),
    "r2": _r2,
}


def _multiclass_logloss(label: np.ndarray, scores: np.ndarray) -> float:
    probability = scores[np.arange(len(label)), label.astype(np.int64)]
    return -np.mean(np.log(np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)))


def _f1(label: np.ndarray, scores: np.ndarray, weighted: bool) -> float:
    """F1 over the classes in labels and predictions, weighted equally or by labels."""
    if not np.isfinite(scores).all():
        return float("nan")
    known, width = label.astype(np.int64), scores.shape[1]
    guess = scores.argmax(axis=1)
    labelled, predicted = np.bincount(known, minlength=width), np.bincount(guess, minlength=width)
    right = np.bincount(known[known == guess], minlength=width)
    there = labelled + predicted > 0
    f1 = 2 * right[there] / (labelled + predicted)[there]
    return float(np.average(f1, weights=labelled[there] if weighted else None))


MULTICLASS_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "logloss": _multiclass_logloss,
    "accuracy": lambda label, scores: (
        np.mean(scores.argmax(axis=1) == label) if np.isfinite(scores).all() else float("nan")
    ),
    "f1_macro": lambda label, scores: _f1(label, scores, weighted=False),
    "f1_weighted": lambda label, scores: _f1(label, scores, weighted=True),
}
