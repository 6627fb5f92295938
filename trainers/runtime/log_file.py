"""Limits a job's log, which must not fill the disk, to its newest lines."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

MOST_BYTES, KEPT_BYTES = 64 << 20, 1 << 20


def opened(log: Path, user: int | None) -> int:
    """Opens a log for appending.

    A job that runs as `user` can open it again. Links in place of the log are not followed.
    """
    descriptor = os.open(
        log,
        os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK,
        0o600,
    )
    if not _is_own(descriptor, {os.geteuid(), user}):
        os.close(descriptor)
        raise PermissionError(f"{log} belongs to another user")
    if user is not None and os.geteuid() == 0:
        os.fchown(descriptor, user, user)
    return descriptor


def shorten(log: Path) -> None:
    """Shortens a log in place; appending writers continue at the new end.

    Lines written meanwhile may be lost, but the job does not wait.
    """
    with contextlib.suppress(OSError):
        if log.lstat().st_size <= MOST_BYTES:
            return
        descriptor = os.open(
            log, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        )
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            found = os.fstat(descriptor)
            # The folder belongs to the job, which may have replaced the log by a link.
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                return
            file.seek(-KEPT_BYTES, os.SEEK_END)
            newest = file.read(KEPT_BYTES)
            file.truncate(0)
            file.write(
                f"(older lines were dropped: the log exceeded {MOST_BYTES >> 20} MiB)\n".encode()
                + newest.partition(b"\n")[2]
            )


def _is_own(descriptor: int, users: set[int | None]) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid in users
