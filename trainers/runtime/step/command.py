"""Runs a command as a job by the job contract.

Reads job.json and writes outputs/, checkpoint/ and, last, result.json. The command starts in an
empty folder and finds its files through variables:

    PERENNIAL_INPUTS      one folder for each input, with its files as 0.parquet, 1.parquet, …
    PERENNIAL_OUTPUTS     the folder for its outputs
    PERENNIAL_CHECKPOINT  a folder that the next attempt finds again when this one is killed
    PERENNIAL_FILES       the Python files of the project
    PERENNIAL_METRICS     a file for metrics, one `{"step": 1, "name": "loss", "value": 0.3}` a line

Exit codes as in runtime/run.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from runtime import processes
from runtime.json_files import read_json, write_json
from runtime.running_job import DONE, STOPPED, RunningJob, failed
from runtime.step.work_folder import enter_work_folder


def run_command(directory: Path, python: str) -> int:
    """`python` is the interpreter that the command finds on its PATH."""
    try:
        return _run(directory, python)
    except Exception as error:
        return failed(
            directory,
            f"the command could not be run: {type(error).__name__}. Its message is in the log",
            traceback.format_exc(),
        )


def _run(directory: Path, python: str) -> int:
    body = read_json(directory / "job.json")
    command = body["command"]
    program = command["arguments"][0]
    job = RunningJob(directory, body)
    enter_work_folder(directory)
    for name in ("outputs", "checkpoint"):
        (directory / name).mkdir(exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    os.environ["OMP_NUM_THREADS"] = str(job.cpus)
    os.environ.update(command["environment"])
    os.environ.update(
        {
            "PERENNIAL_INPUTS": str(directory / "inputs"),
            "PERENNIAL_OUTPUTS": str(directory / "outputs"),
            "PERENNIAL_CHECKPOINT": str(directory / "checkpoint"),
            "PERENNIAL_FILES": str(directory / "files"),
            "PERENNIAL_METRICS": str(directory / "metrics.ndjson"),
        }
    )
    job.log("command starts", command=command["arguments"])
    try:
        process = subprocess.Popen(command["arguments"], stdin=subprocess.DEVNULL)
    except OSError as error:
        return failed(directory, f"{program} could not be started: {error.strerror}", None)
    stopped = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True
        process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    code = process.wait()
    if stopped:
        print("stopped by SIGTERM before the end", file=sys.stderr)
        return STOPPED
    if code != 0:
        how = f"exit code {code}" if code > 0 else f"signal {processes.signal_name(-code)}"
        return failed(directory, f"{program} ended with {how}", None)
    missing = [name for name in command["outputs"] if not (directory / "outputs" / name).is_file()]
    if missing:
        return failed(
            directory,
            f"{program} ended with exit code 0 but wrote no {', '.join(missing)}. "
            "Write it below $PERENNIAL_OUTPUTS",
            None,
        )
    write_json(directory / "result.json", {"metrics": {}, "facts": {"exitCode": code}})
    job.log("command ended")
    return DONE
