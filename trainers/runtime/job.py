"""The job of a trainer: its inputs, parameters and outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.columns import Columns, Feature, columns_of, label_of
from runtime.json_files import read_json
from runtime.manifest import Manifest, complete_params
from runtime.objective import Objective
from runtime.refusal import Refused
from runtime.rows.shards import Shard, batches_of, sample_of, shards_of
from runtime.running_job import RunningJob


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
    #: Whether the graph must also agree on missing numbers and text that the rows do not have.
    compare_unusual: bool = True
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


class Job(RunningJob):
    #: Signals that a value was reported by which the job may be pruned; see host.py.
    on_rung: Callable[[], None] | None = None
    _rungs: Sequence[int] = ()
    _ahead = False

    def __init__(self, directory: Path, manifest: Manifest, ahead: bool = False):
        """`ahead` reads data before there is a job and keeps it for later jobs."""
        body = read_json(directory / "job.json")
        super().__init__(directory, body)
        self.seed: int = body["seed"]
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
        self._ahead = ahead
        #: Reported objective values by step.
        self.reached: dict[int, float] = {}
        self._rungs = sorted(self.context.get("objective", {}).get("rungs", []))

    @property
    def inputs(self) -> list[str]:
        return list(self._inputs)

    def has(self, name: str) -> bool:
        return bool(self._inputs.get(name))

    def table(self, name: str) -> pa.Table:
        """Reads all parts of a named input in order."""
        return self._read(name, *self._wanted)

    def _read(self, name: str, *columns: str) -> pa.Table:
        paths = dict.fromkeys(shard.path for shard in self.shards(name))
        return pa.concat_tables(
            [
                pq.ParquetFile(path, pre_buffer=False).read(columns=columns, use_threads=False)
                for path in paths
            ],
            promote_options="permissive",
        )

    def shards(self, name: str) -> list[Shard]:
        """The shards of a named input in order, for trainers that do not hold the whole table."""
        if not self.has(name):
            raise Refused(
                f"the job has no input {name}; it has {', '.join(self._inputs) or 'none'}"
            )
        return shards_of(self.paths_of(name), self._wanted, name)

    def read(self, shard: Shard) -> Iterator[tuple[Columns, np.ndarray]]:
        """Feature columns and label of one shard, a few thousand rows at a time."""
        for batch in batches_of(shard, self._wanted):
            yield self._split(pa.Table.from_batches([batch]))

    def batches(self, name: str) -> Iterator[Columns]:
        """Feature columns of a named input in order, a few thousand rows at a time."""
        wanted = [feature.name for feature in self.features]
        for shard in self.shards(name):
            for batch in batches_of(shard, wanted):
                yield columns_of(pa.Table.from_batches([batch]), self.features)

    def label(self, name: str) -> np.ndarray:
        """Label of a named input: float64, one per row. Reads no other column."""
        return self.shared(f"label {name}", lambda: self._label_of(self._read(name, self._label)))

    def sample(self, name: str, most: int) -> Columns:
        """Feature columns of at most `most` rows, spread evenly over a named input."""
        return columns_of(sample_of(self.shards(name), self._wanted, most), self.features)

    def file(self, name: str) -> Path:
        """Path of an input that is one file, such as a base model."""
        parts = self._inputs.get(name, [])
        if len(parts) != 1:
            raise Refused(f"the job needs one file as input {name}; it has {len(parts)}")
        return self.directory / parts[0]["path"]

    def examples(self, name: str) -> tuple[Columns, np.ndarray]:
        """Returns feature columns and label of a named input."""

        return self.shared(f"examples {name}", lambda: self._split(self.table(name)))

    @property
    def _wanted(self) -> list[str]:
        return [feature.name for feature in self.features] + [self._label]

    @property
    def _label(self) -> str:
        return self.context["label"]

    def _split(self, table: pa.Table) -> tuple[Columns, np.ndarray]:
        return columns_of(table, self.features), self._label_of(table)

    def _label_of(self, table: pa.Table) -> np.ndarray:
        return label_of(table, self._label, self.task, len(self.classes))

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

    @cached_property
    def objective(self) -> Objective | None:
        """Objective of a trial; None for a job that trains a model to keep."""
        asked = self.context.get("objective")
        if not asked:
            return None
        name = asked["input"]
        return Objective(
            asked["metric"], lambda: self.examples(name)[0], self.label(name), self.task
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
