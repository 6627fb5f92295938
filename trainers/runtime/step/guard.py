"""Refuses writes outside of the job's folder, with a message that says where to write.

The operating system confines jobs where it can (runtime/confinement). This also works elsewhere,
but only for files that Python itself opens.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Index of the arguments that are changed paths, by event.
_CHANGES = {
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
}


class WroteOutside(PermissionError):
    pass


def guard_writes(directory: Path) -> None:
    """Cannot be undone; the process belongs to the job."""
    sys.dont_write_bytecode = True
    allowed = (os.path.realpath(directory), "/dev", f"/proc/{os.getpid()}", "/proc/self")

    def check(path: Any) -> None:
        if isinstance(path, int):
            return  # an open file, which was checked
        full = os.path.realpath(os.fsdecode(path))
        if not any(full == folder or full.startswith(f"{folder}/") for folder in allowed):
            raise WroteOutside(errno.EACCES, "outside of the job's folder", os.fsdecode(path))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                check(path)
        elif event in _CHANGES:
            for index in _CHANGES[event]:
                check(arguments[index])

    sys.addaudithook(hook)
