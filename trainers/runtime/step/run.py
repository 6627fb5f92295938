"""Runs one step in its job directory by the job contract.

Reads job.json and files/ (the project's files) and writes metrics.ndjson, checkpoint/, outputs/
and, last, result.json. `python trainers/runtime/step/run.py <job's directory>`, or `run_step` in a
fork of the local backend's host. Exit codes as in runtime/run.py.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    here = pathlib.Path(__file__).resolve()
    # Last, because the folders of trainers have the names of libraries.
    sys.path[0:1] = []
    sys.path += [str(here.parents[2]), str(here.parents[3] / "python")]

import errno
import json
import os
import traceback
from pathlib import Path
from typing import Any

from perennial.contract import Contract, contract_of
from perennial.step import StepError
from runtime.json_files import read_json, write_json
from runtime.place import place_in
from runtime.refusal import Refused, Stopped
from runtime.running_job import DONE, STOPPED, RunningJob, failed
from runtime.step.context import JobContext
from runtime.step.files import StepFiles
from runtime.step.guard import WroteOutside, guard_writes
from runtime.step.modules import load_step
from runtime.step.work_folder import enter_work_folder

#: An output is part of the run's record. More goes into a Table or a File.
MOST_BYTES = 64 * 1024


def run_step(directory: Path) -> int:
    root = directory / "files"
    body = read_json(directory / "job.json")
    step = body["step"]
    place = f"{step['file']} ({step['function']})"
    try:
        job = RunningJob(directory, body)
        job.obey_signals()
        context = JobContext(job, enter_work_folder(directory))
        guard_writes(directory)
        function = load_step(root, step["file"], step["function"])
        contract = contract_of(function, root)
        place = contract.place
        files = StepFiles(job, contract)
        arguments = contract.arguments(body["value"], files)
        if contract.context is not None:
            arguments[contract.context] = context
        job.log("step starts", step=contract.name)
        result = _result_of(contract, function(**arguments), files, context)
        write_json(directory / "result.json", result)
        job.log("step ended", metrics=result["metrics"])
        return DONE
    except Stopped:
        print("stopped by SIGTERM before the end", file=sys.stderr)
        return STOPPED
    except SystemExit as end:
        return failed(
            directory,
            f"{place}: ended the process with exit code {end.code or 0} and returned no result. "
            "Return the result, and raise an exception for an error",
            traceback.format_exc(),
        )
    except StepError as error:
        message = str(error)
        at_place = message.startswith(step["file"])
        return failed(directory, message if at_place else f"{place}: {message}", None)
    except Refused as error:
        return failed(directory, f"{place}: {error}", None)
    except BaseException as error:
        message = _told(error, root, step["file"])
        return failed(directory, f"{place}: {message}", traceback.format_exc())


def _result_of(
    contract: Contract, value: Any, files: StepFiles, context: JobContext
) -> dict[str, Any]:
    output = contract.result(value, files)
    size = len(json.dumps(output, ensure_ascii=False).encode())
    if size > MOST_BYTES:
        raise StepError(
            f"{contract.place}: the result has {size / 1024:.1f} KiB of JSON; the limit is "
            f"{MOST_BYTES // 1024} KiB. Return the data as a Table or a File"
        )
    return {
        "metrics": context.metrics,
        "facts": {"output": output, "references": files.references},
    }


def _told(error: BaseException, root: Path, file: str) -> str:
    """What happened and the next step, without the exception's message, which may quote a row."""
    where = place_in(error, root)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"the package {error.name.partition('.')[0]} is not installed{where}. "
            "Add it to requirements.txt or pyproject.toml of the project"
        )
    if isinstance(error, WroteOutside):
        return f"wrote to {error.filename}, outside of its folder{where}. Write below ctx.folder"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        what = f" ({error.filename})" if isinstance(error.filename, str) else ""
        return (
            f"used a file outside of its folder{what}{where}. "
            "Write below ctx.folder, and get files as inputs"
        )
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    if isinstance(error, SyntaxError):
        return f"{name} at {os.path.basename(error.filename or file)}:{error.lineno}. Correct it"
    return f"raised {name}{where}. Its message is in the log of the step"


if __name__ == "__main__":
    sys.exit(run_step(Path(sys.argv[1]).resolve()))
