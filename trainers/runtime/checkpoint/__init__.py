"""One checkpoint as a folder of files, with a list of their digests.

A folder appears by a rename, after its files are on the disk. The digests also find what a crash of
the machine, a full disk or an interrupted copy has left.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.json_files import write_bytes, write_json

#: Beside the files of the trainer.
DIGESTS = "digests.json"


class IncompleteCheckpoint(Exception):
    """Why a checkpoint cannot be used."""


@dataclass(frozen=True)
class Saved:
    """The files of the last checkpoint of this process, by name, with their digests."""

    folder: Path | None = None
    files: Mapping[str, tuple[bytes, str]] = field(default_factory=dict)


def write_checkpoint(folder: Path, step: int, files: dict[str, bytes], last: Saved) -> Saved:
    """Writes the checkpoint `step` below `folder`, and links files that have not changed."""
    partial = folder / f"{step}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    written: dict[str, tuple[bytes, str]] = {}
    for name, content in files.items():
        before, digest = last.files.get(name, (None, ""))
        if before is not content:
            digest = hashlib.sha256(content).hexdigest()
        if before is not content or not _is_linked(last.folder, partial, name):
            write_bytes(partial / name, content)
        written[name] = (content, digest)
    write_json(partial / DIGESTS, {name: digest for name, (_, digest) in written.items()})
    os.rename(partial, folder / str(step))
    return Saved(folder / str(step), written)


def read_checkpoint(folder: Path) -> dict[str, bytes]:
    """Returns the files of a checkpoint. @raises IncompleteCheckpoint"""
    try:
        digests = json.loads((folder / DIGESTS).read_bytes())
        files = {name: (folder / name).read_bytes() for name in digests}
    except FileNotFoundError as error:
        raise IncompleteCheckpoint(f"{Path(error.filename).name} is missing") from None
    except (OSError, ValueError, TypeError) as error:
        raise IncompleteCheckpoint(f"it cannot be read: {error}") from None
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise IncompleteCheckpoint(f"{name} has {len(content)} bytes that were not saved")
    return files


def _is_linked(before: Path | None, partial: Path, name: str) -> bool:
    if before is None:
        return False
    try:
        os.link(before / name, partial / name)
    except OSError:  # a file system without links, or the folder was removed
        return False
    return True
