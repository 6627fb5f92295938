"""Kills a training at random, again and again, and compares it with an undisturbed one.

    python trainers/runtime/tests/kills.py <trainer's folder> <job's folder> <kills> <seed>

prints the report as JSON. The job's folder has job.json and the inputs, and is not changed.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.json_files import read_json, write_json
from runtime.run import run_job

POLL_SECONDS = 0.002
#: For the poll, and for the system to deliver a signal.
SLACK_SECONDS = 0.1
MOST_SECONDS = 600.0
#: Of a trainer that restarts, a kill comes before the end.
LATEST_SHARE = 0.8


@dataclass
class Report:
    kills: dict[str, int] = field(default_factory=lambda: {"SIGKILL": 0, "SIGTERM": 0})
    #: Seconds between two checkpoints; None for a trainer that saves none.
    interval: float | None = None
    #: Seconds of the undisturbed training.
    seconds: float = 0.0
    #: Iterations that were done again after each kill, as the trainer reports them.
    lost: list[int] = field(default_factory=list)
    #: What the trainer lost beyond one interval, or after SIGTERM at all.
    too_much: list[str] = field(default_factory=list)
    #: Result of the undisturbed training and of the killed one.
    whole: dict[str, Any] = field(default_factory=dict)
    killed: dict[str, Any] = field(default_factory=dict)
    has_same_outputs: bool = False
    #: Whether each reported value of the undisturbed training was reported exactly once.
    has_same_progress: bool = False


def survive(trainer: Path, given: Path, kills: int, seed: int, checkpoints: bool = True) -> Report:
    """`checkpoints` is False for a trainer that starts again from nothing."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="perennial-kills-") as folder:
        whole = Folder(trainer, _copy(given, Path(folder) / "whole"))
        began = time.monotonic()
        run = whole.start()
        run.follow(MOST_SECONDS)
        code = run.wait()
        report.seconds = time.monotonic() - began
        assert code == 0, whole.log()
        report.whole = whole.result()

        killed = Folder(trainer, _copy(given, Path(folder) / "killed"))
        if checkpoints:
            # So that the training has not ended before the last kill.
            steps = max(run.steps.values()) - min(run.steps.values())
            report.interval = max(0.05, steps / (1.5 * kills))
            killed.set_param("checkpoint_seconds", report.interval)
        _kill_often(killed, report, kills, random.Random(seed))
        killed.clear_attempt()
        code = killed.start().wait()
        assert code == 0, killed.log()
        report.killed = killed.result()
        report.has_same_outputs = whole.digests() == killed.digests()
        report.has_same_progress = not checkpoints or whole.reported() == killed.reported()
    return report


def _kill_often(folder: Folder, report: Report, kills: int, draw: random.Random) -> None:
    resumed_from: Callable[[int], None] | None = None
    for number in _numbers(report, kills):
        folder.clear_attempt()
        run = folder.start()
        term = draw.random() < 0.5
        if report.interval is None:
            run.follow(draw.uniform(0, LATEST_SHARE * report.seconds))
        else:
            if draw.random() < 0.8:
                run.follow_until_first_step()
            run.follow(draw.uniform(0, 1.5 * report.interval))
        killed_at = time.monotonic()
        ended = run.kill(signal.SIGTERM if term else signal.SIGKILL)
        if ended == 0 and report.interval is None:
            continue  # it was faster than before, and is run again
        if ended == 0:
            raise AssertionError(f"the training ended before kill {number + 1} of {kills}")
        report.kills["SIGTERM" if term else "SIGKILL"] += 1
        found = run.resumed_at()
        if found is None and run.steps:
            found = 0
        if found is not None and resumed_from is not None:
            resumed_from(found)
            resumed_from = None
        if report.interval is not None and run.steps:
            resumed_from = _judged(report, number, run, killed_at, term)


def _numbers(report: Report, kills: int) -> Iterator[int]:
    for _ in range(5 * kills):
        done = sum(report.kills.values())
        if done == kills:
            return
        yield done


