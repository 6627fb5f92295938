"""Loads the files of a project, as its own tests do: from the project's root."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from perennial.contract import is_step
from perennial.step import StepError

TRAINERS = Path(__file__).resolve().parents[2]


def load_module(root: Path, file: str) -> ModuleType:
    """Loads `steps/score.py` as `steps.score`."""
    if str(root) not in sys.path:
        # The folders of trainers have the names of libraries and would stand in for missing ones.
        sys.path[:] = [str(root), *(path for path in sys.path if path != str(TRAINERS))]
        importlib.invalidate_caches()
    return importlib.import_module(file.removesuffix(".py").replace("/", "."))


def load_step(root: Path, file: str, function: str) -> Any:
    if not (root / file).is_file():
        raise StepError(f"{file}: the project has no such file")
    found = getattr(load_module(root, file), function, None)
    if not is_step(found):
        raise StepError(f"{file}: there is no function {function} with @step")
    return found
