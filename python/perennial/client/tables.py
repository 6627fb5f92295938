"""Rows and columns out of dictionaries, lists and DataFrames."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any


def rows_of(data: Any) -> list[dict[str, Any]]:
    """JSON rows of a dictionary, dictionaries, or a pandas or polars DataFrame."""
    if isinstance(data, Mapping):
        data = [data]
    elif hasattr(data, "to_dicts"):
        data = data.to_dicts()
    elif hasattr(data, "to_dict"):
        data = data.to_dict(orient="records")
    rows = []
    for at, row in enumerate(_iterable(data)):
        if not isinstance(row, Mapping):
            raise TypeError(
                f"row {at} must be a dictionary with a key for each column, not {_type(row)}"
            )
        rows.append({str(name): plain(value) for name, value in row.items()})
    return rows


def columns_of(data: Any) -> dict[str, list[Any]]:
    """Columns of a dictionary of columns, or of anything that `rows_of` takes."""
    if isinstance(data, Mapping) and not any(_is_single(value) for value in data.values()):
        return {str(name): [plain(value) for value in values] for name, values in data.items()}
    rows = rows_of(data)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _iterable(data: Any) -> Iterable[Any]:
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise TypeError(f"rows must be dictionaries or a DataFrame, not {_type(data)}")
    return data


def _is_single(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or not isinstance(value, Iterable)


def plain(value: Any) -> Any:
    """The value as JSON has it. Missing values of pandas and numpy are None."""
    # By name, because pandas may not be installed. NaT is also a datetime.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime.datetime):
        # The times of dataset versions are UTC and have no offset.
        zoned = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
        return zoned.isoformat(timespec="microseconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if hasattr(value, "item"):
        return plain(value.item())
    return value


def _type(value: Any) -> str:
    return type(value).__name__