def _judged(
    report: Report, number: int, run: Run, killed_at: float, term: bool
) -> Callable[[int], None]:
    """Compares the iteration at which the next attempt resumes with the progress of this one."""
    newest = max(run.steps)
    times = sorted(run.steps.values())
    pauses = [after - before for before, after in itertools.pairwise(times)]
    longest = max([*pauses, killed_at - times[-1]]) + SLACK_SECONDS
    before = killed_at - (report.interval or 0.0) - longest
    least = newest if term else max((s for s, at in run.steps.items() if at <= before), default=0)

    def resumed_from(step: int) -> None:
        report.lost.append(newest - step)
        if step < least:
            report.too_much.append(
                f"kill {number + 1} by {'SIGTERM' if term else 'SIGKILL'} at iteration {newest}: "
                f"resumed at {step}, not at {least} or later"
            )

    return resumed_from


class Folder:
    """The folder of a job, as the local backend uses it."""

    def __init__(self, trainer: Path, path: Path):
        self.trainer = trainer
        self.path = path

    def set_param(self, name: str, value: Any) -> None:
        body = read_json(self.path / "job.json")
        body["params"][name] = value
        write_json(self.path / "job.json", body)

    def clear_attempt(self) -> None:
        for name in ("error.json", "result.json"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "outputs", ignore_errors=True)

    def start(self) -> Run:
        return Run(self)

    def result(self) -> dict[str, Any]:
        return read_json(self.path / "result.json")

    def checkpoints(self) -> list[int]:
        folder = self.path / "checkpoint"
        if not folder.exists():
            return []
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())

    def log(self) -> str:
        path = self.path / "log.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def reported(self) -> list[str]:
        return (self.path / "metrics.ndjson").read_text(encoding="utf-8").splitlines()

    def digests(self) -> dict[str, str]:
        outputs = self.path / "outputs"
        return {
            str(path.relative_to(outputs)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(outputs.rglob("*"))
            if path.is_file()
        }


class Run:
    """One attempt of a job: a fork that runs the trainer, like those of the local backend."""

    def __init__(self, folder: Folder):
        self._folder = folder
        self._logged = len(folder.log())
        self._metrics = folder.path / "metrics.ndjson"
        #: When each step was first seen.
        self.steps: dict[int, float] = {}
        self._known = _steps_in(self._metrics)
        self._code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            self._become_job()

    def _become_job(self) -> None:
        code = 1
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            log = os.open(self._folder.path / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = run_job(self._folder.trainer, self._folder.path)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def follow(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._is_alive() and time.monotonic() < until:
            self._look()
            time.sleep(POLL_SECONDS)

    def follow_until_first_step(self) -> None:
        until = time.monotonic() + MOST_SECONDS
        while self._is_alive() and not self.steps and time.monotonic() < until:
            self._look()
            time.sleep(POLL_SECONDS)

    def kill(self, number: int) -> int:
        """Returns the exit code, negative for a signal."""
        self._look()
        if self._is_alive():
            os.kill(self._pid, number)
        code = self.wait()
        self._look()
        return code

    def wait(self) -> int:
        until = time.monotonic() + MOST_SECONDS
        while self._is_alive():
            if time.monotonic() > until:
                os.kill(self._pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        return self._code if self._code is not None else 1

    def resumed_at(self) -> int | None:
        """The iteration that the log of this attempt names."""
        found = re.findall(r"resumes at iteration (\d+)", self._folder.log()[self._logged :])
        return int(found[-1]) if found else None

    def _is_alive(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is None

    def _look(self) -> None:
        now = time.monotonic()
        resumed = self.resumed_at()
        for step in _steps_in(self._metrics):
            # Steps of the attempt before stay in the file until this one has resumed.
            is_new = step not in self._known or (resumed is not None and step > resumed)
            if is_new and step not in self.steps:
                self.steps[step] = now


def _steps_in(path: Path) -> set[int]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError):
                found.add(json.loads(line)["step"])
    return found


def _copy(given: Path, to: Path) -> Path:
    to.mkdir()
    shutil.copy(given / "job.json", to / "job.json")
    shutil.copytree(given / "inputs", to / "inputs")
    return to


if __name__ == "__main__":
    trainer, given, kills, seed = sys.argv[1:]
    report = survive(Path(trainer).resolve(), Path(given).resolve(), int(kills), int(seed))
    print(json.dumps(dataclasses.asdict(report)))
