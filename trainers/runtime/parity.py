"""Compares the exported graph with the native model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from runtime.columns import Columns, Feature, rows_of, take
from runtime.refusal import Refused

SAMPLE_ROWS = 5_000
TOLERANCE = 1e-4
MIN_SHARE = 0.999


def check_parity(
    graph: bytes,
    predict: Callable[[Columns], np.ndarray],
    columns: Columns,
    features: list[Feature],
    width: int = 1,
    unusual: bool = True,
) -> dict[str, Any]:
    """Compares rows spread evenly over the data, also with unseen text and missing numbers.

    `width` is the number of scores per row; a row agrees when all of them do. Without `unusual`,
    only the rows themselves are compared.
    """
    rows = rows_of(columns)
    sample = take(
        columns, np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE_ROWS)).astype(np.int64))
    )
    few = take(sample, np.arange(min(rows_of(sample), 200)))
    session = _session(graph)
    seen = _compare(session, predict, sample, width)
    odd = [
        _compare(session, predict, _unusual(few, features, changed), width)
        for changed in (features, *([feature] for feature in features))
        if unusual
    ]
    facts = {
        "rows": rows_of(sample),
        "tolerance": TOLERANCE,
        "share": seen[0],
        "maxDifference": seen[1],
        "unseen": {
            "rows": rows_of(few) * len(odd),
            "share": min(share for share, _ in odd),
            "maxDifference": max(difference for _, difference in odd),
        }
        if odd
        else None,
    }
    for what, share in (
        ("training rows", seen[0]),
        ("rows with unseen or missing values", min((share for share, _ in odd), default=1.0)),
    ):
        if share < MIN_SHARE:
            raise Refused(
                f"the exported graph differs from the trained model: on {what} "
                f"only {share:.4%} agree within {TOLERANCE}; {MIN_SHARE:.1%} are required"
            )
    return facts


def _compare(
    session: onnxruntime.InferenceSession,
    predict: Callable[[Columns], np.ndarray],
    columns: Columns,
    width: int,
) -> tuple[float, float]:
    native = np.asarray(predict(columns), dtype=np.float64)
    if width == 1 and native.ndim == 1:
        native = native.reshape(-1, 1)
    (score,) = session.run(
        ["score"], {name: values.reshape(-1, 1) for name, values in columns.items()}
    )
    if score.shape != (rows_of(columns), width) or native.shape != score.shape:
        raise Refused(
            f"for {rows_of(columns)} rows the graph returned {score.shape} scores "
            f"and the model {native.shape}"
        )
    if not (np.isfinite(score).all() and np.isfinite(native).all()):
        raise Refused("the model returns scores that are NaN or infinite")
    # Relative beyond 1, because regression values can be in the millions, where float32 is coarser
    # than the tolerance.
    difference = (np.abs(score - native) / np.maximum(1.0, np.abs(native))).max(axis=1)
    return float((difference <= TOLERANCE).mean()), float(difference.max())


def _unusual(columns: Columns, features: list[Feature], changed: list[Feature]) -> Columns:
    """The rows with missing numbers and unseen text in the columns `changed`."""
    return {
        feature.name: _unseen(columns[feature.name], feature)
        if feature in changed
        else columns[feature.name]
        for feature in features
    }


def _unseen(values: np.ndarray, feature: Feature) -> np.ndarray:
    if feature.type == "float":
        return np.full_like(values, np.nan)
    return np.full(len(values), "\u2400 never seen", dtype=object)


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # a warning per unused column would fill the log
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
