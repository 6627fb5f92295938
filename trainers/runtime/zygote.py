"""Processes that hold the shared data of a study's jobs, mainly rows, and fork the jobs.

The forks share the data copy-on-write. A zygote is a host below the host that forked it, which
passes on orders and receives all events. Until it has read the data, and if it cannot, jobs start
without it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime import processes
from runtime.job import Job
from runtime.job_process import exit_as_told, make_known
from runtime.manifest import read_manifest
from runtime.run import _load

#: A study starts its next trial within a second; after a longer pause the rows are read again.
IDLE_SECONDS = 30.0
#: Most zygotes at a time. Each holds the rows of a study.
MOST = 4

Order = dict[str, Any]


@dataclass
class Zygote:
    pid: int
    orders: int
    events: int
    memory_bytes: int
    #: Deadline for reading its rows.
    deadline: float
    ready: bool = False
    #: Orders without an end event, by directory.
    jobs: dict[str, Order] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    used_at: float = field(default_factory=time.monotonic)
    rest: bytes = b""

    def take(self, order: Order) -> bool:
        """Returns False when it has ended or is too far behind for another order."""
        with contextlib.suppress(OSError):
            os.write(self.orders, (json.dumps(order | {"siblings": None}) + "\n").encode())
            self.jobs[order["directory"]] = order
            return True
        return False

    def heard(self) -> list[tuple[dict[str, Any], Order]] | None:
        """Returns its new events, each with its order; None when it has ended."""
        received = os.read(self.events, 1 << 16)
        if not received:
            return None
        self.used_at = time.monotonic()
        *lines, self.rest = (self.rest + received).split(b"\n")
        heard = []
        for event in (json.loads(line) for line in lines):
            if event["type"] == "ready":
                self.ready = True
                continue
            order = self.jobs.get(event["directory"])
            if order is None or event["type"] not in ("started", "rung", "ended", "refused"):
                continue  # not one of its jobs
            heard.append((event, order))
            if event["type"] == "started":
                self.begun.add(event["directory"])
            elif event["type"] in ("ended", "refused"):
                self.begun.discard(event["directory"])
                self.jobs.pop(event["directory"], None)
        return heard

    def close(self) -> None:
        """Ends with its orders, after its jobs were told to stop."""
        if self.orders >= 0:
            os.close(self.orders)
            self.orders = -1


class Zygotes:
    def __init__(
        self,
        waiting: selectors.DefaultSelector,
        *,
        tell: Callable[[dict[str, Any]], None],
        obey: Callable[[Order], None],
        leave: Callable[[set[int]], None],
        serve: Callable[[int, int], None],
        enter: Callable[[Order, int], None],
        conclude: Callable[[tuple[Path, dict[str, Any]]], None],
    ):
        """
        `leave` closes the host's ends in a fork, except these. `serve` is a host that reads orders
        from one end and writes events to the other. `enter` confines a fork, which runs a trainer's
        code. `conclude` writes how a job ended.
        """
        self._waiting = waiting
        self._tell, self._obey, self._leave, self._serve = tell, obey, leave, serve
        self._enter, self._conclude = enter, conclude
        self._held: dict[str, Zygote] = {}
        #: First job of each kind; a second one starts a zygote.
        self._firsts: dict[str, str] = {}

    @property
    def pids(self) -> set[int]:
        return {held.pid for held in self._held.values()}

    @property
    def ends(self) -> set[int]:
        return {end for held in self._held.values() for end in (held.orders, held.events)}

    @property
    def reading(self) -> bool:
        return any(not held.ready for held in self._held.values())

    def take(self, order: Order) -> bool:
        """Returns True if the zygote of its kind starts the job."""
        kind, directory = order.get("siblings"), order["directory"]
        if kind is None:
            return False
        held = self._held.get(kind)
        if held is not None:
            return held.ready and held.take(order)
        if self._firsts.setdefault(kind, directory) != directory and len(self._held) < MOST:
            self._held[kind] = self._fork(kind, order)
        return False

    def forget(self, kind: str) -> None:
        self._firsts.pop(kind, None)
        if kind in self._held:
            self._held[kind].close()

    def watch(self) -> None:
        now = time.monotonic()
        for held in self._held.values():
            if processes.memory([held.pid]) > held.memory_bytes or (
                not held.ready and now > held.deadline
            ):
                processes.kill_tree(held.pid, signal.SIGKILL)
            elif held.ready and not held.jobs and now - held.used_at > IDLE_SECONDS:
                held.close()

    def close(self) -> None:
        for held in self._held.values():
            held.close()

    def end(self) -> None:
        for pid in self.pids:
            processes.kill_tree(pid, signal.SIGKILL)

    def _fork(self, kind: str, order: Order) -> Zygote:
        orders_read, orders_write = os.pipe()
        events_read, events_write = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            # A job of its kind meets the same error and reports it.
            with contextlib.suppress(BaseException):
                os.setsid()
                os.close(orders_write)
                os.close(events_read)
                self._leave({orders_read, events_write})
                self._enter(order, parent)
                processes.call_me("zygote")
                if (
                    _read_ahead(Path(order["trainer"]), Path(order["directory"]))
                    and processes.threads() == 1
                ):
                    processes.adopt_orphans()
                    gc.collect()
                    gc.freeze()  # garbage collection in a job would copy every page
                    self._serve(orders_read, events_write)
            os._exit(0)
        os.close(orders_read)
        os.close(events_write)
        os.set_blocking(orders_write, False)
        held = Zygote(
            pid,
            orders_write,
            events_read,
            order["memoryBytes"],
            time.monotonic() + order["timeoutSeconds"],
        )
        self._waiting.register(events_read, selectors.EVENT_READ, lambda: self._hear(kind, held))
        return held

    def _hear(self, kind: str, held: Zygote) -> None:
        try:
            events = held.heard()
        except (ValueError, KeyError, TypeError):  # the trainer wrote into the zygote's pipe
            events = None
        for event, order in events or []:
            directory = Path(order["directory"])
            if event["type"] == "started":
                make_known(
                    directory, order["attempt"], _in_tree(held.pid, event.get("pid")), held.pid
                )
            if event["type"] == "ended":
                self._conclude(
                    (directory / "exit.json", exit_as_told(order["attempt"], event.get("exit")))
                )
            self._tell(
                {
                    "type": event["type"],
                    "directory": order["directory"],
                    "attempt": order["attempt"],
                    "message": str(event.get("message")),
                }
            )
        if events is None:
            self._bury(kind, held)

    def _bury(self, kind: str, held: Zygote) -> None:
        self._waiting.unregister(held.events)
        os.close(held.events)
        held.close()
        processes.kill_tree(held.pid, signal.SIGKILL)
        os.waitpid(held.pid, 0)
        del self._held[kind]
        for directory, order in held.jobs.items():
            # Its started jobs ended with it and are found as lost; the others start without it.
            if directory in held.begun:
                self._conclude(
                    (Path(directory) / "exit.json", exit_as_told(order["attempt"], None))
                )
                self._tell({"type": "ended", "directory": directory, "attempt": order["attempt"]})
            else:
                self._obey(order | {"siblings": None})


def _in_tree(root: int, pid: Any) -> int:
    """Returns the pid if its process is below the root.

    A trainer must not make the host signal another process.
    """
    return pid if isinstance(pid, int) and pid != root and pid in processes.tree(root) else 0


def _read_ahead(folder: Path, directory: Path) -> bool:
    """Reads the shared data of jobs like this one.

    Returns False for an own program or another Python environment.
    """
    manifest = read_manifest(folder)
    if manifest.command or getattr(manifest, "environment", None):
        return False
    job = Job(directory, manifest, ahead=True)
    trainer = _load(folder)
    prepare = getattr(trainer, "prepare", None)
    if prepare is not None:
        prepare(job)
        return True
    for name in job.inputs:
        job.examples(name)
    return True
