"""The current folder of a step or a command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def enter_work_folder(directory: Path) -> Path:
    """Enters an empty folder. A killed attempt may have left files."""
    work = directory / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    os.chdir(work)
    # Libraries put temporary files and caches below these.
    os.environ["TMPDIR"] = str(work)
    os.environ["HOME"] = str(work)
    return work
