"""A job directory for unit tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runtime.job import Job
from runtime.manifest import Manifest

ANYTHING = Manifest("test", ("classification", "regression"), {"type": "object"}, None)


def make_job_directory(
    directory: Path, inputs: dict[str, list[pa.Table]], features: list[tuple[str, str]], **body: Any
) -> Path:
    named: dict[str, list[dict[str, str]]] = {}
    for name, tables in inputs.items():
        for part, table in enumerate(tables):
            path = f"inputs/{name}/{part}.parquet"
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, directory / path)
            named.setdefault(name, []).append({"path": path})
    context = {
        "task": "classification",
        "label": "__label",
        "features": [{"name": name, "type": kind} for name, kind in features],
    }
    whole = {
        "id": "run_test/train/job/1",
        "seed": 1,
        "params": {},
        "resources": {"cpus": 1},
        "inputs": named,
        "context": context | body.pop("context", {}),
    } | body
    (directory / "job.json").write_text(json.dumps(whole))
    return directory


def open_job(directory: Path, manifest: Manifest = ANYTHING) -> Job:
    return Job(directory, manifest)
