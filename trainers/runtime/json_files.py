"""Reads and writes JSON strictly (no NaN, which other readers refuse) and atomically."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_bytes(path, (json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def first_not_finite(value: Any, pointer: str = "") -> str | None:
    """Returns the JSON pointer of the first NaN or infinity in `value`."""
    if isinstance(value, float):
        return None if math.isfinite(value) else pointer
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return None
    return next(
        (
            found
            for key, item in items
            if (found := first_not_finite(item, f"{pointer}/{key}")) is not None
        ),
        None,
    )
