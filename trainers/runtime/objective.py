"""What a trial of a study is scored by: one metric on rows that the model does not learn from. The formulas are those of domain/metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runtime.columns import Columns
from runtime.refusal import Refused

#: Probabilities are clipped to [0.001, 0.999], as everywhere in Perennial.
LEAST_PROBABILITY = 0.001


class Objective:
    """`value(scores)` for scores of `columns`, row for row."""

    def __init__(self, metric: str, columns: Columns, label: np.ndarray):
        if metric not in METRICS:
            raise Refused(f"there is no metric {metric}; there are {', '.join(METRICS)}")
        self.metric = metric
        #: As it is reported, and as it stands in the result.
        self.name = f"tuning_{metric}"
        self.columns = columns
        self.label = label

    def value(self, scores: np.ndarray) -> float:
        """NaN where the metric is not defined on these rows, or a score is no number."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(METRICS[self.metric](self.label, np.asarray(scores, dtype=np.float64)))


def _logloss(label: np.ndarray, scores: np.ndarray) -> float:
    probability = np.clip(scores, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -np.mean(np.log(np.where(label == 1, probability, 1 - probability)))


def _auc(label: np.ndarray, scores: np.ndarray) -> float:
    """The Mann-Whitney statistic; a tie counts half."""
    if not np.isfinite(scores).all():
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = int((label == 1).sum())
    negatives = len(label) - positives
    return (
        (ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives) if positives and negatives else float("nan")
    )


def _r2(label: np.ndarray, scores: np.ndarray) -> float:
    total = np.sum((label - label.mean()) ** 2)
    return 1 - np.sum((scores - label) ** 2) / total if total > 0 else float("nan")


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "logloss": _logloss,
    "auc": _auc,
    "brier": lambda label, scores: np.mean((scores - label) ** 2),
    "accuracy": lambda label, scores: np.mean((scores >= 0.5) == (label == 1)) if np.isfinite(scores).all() else float("nan"),
    "rmse": lambda label, scores: np.sqrt(np.mean((scores - label) ** 2)),
    "mae": lambda label, scores: np.mean(np.abs(scores - label)),
    "r2": _r2,
}
