"""A job that runs in this process: its metrics, checkpoint, outputs, log and SIGTERM.

Shared by trainers and steps. Needs only the standard library, because a step may run in a Python
environment without the packages of the trainers.
"""

from __future__ import annotations

import json
import math
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from runtime.checkpoint import IncompleteCheckpoint, Saved, read_checkpoint, write_checkpoint
from runtime.json_files import write_bytes, write_json
from runtime.refusal import Refused, Stopped

#: Exit codes of a job.
DONE, FAILED, STOPPED = 0, 1, 143
#: The one before the newest is used if the newest is not complete.
KEPT_CHECKPOINTS = 2


class RunningJob:
    def __init__(self, directory: Path, body: dict[str, Any]):
        """`body` is the content of job.json."""
        self.directory = directory
        self.id: str = body["id"]
        self.trace_id: str | None = body.get("traceId")
        #: Number of cores that the job may use. With another number, `lightgbm` and `torch` may give
        #: a slightly different model.
        self.cpus: int = body["resources"]["cpus"]
        #: Number of GPUs that the engine has given to the job on this node.
        self.gpus: int = body["resources"].get("gpus", 0)
        #: Number of nodes on which the job runs at the same time. The variables NODE_RANK (from 0),
        #: MASTER_ADDR and MASTER_PORT then say which node this is and where the first one is.
        self.nodes: int = body["resources"].get("nodes", 1)
        self._inputs: dict[str, list[dict[str, Any]]] = body["inputs"]
        self._metrics: TextIO | None = None
        self._stopping = False
        self._checkpoints = False
        self._stops_when_saved = False
        self._saved = Saved()

    def report(self, step: int, name: str, value: float) -> None:
        """Streams one metric. NaN or infinity ends the training."""
        if not math.isfinite(value):
            raise Refused(f"{name} became {value} at step {step}")
        if self._metrics is None:
            self._metrics = open(
                self.directory / "metrics.ndjson", "a", encoding="utf-8", buffering=1
            )
        self._metrics.write(
            json.dumps({"step": int(step), "name": name, "value": float(value)}) + "\n"
        )
        if not self._stops_when_saved:
            self.stop_if_asked()

    def paths_of(self, name: str) -> list[Path]:
        """The files of a named input, in order. @raises KeyError"""
        return [self.directory / part["path"] for part in self._inputs[name]]

    def output(self, name: str) -> Path:
        """Path for writing an output file."""
        path = self.directory / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def restore_checkpoint(self) -> tuple[int, dict[str, bytes]] | None:
        """Returns the newest complete step and its files.

        A trainer that calls this saves its state, so SIGTERM takes effect at its next report.
        """
        self._checkpoints = True
        for step in sorted(self._steps(), reverse=True):
            try:
                files = read_checkpoint(self._checkpoint_folder() / str(step))
            except IncompleteCheckpoint as error:
                self.log(f"the checkpoint of iteration {step} is not used: {error}")
                shutil.rmtree(self._checkpoint_folder() / str(step), ignore_errors=True)
                continue
            self._forget_metrics_after(step)
            self.log(f"resumes at iteration {step}")
            return step, files
        is_first = self._metrics is None
        if is_first and (self.directory / "metrics.ndjson").exists():
            self._forget_metrics_after(-1)
            self.log("starts again at iteration 0, because there is no complete checkpoint")
        return None

    def save_checkpoint(self, step: int, files: dict[str, bytes]) -> None:
        """Adds a checkpoint atomically and keeps the one before it.

        A file whose bytes are the same object as in the last checkpoint is not written again.
        """
        folder = self._checkpoint_folder()
        # A job that is stopped right after a save saves the same step again, which is complete.
        if not (folder / str(step)).exists():
            self._saved = write_checkpoint(folder, step, files, self._saved)
        kept = [str(kept) for kept in sorted(self._steps())[-KEPT_CHECKPOINTS:]]
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path)
        self.stop_if_asked()

    def stop_when_saved(self) -> None:
        """SIGTERM takes effect at the next `save_checkpoint`, and no longer at a report.

        For trainers that look at `stopping` after each step.
        """
        self._stops_when_saved = True

    @property
    def stopping(self) -> bool:
        """Whether to save now; for trainers whose steps take seconds, between reports."""
        return self._stopping

    def stop_if_asked(self) -> None:
        if self._stopping:
            raise Stopped()

    def obey_signals(self) -> None:
        """Handles SIGTERM: saves at the next report with checkpoints, otherwise stops at once."""

        def stop(_signal: int, _frame: object) -> None:
            self._stopping = True
            if not self._checkpoints:
                raise Stopped()

        signal.signal(signal.SIGTERM, stop)

    def log(self, message: str, **facts: Any) -> None:
        trace = {"traceId": self.trace_id} if self.trace_id else {}
        print(
            json.dumps(
                {
                    "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "level": "info",
                    "msg": message,
                    "job": self.id,
                    **trace,
                    **facts,
                }
            ),
            flush=True,
        )

    def _steps(self) -> list[int]:
        return [
            int(path.name) for path in self._checkpoint_folder().iterdir() if path.name.isdigit()
        ]

    def _checkpoint_folder(self) -> Path:
        folder = self.directory / "checkpoint"
        folder.mkdir(exist_ok=True)
        return folder

    def _forget_metrics_after(self, step: int) -> None:
        """Removes metrics after the last checkpoint, because they will be reported again.

        A killed attempt may leave a partial line.
        """
        path = self.directory / "metrics.ndjson"
        if not path.exists():
            return
        kept = [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if line.endswith("}") and json.loads(line)["step"] <= step
        ]
        write_bytes(path, "".join(f"{line}\n" for line in kept).encode())
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None


def failed(directory: Path, message: str, trace: str | None) -> int:
    print(trace or message, file=sys.stderr, flush=True)
    # The traceback goes only to the log, because it contains the exception's message.
    write_json(directory / "error.json", {"message": message[:2_000]})
    return FAILED
