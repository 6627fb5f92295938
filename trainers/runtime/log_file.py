"""What a job prints must not fill the disk of the whole platform; its newest lines matter."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MOST_BYTES, KEPT_BYTES = 64 << 20, 1 << 20


def shorten(log: Path) -> None:
    """Its writers append, so they go on at the new end. What they write in between may be lost; the job is not held up for it."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size <= MOST_BYTES:
            return
        with open(log, "rb") as file:
            file.seek(-KEPT_BYTES, os.SEEK_END)
            newest = file.read(KEPT_BYTES)
        os.truncate(log, 0)
        with open(log, "ab") as file:
            file.write(f"(older lines were dropped: the log exceeded {MOST_BYTES >> 20} MiB)\n".encode() + newest.partition(b"\n")[2])
