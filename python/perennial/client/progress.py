"""The progress bar of a wait."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from perennial.client.errors import missing_package

#: The kind, the stage and the data of an event.
Show = Callable[[str, "str | None", "dict[str, Any]"], None]


@contextmanager
def open_progress(run: str, wanted: bool | None) -> Iterator[Show]:
    """Shows ended stages, and the counts of the stage that runs. True needs tqdm."""
    if wanted is False or (wanted is None and not _is_interactive()):
        yield lambda kind, stage, data: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        if wanted is None:
            yield lambda kind, stage, data: None
            return
        raise missing_package("tqdm", "progress", "a progress bar") from error

    # How many stages a run has is not known before its end.
    layout = "{desc}: {n_fmt} stages ended, {elapsed}{postfix}"
    with tqdm(desc=run, bar_format=layout, dynamic_ncols=True) as bar:

        def show(kind: str, stage: str | None, data: dict[str, Any]) -> None:
            if kind == "run.status" and "status" in data:
                bar.set_postfix_str(str(data["status"]))
            elif kind == "stage.started":
                bar.set_postfix_str(str(stage))
            elif kind in ("stage.succeeded", "stage.reused"):
                bar.set_postfix_str(f"{stage} {kind.removeprefix('stage.')}")
                bar.update(1)
            elif "done" in data:
                total = data.get("total")
                bar.set_postfix_str(
                    f"{stage} {data['done']}" + ("" if total is None else f" of {total}")
                )

        yield show


def _is_interactive() -> bool:
    return "ipykernel" in sys.modules or sys.stderr.isatty()
