"""A job's process as its host sees it: where it works, what it may take, and how it ended."""

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


@dataclass
class JobProcess:
    pid: int
    directory: Path
    attempt: int
    memory_bytes: int
    timeout_seconds: float
    #: A byte for each rung that it reaches.
    news: int
    started_at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    #: { kind, used, allowed }, when a limit ended it.
    limit: dict[str, Any] | None = None

    def make_known(self) -> None:
        """So that others find it, also when its host is gone."""
        host = os.getpid()
        write_whole(
            self.directory / "process.json",
            {
                "attempt": self.attempt,
                "pid": self.pid,
                "identity": processes.identity(self.pid),
                "host": {"pid": host, "identity": processes.identity(host)},
                "startedAt": self.started_at,
            },
        )

    def end_beyond_limits(self) -> None:
        if self.limit:
            return
        seconds = time.monotonic() - self.began
        used = processes.memory(processes.tree(self.pid))
        if used > self.memory_bytes:
            self.limit = {"kind": "JobOutOfMemory", "used": used, "allowed": self.memory_bytes}
        elif seconds > self.timeout_seconds:
            self.limit = {"kind": "JobTimeout", "used": round(seconds, 3), "allowed": self.timeout_seconds}
        if self.limit:
            processes.kill_tree(self.pid, signal.SIGKILL)

    def exit(self, status: int, peak_bytes: int) -> dict[str, Any]:
        code = os.waitstatus_to_exitcode(status)
        return {
            "attempt": self.attempt,
            "code": code if code >= 0 else None,
            "signal": signal.Signals(-code).name if code < 0 else None,
            "limit": self.limit,
            "seconds": round(time.monotonic() - self.began, 3),
            "peakMemoryBytes": peak_bytes,
        }

    def event(self, kind: str) -> dict[str, Any]:
        return {"type": kind, "directory": str(self.directory), "attempt": self.attempt}


class Exits:
    """What a full disk did not take is tried again until it does: a job without an exit.json never ends for others."""

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
                pass  # the job's directory was removed: nobody asks any more
            except OSError as error:
                print(f"{path}: {error}", file=sys.stderr, flush=True)
                left.append((path, exit))
        self._unwritten = left


def write_whole(path: Path, value: dict[str, Any]) -> None:
    """Whole or not at all. Not synced to disk: a machine that loses power loses the process too."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(value))
    os.replace(partial, path)
