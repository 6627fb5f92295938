"""Locates an error of a trainer without its message, which may quote a row and is stored."""

from __future__ import annotations

import traceback
from pathlib import Path


def place_in(error: BaseException, root: Path) -> str:
    """Returns ` at steps/score.py:12`: the innermost line in the root's files, or nothing."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(root)
    ]
    return f" at {Path(own[-1].filename).relative_to(root)}:{own[-1].lineno}" if own else ""


def place_of(error: BaseException, folder: Path) -> str:
    """Returns the exception's type and the innermost line of the trainer's files, or of any file."""
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    if isinstance(error, ImportError) and error.name:
        name += f" of {error.name}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{name} in {Path(error.filename).name}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    last = (own or frames)[-1:]
    return "".join(
        [
            name,
            *(
                f" in {Path(frame.filename).name}, line {frame.lineno} ({frame.name})"
                for frame in last
            ),
        ]
    )
