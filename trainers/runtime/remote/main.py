"""Prepares a job's folder, runs the job as a child, and reports to the store; see the package.

`python main.py <folder with order.json and the code>`. Exit code 0 if the job's end was reported,
143 if it was also stopped, so that its engine does not count it as complete.

On several nodes this program runs on each. The first node, NODE_RANK 0, reports for the job, and
the others report their logs and how they ended. A failure is exit code 1, by which the engine ends
the job on all nodes.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    # Last, because the folders of trainers have the names of libraries.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from runtime import log_file, processes
from runtime.json_files import write_json
from runtime.remote.mirror import Mirror
from runtime.remote.transfer import TransferFailed, Uploads, age_of, download

POLL_SECONDS = 0.1
LIMIT_SECONDS = 0.5
LEASE_SECONDS = 30.0
#: The processes on other nodes fail when one has failed. So long they have to report it.
OTHERS_SECONDS = 10.0

RUN_COMMAND = (
    "import sys, pathlib; sys.path.append(sys.argv[1]); "
    "from runtime.step.command import run_command; "
    "sys.exit(run_command(pathlib.Path(sys.argv[2]), sys.executable))"
)


def main(root: Path) -> int:
    order = json.loads((root / "order.json").read_text(encoding="utf-8"))
    (root / "order.json").unlink()  # it has signed URLs, which are not for the job
    directory = root / "job"
    directory.mkdir(mode=0o700)
    uploads = Uploads(order["uploads"])
    is_shared = order["job"]["resources"].get("nodes", 1) > 1
    node = int(os.environ["NODE_RANK"]) if is_shared else 0
    mirror = Mirror(directory, uploads, order["attempt"], set(order["known"]), node)
    ending = _Ending()
    try:
        try:
            python = _prepare(order, directory)
        except (TransferFailed, OSError) as error:
            mirror.exit(_never_started(order["attempt"], str(error)))
            return _exit_code(is_shared, ending)
        mirror.begin()
        end = _Supervisor(order, root, directory, mirror, ending).run(python)
        mirror.news()
        is_done = end["code"] == 0 and end["limit"] is None
        if is_done and node == 0:
            try:
                end["outputs"] = mirror.outputs()
            except TransferFailed as error:
                end |= {"code": None, "signal": "SIGTERM", "reason": str(error)}
                is_done = False
        elif not is_done:
            mirror.checkpoint()
        mirror.exit(end)
        return _exit_code(is_shared and not is_done, ending)
    except TransferFailed as error:
        print(f"perennial: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _exit_code(ends_others: bool, ending: _Ending) -> int:
    until = time.monotonic() + OTHERS_SECONDS
    while ends_others and not ending.asked and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    return 128 + signal.SIGTERM if ending.asked else int(ends_others)


class _Ending:
    """Whether this process was asked to end. The engine sends SIGTERM before SIGKILL."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def _prepare(order: dict[str, Any], directory: Path) -> str:
    """Returns the Python of the job. @raises TransferFailed, OSError"""
    job = order["job"]
    write_json(directory / "job.json", job)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda each: download(each["url"], directory / each["path"], each["digest"]),
                order["downloads"],
            )
        )
    if not job.get("environment"):
        return sys.executable
    uv = shutil.which("uv")
    if uv is None:
        raise OSError(
            "the job has its own Python packages, and this machine has no uv on its PATH "
            "to install them"
        )
    build = Path(__file__).resolve().parents[1] / "environment" / "build.py"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    answer = subprocess.run(
        [sys.executable, str(build), "build"],
        input=json.dumps(
            {
                "uv": uv,
                "folder": str(cache / "perennial" / "environments"),
                "lock": (directory / "inputs" / "requirements.lock").read_text(encoding="utf-8"),
            }
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    with contextlib.suppress(ValueError, KeyError):
        return json.loads(answer.stdout)["python"]
    raise OSError(f"the Python environment could not be built: {answer.stdout[:500]}")


def _never_started(attempt: int, reason: str) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "code": None,
        "signal": "SIGTERM",
        "limit": None,
        "seconds": 0,
        "peakMemoryBytes": 0,
        "reason": reason,
        "result": None,
        "error": None,
        "outputs": [],
    }


class _Supervisor:
    """The child process of the job: its limits, its end, and its news."""

    def __init__(
        self, order: dict[str, Any], root: Path, directory: Path, mirror: Mirror, ending: _Ending
    ):
        self._order = order
        self._root = root
        self._directory = directory
        self._mirror = mirror
        self._ending = ending
        self._resources = order["job"]["resources"]
        self._limit: dict[str, Any] | None = None
        self._reason: str | None = None
        self._peak = 0

    def run(self, python: str) -> dict[str, Any]:
        processes.adopt_orphans()
        log = log_file.opened(self._directory / "log.txt", None)
        child = subprocess.Popen(
            self._arguments(python),
            cwd=self._directory,
            env=self._environment(python),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        os.close(log)
        began = time.monotonic()
        self._follow(child, began)
        processes.kill_tree(child.pid, signal.SIGKILL)
        self._end_orphans()
        code = child.returncode
        return {
            "attempt": self._order["attempt"],
            "code": code if code >= 0 else None,
            "signal": processes.signal_name(-code) if code < 0 else None,
            "limit": self._limit,
            "seconds": round(time.monotonic() - began, 3),
            "peakMemoryBytes": self._peak,
            **({"reason": self._reason} if self._reason else {}),
            "result": self._read("result.json"),
            "error": self._read("error.json"),
            "outputs": [],
        }

    def _arguments(self, python: str) -> list[str]:
        runtime = self._root / "trainers" / "runtime"
        job = self._order["job"]
        if "trainer" in job:
            folder = self._root / "trainers" / job["trainer"]
            return [python, str(runtime / "run.py"), str(folder), str(self._directory)]
        if "command" in job:
            trainers = str(self._root / "trainers")
            return [python, "-c", RUN_COMMAND, trainers, str(self._directory)]
        return [python, str(runtime / "step" / "run.py"), str(self._directory)]

    def _environment(self, python: str) -> dict[str, str]:
        path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
        tracking = self._order.get("tracking")
        return {
            **os.environ,
            "PATH": path,
            "HOME": str(self._directory),
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(self._root / "python"),
            "OMP_NUM_THREADS": str(self._resources["cpus"]),
            **(
                {
                    "MLFLOW_TRACKING_URI": tracking["url"],
                    "MLFLOW_TRACKING_TOKEN": tracking["token"],
                    "MLFLOW_EXPERIMENT_NAME": tracking["experiment"],
                }
                if tracking
                else {}
            ),
        }

    def _follow(self, child: subprocess.Popen[bytes], began: float) -> None:
        every = self._order["every"]
        next_limit = 0.0
        next_news = every["newsSeconds"]
        next_checkpoint = every["checkpointSeconds"]
        next_lease = LEASE_SECONDS
        killed_at: float | None = None
        sending = ThreadPoolExecutor(1)
        sent: Future[None] | None = None
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
                break
            seconds = time.monotonic() - began
            # Often, because a line that the job writes meanwhile may be lost.
            log_file.shorten(self._directory / "log.txt")
            if seconds >= next_limit:
                self._check_limits(child.pid, seconds)
                next_limit = seconds + LIMIT_SECONDS
            if killed_at is None and (self._ending.asked or self._reason):
                processes.kill_tree(child.pid, signal.SIGTERM)
                killed_at = seconds + self._order["graceSeconds"]
            elif killed_at is not None and seconds >= killed_at:
                processes.kill_tree(child.pid, signal.SIGKILL)
            if seconds >= min(next_news, next_checkpoint) and (sent is None or sent.done()):
                is_due = seconds >= next_checkpoint
                sent = sending.submit(self._send, is_due)
                next_news = seconds + every["newsSeconds"]
                if is_due:
                    next_checkpoint = seconds + every["checkpointSeconds"]
            if seconds >= next_lease:
                self._check_lease()
                next_lease = seconds + LEASE_SECONDS

        sending.shutdown(wait=True)

    def _send(self, with_checkpoint: bool) -> None:
        # A store that is away for minutes must not end the job. It is asked again later.
        with contextlib.suppress(TransferFailed, OSError):
            self._mirror.news()
            if with_checkpoint:
                self._mirror.checkpoint()

    def _check_limits(self, pid: int, seconds: float) -> None:
        if self._limit:
            return
        used = processes.memory(processes.tree(pid))
        self._peak = max(self._peak, used)
        allowed = self._resources["memoryBytes"]
        longest = self._resources["timeoutSeconds"]
        if used > allowed:
            self._limit = {"kind": "JobOutOfMemory", "used": used, "allowed": allowed}
        elif seconds > longest:
            self._limit = {"kind": "JobTimeout", "used": round(seconds, 3), "allowed": longest}
        if self._limit:
            processes.kill_tree(pid, signal.SIGKILL)

    def _check_lease(self) -> None:
        """Ends a job that no activity follows, for example after its workflow was terminated."""
        lease = self._order.get("lease")
        if not lease or self._reason:
            return
        try:
            if age_of(lease["url"]) > lease["seconds"]:
                self._reason = "no activity followed the job any more"
        except urllib.error.HTTPError as error:
            # The files of the job are removed at the end of its run.
            if error.code == 404:
                self._reason = "the run has ended"
        except (OSError, KeyError, TypeError, ValueError):
            pass  # asked again later

    def _end_orphans(self) -> None:
        for pid in processes.children(os.getpid()):
            processes.kill_tree(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _read(self, name: str) -> Any:
        """None without the file, and the text of a file that is not JSON."""
        path = self._directory / name
        if path.is_symlink() or not path.is_file():
            return None
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            return json.loads(text)
        except ValueError:
            return "invalid"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
