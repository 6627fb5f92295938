"""Tables and files of a step: inputs by reference, and what it returns, in outputs/."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from perennial.contract import Contract
from perennial.step import File, StepError, Table
from runtime.running_job import RunningJob


class StepFiles:
    def __init__(self, job: RunningJob, contract: Contract):
        self._job = job
        self._contract = contract
        #: Place in the output and file of each reference, which the platform fills in.
        self.references: list[dict[str, str]] = []

    def paths_of(self, reference: Any) -> list[Path]:
        # A dataset version is known by its manifest, an artifact by itself.
        if not isinstance(reference, dict):
            raise KeyError
        digest = reference.get("manifest", reference)["digest"]
        return self._job.paths_of(digest.replace(":", "-"))

    def keep_table(self, table: Table, pointer: str) -> None:
        table.write(self._output(pointer, ".parquet"))

    def keep_file(self, file: File, pointer: str) -> None:
        path = file.path.resolve()
        if not path.is_relative_to(self._job.directory):
            raise StepError(
                f"{self._contract.place}: returned the file {file.path}, which is outside of its "
                "folder. Write the file below ctx.folder"
            )
        if not path.is_file():
            raise StepError(
                f"{self._contract.place}: returned the file {file.path}, which does not exist. "
                "Write the file before the step returns"
            )
        shutil.copyfile(path, self._output(pointer, path.suffix))

    def _output(self, pointer: str, suffix: str) -> Path:
        name = f"{len(self.references)}{suffix}"
        self.references.append({"pointer": pointer, "name": name})
        return self._job.output(name)
