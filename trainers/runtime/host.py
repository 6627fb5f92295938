"""Warm parent process of the local backend's jobs: imports once, then forks one child per job.

Orders are JSON lines on standard input, events are JSON lines on standard output. Everything that
must outlive this process is a file in the job's directory. When standard input ends, because the
worker has ended, all jobs and this process end. It starts no threads, since a fork copies only one.

    in:  { "type": "run", "attempt", "trainer": folder | null for a step, "python": interpreter of
           the job's environment | null, "directory", "memoryBytes", "timeoutSeconds",
           "siblings": key | null, "user": uid | null,
           "tracking": { "host", "port", "url", "token", "experiment" } | null }
         { "type": "forget", "siblings": key }
    out: { "type": "ready", "seconds", "threads", "confinement" }
         { "type": "started" | "rung" | "ended", "directory", "attempt" }
         { "type": "refused", …, "message" }

The first argument is JSON: { "hidden": [folders that jobs do not see], "trainers": folder,
"environments": folder of the Python environments, "confine": boolean }. The package
`confinement` describes how jobs are confined.

Jobs with the same `siblings` key differ only in their parameters. From the second one on, a zygote
holds their rows; see zygote.py. `rung` means that the job reported a value by which it may be
pruned. With `tracking`, programs of the job that use MLflow log to that API; see
confinement/relay.py.
"""

from __future__ import annotations

import sys
import time

if __name__ == "__main__":
    import pathlib

    # The trainers' folder comes last, because its subfolders have the names of libraries.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    BEGAN = time.monotonic()

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runtime import confinement, log_file, processes
from runtime.confinement import Confinement
from runtime.confinement.relay import Relay
from runtime.job_process import Exits, JobProcess
from runtime.json_files import read_json
from runtime.manifest import read_manifest
from runtime.run import run_job
from runtime.step.command import run_command
from runtime.zygote import Zygotes

for warm in ("lightgbm", "pyarrow.parquet", "scipy.sparse", "sklearn.linear_model"):
    importlib.import_module(warm)

#: Interval of the limit checks. A job that allocates 2 GB per second exceeds its limit by 100 MB.
WATCH_SECONDS = 0.05 if processes.LINUX else 0.5
#: How long jobs may save their state after the worker has ended.
FAREWELL_SECONDS = 3.0


class Place:
    """Confinement of the jobs on this machine."""

    def __init__(self, given: dict[str, Any]):
        self._hidden = [path for path in given["hidden"] if os.path.isdir(path)]
        self._folders = [os.getcwd(), given["trainers"], given["environments"]]
        off = Confinement(reason="PERENNIAL_JOBS_CONFINED=false")
        self.confined = confinement.find(self._hidden, self._needed()) if given["confine"] else off

    def enter(self, order: dict[str, Any]) -> None:
        """Confines a fork before it runs the code of a trainer."""
        self.confined.enter(
            order.get("user"), _wants_network(order["trainer"]), self._hidden, self._needed()
        )

    def closes_network(self, order: dict[str, Any]) -> bool:
        """Whether the job will have a network of its own."""
        return self.confined.network and not _wants_network(order["trainer"])

    def _needed(self) -> list[str]:
        """Computed each time, because a Python environment may be installed meanwhile."""
        return confinement.needed_by_python(*self._folders)


