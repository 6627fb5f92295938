"""What a trainer is given: its job, and the few things that it may do to the world."""

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
    """What `train(job)` returns."""

    #: Takes each feature column as it is and gives `score`; see graph.py. A function when building it takes time: nobody asks for a trial's.
    graph: onnx.ModelProto | Callable[[], onnx.ModelProto]
    #: The native model on the same columns, one float a row; of a multiclass model [rows, classes]. The runtime compares the two before it believes the graph.
    predict: Callable[[Columns], np.ndarray]
    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    #: The step whose `report_objective` was of this very model; None when there was none.
    step: int | None = None


@dataclass(frozen=True)
class Produced:
    """What `train(job)` returns when its outputs are no graph over feature columns:

    it has written them itself, and proved them itself.
    """

    metrics: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)


#: What was read or made for a job of this process. A zygote fills it for the jobs that are forked from it; elsewhere a process has one job.
_shared: dict[str, Any] = {}


class Job:
    #: Tells whoever runs the job that a value was reported by which it may be ended early; see host.py.
    on_rung: Callable[[], None] | None = None
    _rungs: Sequence[int] = ()
    _ahead = False

    def __init__(self, directory: Path, manifest: Manifest, ahead: bool = False):
        """`ahead`:

        to read by, before there is a job; it keeps what it made for those that follow.
        """
        body = read_json(directory / "job.json")
        self.directory = directory
        self.id: str = body["id"]
        self.trace_id: str | None = body.get("traceId")
        self.seed: int = body["seed"]
        #: How many the job may use. The trainers here use one: their models must not depend on how work was shared out.
        self.cpus: int = body["resources"]["cpus"]
        self.params: dict[str, Any] = complete_params(manifest, body["params"])
        self.context: dict[str, Any] = body["context"]
        self.task: str = self.context["task"]
        if self.task not in manifest.tasks:
            raise Refused(
                f"trainer {manifest.name} does not do {self.task}; it does {' and '.join(manifest.tasks)}"
            )
        #: Of a multiclass task: the names of the classes that the label numbers from 0. Empty for other tasks.
        self.classes: list[str] = (
            self.context.get("classes", []) if self.task == "multiclass" else []
        )
        self.features = [
            Feature(feature["name"], feature["type"]) for feature in self.context["features"]
        ]
        self._inputs: dict[str, list[dict[str, Any]]] = body["inputs"]
        self._ahead = ahead
        self._metrics: TextIO | None = None
        #: The objective's value by step, as reported.
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
        """A named input, all its parts in order."""
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
                        f"the column {column} is missing from input {name}; it has {', '.join(part.schema_arrow.names)}"
                    )
        table = pa.concat_tables(
            [part.read(columns=wanted, use_threads=False) for part in parts],
            promote_options="permissive",
        )
        if table.num_rows == 0:
            raise Refused(f"input {name} has no rows")
        return table

    def file(self, name: str) -> Path:
        """An input that is one file of whatever kind, a base model for one."""
        parts = self._inputs.get(name, [])
        if len(parts) != 1:
            raise Refused(f"the job needs one file as input {name}; it has {len(parts)}")
        return self.directory / parts[0]["path"]

    def examples(self, name: str) -> tuple[Columns, np.ndarray]:
        """Feature columns and label of a named input."""

        def read() -> tuple[Columns, np.ndarray]:
            table = self.table(name)
            return columns_of(table, self.features), label_of(
                table, self.context["label"], self.task, len(self.classes)
            )

        return self.shared(f"examples {name}", read)

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for all jobs of a study where that is possible.

        The name says all that it is made from beside the rows.
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
        """Streams one metric.

        A metric that is no number ends the training: what follows from it is worthless.
        """
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
        """What this job is scored by when it is a trial of a study; None when it trains a model
        that is to be kept.
        """
        asked = self.context.get("objective")
        return (
            Objective(asked["metric"], *self.examples(asked["input"]), self.task) if asked else None
        )

    def report_objective(self, step: int, scores: np.ndarray) -> None:
        """A trial's standing after `step` iterations, by its scores of the objective's rows:

        what it may be pruned by.
        """
        assert self.objective is not None
        self.reached[step] = self.objective.value(scores)
        self.report(step, self.objective.name, self.reached[step])
        if self._rungs and step >= self._rungs[0]:
            self._rungs = [rung for rung in self._rungs if rung > step]
            if self.on_rung is not None:
                self.on_rung()

    def output(self, name: str) -> Path:
        """Where to write a file that is kept under this name."""
        path = self.directory / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def restore_checkpoint(self) -> tuple[int, dict[str, bytes]] | None:
        """The newest saved step and its files.

        A trainer that calls this saves its own state, so SIGTERM waits for its next report.
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
        """Replaces the saved state as a whole:

        it appears under its step by one rename, then older steps go.
        """
        folder = self._checkpoint_folder()
        # Whoever is told to stop right after a step was saved saves that one again: it is whole
        # already.
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
        """For a trainer whose steps take seconds: between its reports, whether to save now."""
        return self._stopping

    def stop_if_asked(self) -> None:
        if self._stopping:
            raise Stopped()

    def obey_signals(self) -> None:
        """SIGTERM means save and stop:

        at the next report for a trainer that keeps checkpoints, at once for one that does not.
        """

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
        """What an attempt reported beyond its last checkpoint is going to be reported again.

        A killed attempt may leave half a line.
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
