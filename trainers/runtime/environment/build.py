"""Locks requirements and builds the Python environment of a lock, once per machine.

`python build.py lock|build` reads an order as JSON from standard input and writes the answer as
JSON to standard output:

    lock:  { "uv", "folder", "file", "text", "more": [requirements], "preferred": lock | null }
           → { "lock" }
    build: { "uv", "folder", "lock" } → { "python" }

or { "invalid": message } when the requirements are at fault, or { "unavailable": message }.
Only the standard library is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from runtime.environment.requirements import (
    InvalidRequirements,
    Requirement,
    read_requirements,
)

MOST_SECONDS = 1_800
FORGOTTEN_SECONDS = 30 * 86_400
#: No settings of other folders, and no code of packages: a source package would run its setup.
ALWAYS = ("--quiet", "--no-config", "--color=never", "--no-progress")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
COMPILE = (
    *("pip", "compile", *ALWAYS, "--only-binary=:all:", "--universal", "--generate-hashes"),
    *("--python", sys.executable, "--python-version", PYTHON, "--no-header", "--no-annotate"),
)
VENV = ("venv", *ALWAYS, "--relocatable", "--no-project", "--python", sys.executable)
#: Compiled here, because jobs cannot write into the environment.
SYNC = (
    *("pip", "sync", *ALWAYS, "--only-binary=:all:", "--require-hashes"),
    *("--compile-bytecode", "--allow-empty-requirements"),
)


class Unavailable(Exception):
    """The index or this machine is at fault; a retry may succeed."""


def lock(order: dict[str, Any]) -> dict[str, str]:
    """Resolves once per requirements; later calls return the same lock."""
    file = order["file"]
    requirements = read_requirements(file, order["text"])
    wanted = [each.text for each in requirements]
    key = _digest(json.dumps([wanted, order["more"], order["preferred"], PYTHON]))
    kept = Path(order["folder"]) / "locks" / f"{key}.txt"
    with _alone(kept.with_suffix(".lock")) as held:
        if not kept.exists():
            _write(kept, _resolve(order, file, requirements, held))
        return {"lock": kept.read_text(encoding="utf-8")}


def _resolve(order: dict[str, Any], file: str, requirements: list[Requirement], held: int) -> str:
    with tempfile.TemporaryDirectory(prefix="perennial-lock-") as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("\n".join(each.text for each in requirements))
        (folder / "more.in").write_text("\n".join(order["more"]))
        if order["preferred"] is not None:
            # uv keeps the versions of an existing output where the requirements allow them.
            (folder / "lock.txt").write_text(order["preferred"])
        ended = _run(
            [order["uv"], *COMPILE, "-o", "lock.txt", "requirements.in", "more.in"], held, folder
        )
        if ended.returncode == 0:
            return (folder / "lock.txt").read_text(encoding="utf-8")
    reason = _reason(ended.stderr)
    if not re.search("No solution found|Couldn't parse|not a valid|Invalid", ended.stderr):
        raise Unavailable(f"{file}: the packages cannot be looked up: {reason}")
    named = [each for each in requirements if _names(ended.stderr, each)]
    lines = " and ".join(str(each.line) for each in named)
    raise InvalidRequirements(f"{file}:{lines}: {reason}" if named else f"{file}: {reason}")


def _names(text: str, requirement: Requirement) -> bool:
    if requirement.text in text:
        return True
    package = re.escape(requirement.package)
    return re.search(rf"(?<![a-z0-9-]){package}(?![a-z0-9-])", text.lower()) is not None


def build(order: dict[str, Any]) -> dict[str, str]:
    """Builds beside the final folder and renames it there, so that no half of one is ever used."""
    folder, content = Path(order["folder"]), order["lock"]
    name = _digest(json.dumps([content, sys.version, sys.base_prefix]))
    target = folder / name
    python = target / "bin" / "python"
    with _alone(folder / "locks" / f"{name}.lock") as held:
        # Its python is a link, which breaks when the original Python is removed.
        if not python.exists():
            _make(order["uv"], content, folder, target, held)
        os.utime(target)
    _forget(folder, name)
    return {"python": str(python)}


def _make(uv: str, content: str, folder: Path, target: Path, held: int) -> None:
    unfinished = folder / f".{target.name}.unfinished"
    # Under the lock, these are leftovers of a build that was killed.
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    try:
        made = _run([uv, *VENV, str(unfinished)], held)
        if made.returncode != 0:
            raise Unavailable(f"cannot create a Python environment: {_reason(made.stderr)}")
        listed = unfinished / "requirements.lock"
        listed.write_text(content, encoding="utf-8")
        python = str(unfinished / "bin" / "python")
        installed = _run([uv, *SYNC, "--python", python, str(listed)], held)
        if installed.returncode != 0:
            reason = f"the locked packages cannot be installed: {_reason(installed.stderr)}"
            if re.search("[Hh]ash mismatch|no wheel|no usable wheels|wheels with", reason):
                raise InvalidRequirements(reason)
            raise Unavailable(reason)
        os.rename(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _forget(folder: Path, used: str) -> None:
    """Removes environments that no job used for a month."""
    for path in folder.iterdir():
        if path.name in (used, "locks") or not path.is_dir():
            continue
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Holds a lock until this process and the uv that it started have ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _run(
    command: list[str], held: int, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            pass_fds=(held,),
            timeout=MOST_SECONDS,
        )
    except FileNotFoundError as error:
        raise Unavailable(f"uv was not found at {command[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"uv did not end within {MOST_SECONDS} s") from error


def _reason(stderr: str) -> str:
    """uv's causes in one line."""
    causes = re.findall(r"cause: (.*?)(?=\n\s*cause: |\Z)", stderr, re.DOTALL)
    text = "; ".join(" ".join(cause.split()) for cause in causes) or " ".join(stderr.split())
    return re.sub(r" we can conclude that| \^+", "", text).strip()[:1_500]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(content, encoding="utf-8")
    os.replace(partial, path)


def main(command: str) -> None:
    order = json.load(sys.stdin)
    os.umask(0o022)  # jobs of other users read the environments
    try:
        answer = lock(order) if command == "lock" else build(order)
    except InvalidRequirements as error:
        answer = {"invalid": str(error)}
    except (Unavailable, OSError) as error:
        answer = {"unavailable": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
