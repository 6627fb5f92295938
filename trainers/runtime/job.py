"""The job of a trainer: its inputs, parameters and outputs."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.columns import Columns, Feature, columns_of, label_of
from runtime.json_files import read_json, write_bytes
from runtime.manifest import Manifest, complete_params
from runtime.objective import Objective
from runtime.refusal import Refused, Stopped


@dataclass(frozen=True)
class Trained:
    """Return value of `train(job)`."""

    #: The graph, see graph.py, or a function that builds it. Trials need no graph, and building one
    #: can take time.
    graph: onnx.ModelProto | Callable[[], onnx.ModelProto]
    #: The native model: one float per row, or [rows, classes] for multiclass. The runtime compares
    #: it with the graph.
    predict: Callable[[Columns], np.ndarray]
    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    #: The step whose `report_objective` was of this model; None without one.
    step: int | None = None


@dataclass(frozen=True)
class Produced:
    """Return value of `train(job)` when the outputs are not a graph over feature columns.

    The trainer has written and checked them itself.
    """

    metrics: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)


#: Values shared by the jobs of this process. A zygote fills it for the jobs that it forks.
_shared: dict[str, Any] = {}


class Job:
    #: Signals that a value was reported by which the job may be pruned; see host.py.
    on_rung: Callable[[], None] | None = None
    _rungs: Sequence[int] = ()
    _ahead = False

    def __init__(self, directory: Path, manifest: Manifest, ahead: bool = False):
        """`ahead` reads data before there is a job and keeps it for later jobs."""
        body = read_json(directory / "job.json")
        self.directory = directory
        self.id: str = body["id"]
        self.trace_id: str | None = body.get("traceId")
        self.seed: int = body["seed"]
        #: Number of cores that the job may use. These trainers use one, so that a model does not
        #: depend on how work is distributed.
        self.cpus: int = body["resources"]["cpus"]
        self.params: dict[str, Any] = complete_params(manifest, body["params"])
        self.context: dict[str, Any] = body["context"]
        self.task: str = self.context["task"]
        if self.task not in manifest.tasks:
            raise Refused(
                f"trainer {manifest.name} does not support {self.task}; "
                f"it supports {' and '.join(manifest.tasks)}"
            )
        #: Class names of a multiclass task, which the label numbers from 0. Otherwise empty.
        self.classes: list[str] = (
            self.context.get("classes", []) if self.task == "multiclass" else []
        )
        self.features = [
            Feature(feature["name"], feature["type"]) for feature in self.context["features"]
        ]
        self._inputs: dict[str, list[dict[str, Any]]] = body["inputs"]
        self._ahead = ahead
        self._metrics: TextIO | None = None
        #: Reported objective values by step.
        self.reached: dict[int, float] = {}
        self._stopping = False
        self._checkpoints = False
        self._rungs = sorted(self.context.get("objective", {}).get("rungs", []))

    @property
    def inputs(self) -> list[str]:
        return list(self._inputs)

    def has(self, name: str) -> bool:
        return bool(self._inputs.get(name))

    def table(self, name: str) -> pa.Table:
        """Reads all parts of a named input in order."""
        if not self.has(name):
            raise Refused(
                f"the job has no input {name}; it has {', '.join(self._inputs) or 'none'}"
            )
        wanted = [feature.name for feature in self.features] + [self.context["label"]]
        parts = [
            pq.ParquetFile(self.directory / part["path"], pre_buffer=False)
            for part in self._inputs[name]
        ]
        for part in parts:
            for column in wanted:
                if column not in part.schema_arrow.names:
                    raise Refused(
                        f"the column {column} is missing from input {name}; "
                        f"its columns are {', '.join(part.schema_arrow.names)}"
                    )
        table = pa.concat_tables(
            [part.read(columns=wanted, use_threads=False) for part in parts],
            promote_options="permissive",
        )
        if table.num_rows == 0:
            raise Refused(f"input {name} has no rows")
        return table

    def file(self, name: str) -> Path:
        """Path of an input that is one file, such as a base model."""
        parts = self._inputs.get(name, [])
        if len(parts) != 1:
            raise Refused(f"the job needs one file as input {name}; it has {len(parts)}")
        return self.directory / parts[0]["path"]

    def examples(self, name: str) -> tuple[Columns, np.ndarray]:
        """Returns feature columns and label of a named input."""

        def read() -> tuple[Columns, np.ndarray]:
            table = self.table(name)
            return columns_of(table, self.features), label_of(
                table, self.context["label"], self.task, len(self.classes)
            )

        return self.shared(f"examples {name}", read)

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """Returns the value of `make`, shared by all jobs of a study where possible.

        The name must identify everything, except the rows, that the value depends on.
        """
        key = f"{name} {self._rows_key}"
        if key in _shared:
            return _shared[key]
        made = make()
        if self._ahead:
            _shared[key] = made
        return made

    @cached_property
    def _rows_key(self) -> str:
        return json.dumps([self._inputs, self.context], sort_keys=True)

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
        self.stop_if_asked()

    @cached_property
    def objective(self) -> Objective | None:
        """Objective of a trial; None for a job that trains a model to keep."""
        asked = self.context.get("objective")
        return (
            Objective(asked["metric"], *self.examples(asked["input"]), self.task) if asked else None
        )

    def report_objective(self, step: int, scores: np.ndarray) -> None:
        """Reports the objective of a trial after `step` iterations, by which it may be pruned."""
        assert self.objective is not None
        self.reached[step] = self.objective.value(scores)
        self.report(step, self.objective.name, self.reached[step])
        if self._rungs and step >= self._rungs[0]:
            self._rungs = [rung for rung in self._rungs if rung > step]
            if self.on_rung is not None:
                self.on_rung()

    def output(self, name: str) -> Path:
        """Path for writing an output file."""
        path = self.directory / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def restore_checkpoint(self) -> tuple[int, dict[str, bytes]] | None:
        """Returns the newest saved step and its files.

        A trainer that calls this saves its state, so SIGTERM takes effect at its next report.
        """
        self._checkpoints = True
        steps = sorted(
            int(path.name) for path in self._checkpoint_folder().iterdir() if path.name.isdigit()
        )
        if not steps:
            return None
        step = steps[-1]
        self._forget_metrics_after(step)
        return step, {
            path.name: path.read_bytes()
            for path in sorted((self._checkpoint_folder() / str(step)).iterdir())
        }

    def save_checkpoint(self, step: int, files: dict[str, bytes]) -> None:
        """Replaces the saved state atomically: renames the new step, then removes older ones."""
        folder = self._checkpoint_folder()
        # A job that is stopped right after a save saves the same step again, which is complete.
        if not (folder / str(step)).exists():
            partial = folder / f"{step}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            for name, content in files.items():
                write_bytes(partial / name, content)
            os.rename(partial, folder / str(step))
        for path in folder.iterdir():
            if path.name != str(step):
                shutil.rmtree(path)
        self.stop_if_asked()

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
