"""The process of a job from the view of its host: directory, limits and end."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import processes
from runtime.confinement.relay import Relay


@dataclass
class JobProcess:
    pid: int
    directory: Path
    attempt: int
    memory_bytes: int
    timeout_seconds: float
    #: One byte for each rung that the job reaches.
    news: int
    #: Carries its connections to the tracking API.
    relay: Relay | None = None
    started_at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    #: { kind, used, allowed } if a limit ended the job.
    limit: dict[str, Any] | None = None

    def make_known(self) -> None:
        make_known(self.directory, self.attempt, self.pid, os.getpid())

    def end_beyond_limits(self) -> None:
        if self.limit:
            return
        seconds = time.monotonic() - self.began
        used = processes.memory(processes.tree(self.pid))
        if used > self.memory_bytes:
            self.limit = {"kind": "JobOutOfMemory", "used": used, "allowed": self.memory_bytes}
        elif seconds > self.timeout_seconds:
            self.limit = {
                "kind": "JobTimeout",
                "used": round(seconds, 3),
                "allowed": self.timeout_seconds,
            }
        if self.limit:
            processes.kill_tree(self.pid, signal.SIGKILL)

    def exit(self, status: int, peak_bytes: int) -> dict[str, Any]:
        code = os.waitstatus_to_exitcode(status)
        return {
            "attempt": self.attempt,
            "code": code if code >= 0 else None,
            "signal": processes.signal_name(-code) if code < 0 else None,
            "limit": self.limit,
            "seconds": round(time.monotonic() - self.began, 3),
            "peakMemoryBytes": peak_bytes,
        }

    def event(self, kind: str) -> dict[str, Any]:
        return {"type": kind, "directory": str(self.directory), "attempt": self.attempt}


def make_known(directory: Path, attempt: int, pid: int, parent: int) -> None:
    """Records a job's process, so that it can be found after its host has ended.

    A pid of 0 means that the process has already ended.
    """
    host = os.getpid()
    write_whole(
        directory / "process.json",
        {
            "attempt": attempt,
            "pid": pid,
            "identity": (processes.identity(pid) if pid else None) or "gone",
            # The parent is a zygote or the host.
            "parent": parent,
            "host": {"pid": host, "identity": processes.identity(host)},
            "startedAt": time.time(),
        },
    )


def exit_as_told(attempt: int, told: Any) -> dict[str, Any]:
    """The end of a zygote's job as it reports it; counts as killed if the report is invalid."""
    told = told if isinstance(told, dict) else {}
    code, ended_by, limit, seconds = (
        told.get(key) for key in ("code", "signal", "limit", "seconds")
    )
    known = isinstance(code, int) or processes.is_signal(ended_by)
    numbers = isinstance(limit, dict) and all(
        isinstance(limit.get(key), int | float) for key in ("used", "allowed")
    )
    return {
        "attempt": attempt,
        "code": code if isinstance(code, int) else None,
        "signal": (ended_by if processes.is_signal(ended_by) else None) if known else "SIGKILL",
        "limit": limit
        if numbers and limit.get("kind") in ("JobOutOfMemory", "JobTimeout")
        else None,
        "seconds": seconds if isinstance(seconds, int | float) else 0,
        "peakMemoryBytes": told.get("peakMemoryBytes")
        if isinstance(told.get("peakMemoryBytes"), int)
        else 0,
    }


class Exits:
    """Retries exit files that a full disk refused, because a job without exit.json never ends."""

    def __init__(self) -> None:
        self._unwritten: list[tuple[Path, dict[str, Any]]] = []

    def __bool__(self) -> bool:
        return bool(self._unwritten)

    def write(self, *more: tuple[Path, dict[str, Any]]) -> None:
        left = []
        for path, exit in [*self._unwritten, *more]:
            try:
                write_whole(path, exit)
            except FileNotFoundError:
                pass  # the job's directory was removed, so its end is not needed
            except OSError as error:
                print(f"{path}: {error}", file=sys.stderr, flush=True)
                left.append((path, exit))
        self._unwritten = left


def write_whole(path: Path, value: dict[str, Any]) -> None:
    """Writes atomically, but not synced: a power failure ends the process too."""
    partial = path.with_name(f".{path.name}.partial")
    # The job can write here too, so an existing file or link is never opened.
    partial.unlink(missing_ok=True)
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w"
    ) as file:
        file.write(json.dumps(value))
    os.replace(partial, path)
