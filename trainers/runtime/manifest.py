"""`trainer.yaml`: name, tasks and the JSON Schema of the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from runtime.refusal import Refused


@dataclass(frozen=True)
class Manifest:
    name: str
    tasks: tuple[str, ...]
    params: dict[str, Any]
    #: A program that reads the job contract itself, instead of `train.py`.
    command: tuple[str, ...] | None
    #: Python environment, if it is not that of all trainers.
    environment: str | None = None
    #: Whether jobs may use the machine's network.
    network: bool = False


@cache
def read_manifest(folder: Path) -> Manifest:
    path = folder / "trainer.yaml"
    if not path.is_file():
        raise Refused(f"trainer {folder.name}: there is no trainer.yaml in {folder}")
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    command = body.get("command")
    return Manifest(
        body["name"],
        tuple(body["tasks"]),
        body["params"],
        tuple(command) if command else None,
        body.get("environment"),
        body.get("network") is True,
    )


def complete_params(manifest: Manifest, params: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters with defaults; an error lists all problems by JSON pointer."""
    problems = [
        f"/params{''.join(f'/{part}' for part in error.absolute_path)}: {error.message[:300]}"
        for error in sorted(
            Draft202012Validator(manifest.params).iter_errors(params),
            key=lambda error: list(map(str, error.absolute_path)),
        )
    ]
    if problems:
        raise Refused(f"invalid parameters of trainer {manifest.name}: " + "; ".join(problems))
    defaults = {
        name: schema["default"]
        for name, schema in manifest.params.get("properties", {}).items()
        if "default" in schema
    }
    return defaults | params
