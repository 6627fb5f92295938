"""Keeps a copy of a running job's files in the store, so that another machine can continue it."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from runtime.remote.transfer import TransferFailed, Uploads, digest_of

#: Uploaded ends of growing files. The worker keeps no more of them either.
LOG_BYTES, METRICS_BYTES = 8 << 20, 1 << 20
#: A worker reads the list every ten seconds.
SUPERSEDED = 10_000


class Mirror:
    def __init__(
        self, directory: Path, uploads: Uploads, attempt: int, known: set[str], node: int = 0
    ):
        """`node` is the number of this node among those of the job. The first is 0."""
        self._directory = directory
        self._uploads = uploads
        self._is_first = node == 0
        self._folder = f"attempts/{attempt}/" + ("" if self._is_first else f"nodes/{node}/")
        self._known = known
        self._sent: dict[str, tuple[int, int]] = {}
        #: The files of the newest checkpoint in the store.
        self._checkpoint: list[dict[str, Any]] = []
        #: Digests that no kept checkpoint has any more. A job cannot remove objects, a worker does.
        self._superseded: list[str] = []

    def begin(self) -> None:
        """Takes the checkpoint with which the job begins as one that the store has."""
        folder = self._directory / "checkpoint"
        self._checkpoint = [_described(path, folder) for path in _complete_files(folder)]

    def news(self) -> None:
        """Uploads metrics and log if they have changed. @raises TransferFailed"""
        metrics, log = ("metrics.ndjson", METRICS_BYTES), ("log.txt", LOG_BYTES)
        for name, most in (metrics, log) if self._is_first else (log,):
            path = self._directory / name
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                state = (found.st_size, found.st_mtime_ns)
                if found.st_size == 0 or self._sent.get(name) == state:
                    continue
                self._uploads.bytes(self._folder + name, _end_of(path, most))
                self._sent[name] = state

    def checkpoint(self) -> None:
        """
        Uploads the files of the newest complete checkpoint that the store does not have, then the
        list of all its files. A checkpoint that changes meanwhile is left to the next call. The
        first node saves for all.

        @raises TransferFailed
        """
        if not self._is_first:
            return
        folder = self._directory / "checkpoint"
        try:
            files = [_described(path, folder) for path in _complete_files(folder)]
            if not files or files == self._checkpoint:
                return
            for file in files:
                if file["digest"] in self._known:
                    continue
                path = folder / file["path"]
                self._uploads.file(
                    f"blobs/{file['digest'][7:]}", path, file["digest"], file["bytes"]
                )
                self._known.add(file["digest"])
        except FileNotFoundError:
            return  # the trainer has just replaced it
        kept = {file["digest"] for file in [*files, *self._checkpoint]}
        gone = [*self._superseded, *sorted(self._known - kept)]
        superseded = [digest for digest in gone if digest not in kept][-SUPERSEDED:]
        listed = {"files": files, "before": self._checkpoint, "superseded": superseded}
        self._uploads.bytes(self._folder + "checkpoint.json", json.dumps(listed).encode())
        # Only after the list, because the store has the files of the list before until then.
        self._known = kept
        self._superseded = superseded
        self._checkpoint = files

    def outputs(self) -> list[dict[str, Any]]:
        """Uploads all outputs and describes them. @raises TransferFailed"""
        folder = self._directory / "outputs"
        paths = sorted(path for path in folder.rglob("*") if _is_plain(path))
        described = [_described(path, folder) for path in paths]
        for path, file in zip(paths, described, strict=True):
            self._uploads.file(
                f"{self._folder}outputs/{file['digest'][7:]}", path, file["digest"], file["bytes"]
            )
        return described

    def exit(self, content: dict[str, Any]) -> None:
        """The last file: what was not uploaded before it is lost. @raises TransferFailed"""
        self._uploads.bytes(self._folder + "exit.json", json.dumps(content).encode())


def _complete_files(folder: Path) -> list[Path]:
    """The files of the newest step, or of the whole folder if it has no steps."""
    with contextlib.suppress(FileNotFoundError):
        steps = [path for path in folder.iterdir() if path.name.isdigit() and path.is_dir()]
        root = max(steps, key=lambda path: int(path.name)) if steps else folder
        return sorted(
            path
            for path in root.rglob("*")
            if _is_plain(path) and not any(".partial" in part for part in path.parts)
        )
    return []


def _described(path: Path, folder: Path) -> dict[str, Any]:
    return {
        "path": path.relative_to(folder).as_posix(),
        "digest": digest_of(path),
        "bytes": path.stat().st_size,
    }


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _end_of(path: Path, most: int) -> bytes:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most))
        content = file.read(most)
    return content if size <= most else content.partition(b"\n")[2]


__all__ = ["Mirror", "TransferFailed"]
