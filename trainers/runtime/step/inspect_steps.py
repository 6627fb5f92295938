"""Lists the steps of a project with their schemas, for its build.

Reads { "root": folder, "files": [paths], "hidden": [folders], "seconds": limit per file } from
standard input and writes { "steps": […], "problems": [{ file, line, message }], "confined": … }.
The files are copied, and each file of steps/ is loaded in a process of its own, which is confined
like a job and has a time limit.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import pathlib

    here = pathlib.Path(__file__).resolve()
    sys.path += [str(here.parents[2]), str(here.parents[3] / "python")]

import contextlib
import json
import os
import select
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from perennial.contract import contract_of, is_step
from perennial.step import StepError
from runtime import confinement, processes
from runtime.confinement import Confinement
from runtime.step.guard import guard_writes
from runtime.step.modules import load_module

MOST_BYTES = 4 << 20


def inspect_project(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="perennial-steps-") as name:
        root = Path(name).resolve()
        for path in order["files"]:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(order["root"]) / path, root / path)
        _let_others_read(root)
        needed = confinement.needed_by_python(str(root))
        confined = confinement.find(order["hidden"], needed)
        steps: list[dict[str, Any]] = []
        problems: list[dict[str, Any]] = []
        for file in order["files"]:
            folder, _, short = file.rpartition("/")
            if folder != "steps" or not short.endswith(".py"):
                continue
            if short.startswith(("_", "test_", "conftest")) or short.endswith("_test.py"):
                continue
            place = (confined, order["hidden"], needed)
            found = _in_process(root, file, place, order["seconds"])
            steps += found.get("steps", [])
            problems += found.get("problems", [])
        return {"steps": steps, "problems": problems, "confined": confined.described()}


def _let_others_read(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _in_process(
    root: Path, file: str, place: tuple[Confinement, list[str], list[str]], seconds: float
) -> dict[str, Any]:
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.close(read)
            os.setsid()
            confined, hidden, needed = place
            confined.enter(confined.users[0] if confined.users else None, False, hidden, needed)
            processes.die_with_parent(parent)
            nothing = os.open(os.devnull, os.O_RDWR)
            for end in (0, 1, 2):
                os.dup2(nothing, end)
            os.chdir(root)
            # Packages look for their settings there, and the user of jobs has no home.
            os.environ["HOME"] = str(root)
            guard_writes(root)
            answer = json.dumps(inspect_file(root, file)).encode()
            while answer:
                answer = answer[os.write(write, answer) :]
        os._exit(0)
    os.close(write)
    try:
        content = _read(read, time.monotonic() + seconds)
    finally:
        os.close(read)
        processes.kill_tree(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if content is None:
        return _problem(
            file,
            1,
            f"loading the file took longer than {seconds:g} s. "
            "Do the work inside of the step's function",
        )
    try:
        return json.loads(content)
    except ValueError:
        return _problem(
            file, 1, "loading the file ended the process. Do the work inside of the step's function"
        )


def _read(end: int, until: float) -> bytes | None:
    content = b""
    while len(content) <= MOST_BYTES:
        ready, _, _ = select.select([end], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        received = os.read(end, 1 << 16)
        if not received:
            break
        content += received
    return content


def inspect_file(root: Path, file: str) -> dict[str, Any]:
    try:
        module = load_module(root, file)
    except BaseException as error:
        return _problem(file, *_why(error, root, file))
    steps, problems = [], []
    for found in vars(module).values():
        # A step that this file imports is listed with its own file.
        if not is_step(found) or getattr(found, "__module__", None) != module.__name__:
            continue
        try:
            contract = contract_of(found, root)
        except StepError as error:
            message = str(error)
            line = message.removeprefix(f"{file}:").partition(":")[0]
            if line.isdigit():
                message = message.removeprefix(f"{file}:{line}: ")
            problems.append(
                {"file": file, "line": int(line) if line.isdigit() else 1, "message": message}
            )
            continue
        steps.append(
            {
                "name": contract.name,
                "file": file,
                "line": contract.line,
                "function": contract.function,
                "input": contract.input_schema(),
                "output": contract.output.schema,
            }
        )
    return {"steps": steps, "problems": problems}


def _why(error: BaseException, root: Path, file: str) -> tuple[int, str]:
    if isinstance(error, SyntaxError) and error.filename == str(root / file):
        return error.lineno or 1, f"SyntaxError: {error.msg}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(root / file)
    ]
    line = frames[-1].lineno if frames else 1
    if isinstance(error, ModuleNotFoundError) and error.name:
        return line or 1, (
            f"the package {error.name.partition('.')[0]} is not installed. "
            "Add it to requirements.txt or pyproject.toml of the project"
        )
    return line or 1, f"the file cannot be loaded: {type(error).__name__}: {error}"


def _problem(file: str, line: int, message: str) -> dict[str, Any]:
    return {"problems": [{"file": file, "line": line, "message": message}]}


if __name__ == "__main__":
    print(json.dumps(inspect_project(json.load(sys.stdin))))
