"""Reads feature columns as arrays in the form of the graph's inputs.

Numbers are float32 with NaN for missing; text has a reserved string for missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runtime.refusal import Refused

MISSING_TEXT = "__missing__"

#: One array per feature column, all of the same length: float32, or object with str.
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Feature:
    name: str
    type: str  # float | string


def columns_of(table: pa.Table, features: list[Feature]) -> Columns:
    return {feature.name: _column(table, feature) for feature in features}


def label_of(table: pa.Table, name: str, task: str, classes: int) -> np.ndarray:
    """Returns float64: 0 and 1 for classification, class numbers from 0 for multiclass."""
    column = _named(table, name)
    if column.null_count:
        raise Refused(
            f"the label has {column.null_count:,} missing values in {table.num_rows:,} rows"
        )
    if not (pa.types.is_boolean(column.type) or _is_number(column.type)):
        raise Refused(
            f"the label has the type {column.type}; {task} needs "
            + {
                "classification": "true and false, or 0 and 1",
                "multiclass": "class numbers",
            }.get(task, "numbers")
        )
    values = pc.cast(column, pa.float64()).to_numpy()
    if not np.isfinite(values).all():
        raise Refused("the label has NaN or infinite values")
    if task == "classification" and not np.isin(values, (0.0, 1.0)).all():
        raise Refused(
            "the label of a classification must be true and false, or 0 and 1; it has other values"
        )
    if task == "multiclass" and not np.isin(values, np.arange(classes)).all():
        raise Refused(
            f"the label of a multiclass task must be a class number below {classes}; "
            "it has other values"
        )
    return values


def rows_of(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def take(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _column(table: pa.Table, feature: Feature) -> np.ndarray:
    column = _named(table, feature.name)
    if feature.type == "string":
        if not (
            pa.types.is_string(column.type)
            or pa.types.is_large_string(column.type)
            or pa.types.is_dictionary(column.type)
        ):
            raise Refused(
                f"feature {feature.name} is declared as text, but has the type {column.type}"
            )
        text = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        return pc.fill_null(text, MISSING_TEXT).to_numpy(zero_copy_only=False)
    if not (pa.types.is_boolean(column.type) or _is_number(column.type)):
        raise Refused(
            f"feature {feature.name} is declared as a number, but has the type {column.type}"
        )
    with np.errstate(over="ignore"):  # values beyond float32 become infinity, as in the graph
        return (
            pc.fill_null(pc.cast(column, pa.float64()), float("nan")).to_numpy().astype(np.float32)
        )


def _named(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise Refused(
            f"the column {name} is missing in the training data; "
            f"its columns are {', '.join(table.column_names)}"
        )
    return table[name]


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
