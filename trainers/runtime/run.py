"""Runs one job in its directory by the job contract.

Reads job.json and writes metrics.ndjson, checkpoint/, outputs/ and, last, result.json. Standalone:
`python trainers/runtime/run.py <trainer's folder> <job's directory>`. The local backend's host
forks and calls `run_job`. Exit codes: 0 done, 1 failed (see error.json), 143 stopped by SIGTERM.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    # The trainers' folder comes last, because its subfolders have the names of libraries.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

import importlib.util
import math
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from runtime.graph import check_signature, graph_bytes
from runtime.job import Job, Produced, Trained
from runtime.json_files import first_not_finite, read_json, write_bytes, write_json
from runtime.manifest import Manifest, read_manifest
from runtime.objective import Objective
from runtime.parity import SAMPLE_ROWS, check_parity
from runtime.place import place_of
from runtime.refusal import Refused, Stopped
from runtime.running_job import DONE, FAILED, STOPPED, failed


def run_job(folder: Path, directory: Path, on_rung: Callable[[], None] | None = None) -> int:
    try:
        manifest = read_manifest(folder)
        if manifest.command:
            os.environ["OMP_NUM_THREADS"] = str(
                read_json(directory / "job.json")["resources"]["cpus"]
            )
            # `./program` is beside the manifest; a bare name is searched on the PATH.
            program = (
                str(folder / manifest.command[0])
                if "/" in manifest.command[0]
                else manifest.command[0]
            )
            os.chdir(directory)
            os.execvp(program, [program, *manifest.command[1:], str(directory)])
        _enter_environment(manifest, folder, directory)
        job = Job(directory, manifest)
        job.on_rung = on_rung
        job.obey_signals()
        job.log("training starts", trainer=manifest.name, params=job.params, seed=job.seed)
        result = _conclude(job, _load(folder).train(job))
        write_json(directory / "result.json", result)
        job.log("training ended", metrics=result["metrics"])
        return DONE
    except Stopped:
        print("stopped by SIGTERM before the end", file=sys.stderr)
        return STOPPED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else DONE
    except Refused as refused:
        return failed(directory, str(refused), None)
    except BaseException as error:
        return failed(directory, place_of(error, folder), traceback.format_exc())


def _enter_environment(manifest: Manifest, folder: Path, directory: Path) -> None:
    """Continues in the Python environment of the trainer, which may not be installed yet."""
    if manifest.environment is None:
        return
    python = os.environ.get(f"PERENNIAL_PYTHON_{manifest.environment.upper()}", "")
    if not python and _has_pytorch():
        return  # a node of an engine has one Python for all trainers
    if not os.access(python, os.X_OK):
        raise Refused(
            f"trainer {manifest.name} needs a Python environment that is not on this machine "
            f"({python or 'not configured'}): npm run provision:llm"
        )
    # Compares prefixes, because a virtual environment's python is a link.
    if Path(sys.prefix).resolve() == Path(python).parent.parent.resolve():
        return
    os.environ["OMP_NUM_THREADS"] = str(read_json(directory / "job.json")["resources"]["cpus"])
    os.execv(python, [python, __file__, str(folder), str(directory)])


def _has_pytorch() -> bool:
    """A trainer's folder of that name is found too, but it is not a package with code."""
    found = importlib.util.find_spec("torch")
    return found is not None and found.origin is not None


def _load(folder: Path) -> ModuleType:
    """Loads `train.py` under its own package name.

    A trainer's folder may be called `lightgbm` and must not hide that library.
    """
    path = folder / "train.py"
    name = f"perennial_trainer_{folder.name.replace('-', '_')}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None or not path.is_file():
        raise Refused(f"trainer {folder.name} has neither a train.py nor a command in its manifest")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that `from .other import …` works in the folder
    spec.loader.exec_module(module)
    if not callable(getattr(module, "train", None)):
        raise Refused(f"trainer {folder.name}: train.py has no function train(job)")
    return module


def _conclude(job: Job, trained: Any) -> dict[str, Any]:
    """Checks the graph before it becomes visible, then returns the result."""
    if isinstance(trained, Produced):
        return _conclude_produced(job, trained)
    if not isinstance(trained, Trained):
        raise Refused(
            "train(job) must return Trained(graph, predict, …); "
            f"it returned {type(trained).__name__}"
        )
    if job.objective is not None:
        return _conclude_trial(job, trained)
    model = trained.graph() if callable(trained.graph) else trained.graph
    check_signature(model, job.features)
    graph = graph_bytes(model)
    width = len(job.classes) or 1
    parity = check_parity(
        graph,
        trained.predict,
        job.sample("train", SAMPLE_ROWS),
        job.features,
        width,
        unusual=trained.compare_unusual,
    )
    result = {
        "metrics": {name: float(value) for name, value in trained.metrics.items()},
        "facts": {**trained.facts, "parity": parity},
    }
    bad = first_not_finite(result)
    if bad is not None:
        raise Refused(f"the result is not a number at {bad}")
    write_bytes(job.output("model.onnx"), graph)
    return result


def _conclude_produced(job: Job, produced: Produced) -> dict[str, Any]:
    if not any(path.is_file() for path in (job.directory / "outputs").rglob("*")):
        raise Refused("train(job) returned Produced(…) but wrote no output")
    result = {
        "metrics": {name: float(value) for name, value in produced.metrics.items()},
        "facts": produced.facts,
    }
    bad = first_not_finite(result)
    if bad is not None:
        raise Refused(f"the result is not a number at {bad}")
    return result


def _conclude_trial(job: Job, trained: Trained) -> dict[str, Any]:
    """A trial returns only its score; the best one is trained again as a model to keep."""
    objective = job.objective
    value = job.reached.get(trained.step) if trained.step is not None else None
    if value is None:
        value = objective.value(trained.predict(objective.columns))
    if not math.isfinite(value):
        raise Refused(
            f"{objective.name} is undefined on these {len(objective.label):,} rows, "
            "or a score is not finite"
        )
    others: dict[str, float] = {}
    if asked_others := job.context["objective"].get("others"):
        scores = trained.predict(objective.columns)
        for metric in asked_others:
            other = Objective(metric, lambda: objective.columns, objective.label, job.task)
            others[other.name] = other.value(scores)
            if not math.isfinite(others[other.name]):
                raise Refused(
                    f"{other.name} is undefined on these {len(objective.label):,} rows, "
                    "or a score is not finite"
                )
    # The exact values by which other trials are pruned, even if nothing read them during the trial.
    reached = [
        next(
            (
                {"step": step, "value": job.reached[step]}
                for step in sorted(job.reached)
                if step >= rung
            ),
            None,
        )
        for rung in job.context["objective"].get("rungs", [])
    ]
    return {
        "metrics": {objective.name: value, **others},
        "facts": {"step": trained.step, "reached": [found for found in reached if found]},
    }


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