class Host:
    def __init__(self, orders: int, events: int, place: Place | None):
        """`place` is None in a zygote, whose forks inherit its confinement."""
        self._place = place
        self._orders = orders
        self._events = events
        self._children: dict[int, JobProcess] = {}
        self._exits = Exits()
        self._waiting = selectors.DefaultSelector()
        self._zygotes = Zygotes(
            self._waiting,
            tell=self._tell,
            obey=self._obey,
            leave=self._leave,
            enter=self._enter,
            conclude=self._exits.write,
            serve=lambda orders, events: Host(orders, events, None).serve(),
        )
        self._wake_read, self._wake_write = os.pipe()
        self._life_read, self._life_write = os.pipe()
        for end in (self._wake_read, self._wake_write, self._orders):
            os.set_blocking(end, False)

    def serve(self) -> None:
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl-C in a terminal reaches the whole process group; the worker decides how to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        ending: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
        confined = self._place.confined.described() if self._place else None
        self._tell(
            {
                "type": "ready",
                "seconds": round(time.monotonic() - BEGAN, 3),
                "threads": processes.threads(),
                "confinement": confined,
            }
        )
        self._waiting.register(self._orders, selectors.EVENT_READ)
        self._waiting.register(self._wake_read, selectors.EVENT_READ)
        rest = b""
        while not ending:
            busy = self._children or self._zygotes.reading
            pause = WATCH_SECONDS if busy else 1.0 if self._exits or self._zygotes.pids else None
            ready = {key.fd: key.data for key, _ in self._waiting.select(pause)}
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            if self._orders in ready:
                received = os.read(self._orders, 1 << 16)
                if not received:
                    break
                *lines, rest = (rest + received).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            for fd, hear in ready.items():
                if hear is not None and fd in self._waiting.get_map():
                    hear()
            self._watch()
            self._reap()
            self._exits.write()
        self._end_all()

    def _obey(self, order: dict[str, Any]) -> None:
        if order["type"] == "forget":
            return self._zygotes.forget(order["siblings"])
        try:
            if not self._zygotes.take(order):
                self._fork(order)
        except OSError as error:  # too many processes, or a directory that is missing or full
            self._tell(
                {
                    "type": "refused",
                    "directory": order["directory"],
                    "attempt": order["attempt"],
                    "message": str(error),
                }
            )

    def _fork(self, order: dict[str, Any]) -> None:
        directory = Path(order["directory"])
        # Before the pipes, which it would hold open.
        relay = self._relay(order)
        log = log_file.opened(directory / "log.txt", order.get("user") if self._place else None)
        gate_read, gate_write = os.pipe()
        news_read, news_write = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(gate_write)
                os.close(news_read)
                self._become_job(parent, log, order)
                self._set_tracking(order, relay)
                os.set_blocking(news_write, False)
                # Waits until the process is recorded. If the host ends instead, the pipe closes.
                code = (
                    _run(order, directory, lambda: _say(news_write)) if os.read(gate_read, 1) else 1
                )
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:
                import traceback

                traceback.print_exc()
                sys.stderr.flush()
                code = 1
            finally:
                os._exit(code)
        os.close(log)
        os.close(gate_read)
        os.close(news_write)
        if relay:
            relay.close()
        child = JobProcess(
            pid,
            directory,
            order["attempt"],
            order["memoryBytes"],
            order["timeoutSeconds"],
            news_read,
            relay,
        )
        self._children[pid] = child
        self._waiting.register(news_read, selectors.EVENT_READ, lambda: self._hear_news(child))
        try:
            # The host above a zygote writes these files, because a trainer could change the
            # zygote's own.
            if self._place:
                child.make_known()
            os.write(gate_write, b"1")
        finally:
            os.close(gate_write)
        self._tell(child.event("started") | {"pid": pid})

    def _relay(self, order: dict[str, Any]) -> Relay | None:
        tracking = order.get("tracking")
        if not tracking or not self._closes_network(order) or _is_encrypted(tracking):
            return None
        return Relay((tracking["host"], tracking["port"]), lambda: self._leave(set()))

    def _closes_network(self, order: dict[str, Any]) -> bool:
        return self._place is not None and self._place.closes_network(order)

    def _set_tracking(self, order: dict[str, Any], relay: Relay | None) -> None:
        """Sets what MLflow reads in the process of a job."""
        tracking = order.get("tracking")
        if not tracking or (relay is None and self._closes_network(order)):
            return
        url = tracking["url"]
        if relay:
            url = f"http://127.0.0.1:{relay.listen()}{urlsplit(url).path.rstrip('/')}"
        os.environ["MLFLOW_TRACKING_URI"] = url
        os.environ["MLFLOW_TRACKING_TOKEN"] = tracking["token"]
        os.environ["MLFLOW_EXPERIMENT_NAME"] = tracking["experiment"]

    def _enter(self, order: dict[str, Any], parent: int) -> None:
        processes.kill_me_first()
        if self._place:
            self._place.enter(order)
            os.chdir(order["directory"])
        # Changing the user resets it.
        processes.die_with_parent(parent)

    def _become_job(self, parent: int, log: int, order: dict[str, Any]) -> None:
        os.setsid()
        processes.adopt_orphans()
        self._enter(order, parent)
        os.environ["HOME"] = order["directory"]
        processes.call_me("job")
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        self._leave(set())
        if not processes.LINUX:
            threading.Thread(
                target=processes.die_at_end_of, args=(self._life_read,), daemon=True
            ).start()
        os.umask(0o077)
        # Training has lower priority than heartbeats and responses.
        os.nice(5)

    def _leave(self, kept: set[int]) -> None:
        """Closes the host's pipes in a fork, so that their end is noticed."""
        signal.set_wakeup_fd(-1)
        self._waiting.close()
        ends = {
            self._events,
            self._orders,
            self._wake_read,
            self._wake_write,
            self._life_write,
        } | self._zygotes.ends
        ends |= {child.news for child in self._children.values()}
        for end in ends - kept:
            if end > 2:
                os.close(end)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def _hear_news(self, child: JobProcess) -> None:
        if os.read(child.news, 4096):
            self._tell(child.event("rung"))
        else:
            self._waiting.unregister(child.news)

    def _watch(self) -> None:
        self._zygotes.watch()
        for child in self._children.values():
            log_file.shorten(child.directory / "log.txt")
            child.end_beyond_limits()

    def _reap(self) -> None:
        for child in list(self._children.values()):
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                del self._children[pid]
                if child.news in self._waiting.get_map():
                    self._waiting.unregister(child.news)
                os.close(child.news)
                self._conclude(child, status, usage.ru_maxrss * (1024 if processes.LINUX else 1))
        if processes.LINUX:
            self._end_orphans()

    def _conclude(self, child: JobProcess, status: int, peak_bytes: int) -> None:
        processes.kill_tree(child.pid, signal.SIGKILL)
        if child.relay:
            child.relay.end()
        exit = child.exit(status, peak_bytes)
        if self._place:
            self._exits.write((child.directory / "exit.json", exit))
        self._tell(child.event("ended") | {"exit": exit})

    def _end_orphans(self) -> None:
        """All children are jobs, their relays and zygotes; others are orphans of ended jobs."""
        relays = {child.relay.pid for child in self._children.values() if child.relay}
        for pid in processes.children(os.getpid()):
            if pid not in self._children and pid not in relays | self._zygotes.pids:
                processes.kill_tree(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _end_all(self) -> None:
        self._zygotes.close()
        for child in self._children.values():
            processes.kill_tree(child.pid, signal.SIGTERM)
        until = time.monotonic() + FAREWELL_SECONDS
        while (self._children or self._zygotes.pids) and time.monotonic() < until:
            for key, _ in self._waiting.select(0.02):
                if key.fd in self._zygotes.ends:
                    key.data()
            self._reap()
        self._zygotes.end()
        for child in self._children.values():
            processes.kill_tree(child.pid, signal.SIGKILL)
        while self._children:
            self._reap()
            time.sleep(0.005)

    def _tell(self, event: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the worker has ended, and the input ends too
            os.write(self._events, (json.dumps(event) + "\n").encode())


def _say(news: int) -> None:
    with contextlib.suppress(OSError):  # the host will read the value itself
        os.write(news, b".")


def _run(order: dict[str, Any], directory: Path, on_rung: Callable[[], None]) -> int:
    trainer, python = order["trainer"], order.get("python")
    if trainer is None and "command" in read_json(directory / "job.json"):
        return run_command(directory, python or sys.executable)
    if python is not None:
        cpus = read_json(directory / "job.json")["resources"]["cpus"]
        os.environ["OMP_NUM_THREADS"] = str(cpus)
        program = "step/run.py" if trainer is None else "run.py"
        arguments = [str(Path(__file__).parent / program), trainer, str(directory)]
        os.execv(python, [python, *(each for each in arguments if each is not None)])
    if trainer is not None:
        return run_job(Path(trainer), directory, on_rung)
    # Late, because only steps need the package `perennial`, which is on PYTHONPATH.
    from runtime.step.run import run_step

    return run_step(directory)


def _is_encrypted(tracking: dict[str, Any]) -> bool:
    """The certificate of the API is not for 127.0.0.1, so that no relay can carry it."""
    return tracking["url"].startswith("https:")


def _wants_network(trainer: str | None) -> bool:
    if trainer is None:
        return False
    try:
        return read_manifest.__wrapped__(
            Path(trainer)
        ).network  # read each time, because a manifest may be edited
    except BaseException:
        return False  # the job reports the error in its manifest


if __name__ == "__main__":
    place = Place(json.loads(sys.argv[1]))
    events = os.dup(1)
    os.dup2(2, 1)  # output of libraries is not an event
    processes.adopt_orphans()
    gc.collect()
    gc.freeze()  # garbage collection in a child would copy every page of the parent
    Host(0, events, place).serve()
