"""The context of a step that runs as a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perennial.step import Context
from runtime.running_job import RunningJob


class JobContext(Context):
    def __init__(self, job: RunningJob, folder: Path):
        super().__init__(folder)
        self._job = job

    def report(self, name: str, value: float, step: int = 0) -> None:
        super().report(name, value, step)
        self._job.report(step, name, value)

    def log(self, message: str, **facts: Any) -> None:
        self._job.log(message, **facts)

    @property
    def stopping(self) -> bool:
        return self._job.stopping

    def restore_checkpoint(self) -> tuple[int, dict[str, bytes]] | None:
        return self._job.restore_checkpoint()

    def save_checkpoint(self, step: int, files: dict[str, bytes]) -> None:
        self._job.save_checkpoint(step, files)
