"""Functions of the operating system for the host: identity, process tree and memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


def identity(pid: int) -> str | None:
    """Identifies a process even after its pid is reused; None when it does not exist."""
    if LINUX:
        try:
            started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError):
            return None
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{started}"
    return _ps(["-o", "lstart=", "-p", str(pid)]).strip() or None


def signal_name(number: int) -> str:
    """Most real-time signals have only a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def is_signal(name: object) -> bool:
    """Whether `signal_name` can return it."""
    return isinstance(name, str) and (name in signal.Signals.__members__ or name.isdigit())


def die_with_parent(parent: int) -> None:
    """Linux only. On other systems a child notices the end of a pipe; see host.py."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the call
            os._exit(1)


def die_at_end_of(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Makes this process the parent of everything that a job leaves behind."""
    if _libc:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def call_me(name: str) -> None:
    """Sets the name in `ps` and `top`; a fork has the command line of its parent."""
    if _libc:
        _libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def threads() -> int:
    return len(os.listdir("/proc/self/task")) if LINUX else threading.active_count()


def kill_me_first() -> None:
    """Makes the kernel kill a job first, not the worker or a database, when memory runs out."""
    if LINUX:
        with contextlib.suppress(PermissionError):  # a job of a zygote inherits the value
            Path("/proc/self/oom_score_adj").write_text("800")


def children(pid: int) -> list[int]:
    if not LINUX:
        return [child for child, parent, _ in _table() if parent == pid]
    try:
        return [
            int(child)
            for task in os.listdir(f"/proc/{pid}/task")
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(pid: int) -> list[int]:
    found = [pid]
    for process in found:
        found += children(process)
    return found


def memory(pids: list[int]) -> int:
    """Bytes that stay allocated while the processes live.

    On Linux without pages of files, elsewhere all resident memory.
    """
    if not LINUX:
        wanted = set(pids)
        return sum(rss for pid, _, rss in _table() if pid in wanted)
    return sum(_unreclaimable(pid) for pid in pids)


def kill_tree(pid: int, number: int) -> None:
    """Kills the leader first; orphaned processes are still in the list or in the group."""
    for process in tree(pid):
        _kill(process, number)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _unreclaimable(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(
        int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon:", "RssShmem:"))
    )


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _table() -> list[tuple[int, int, int]]:
    rows = (line.split() for line in _ps(["-A", "-o", "pid=,ppid=,rss="]).splitlines())
    return [(int(pid), int(parent), int(rss) * 1024) for pid, parent, rss in rows]


def _ps(arguments: list[str]) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
