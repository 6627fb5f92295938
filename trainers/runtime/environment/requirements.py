"""Reads the requirements of a project with the line of each, for error messages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass


class InvalidRequirements(Exception):
    """Names the file and, where there is one, the line."""


@dataclass(frozen=True)
class Requirement:
    line: int
    text: str

    @property
    def package(self) -> str:
        """The normalized name, as uv writes it."""
        name = re.match(r"[A-Za-z0-9._-]+", self.text)
        return re.sub(r"[-_.]+", "-", name.group()).lower() if name else self.text


def read_requirements(file: str, text: str) -> list[Requirement]:
    found = _of_pyproject(file, text) if file.endswith(".toml") else _of_lines(file, text)
    for requirement in found:
        _check(file, requirement)
    return found


def _of_lines(file: str, text: str) -> list[Requirement]:
    found: list[Requirement] = []
    begun, whole = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        begun = begun if whole else number
        whole = f"{whole} {line}".strip()
        if whole.endswith("\\"):
            whole = whole[:-1].strip()
            continue
        if whole:
            found.append(Requirement(begun, whole))
        whole = ""
    if whole:
        found.append(Requirement(begun, whole))
    return found


def _of_pyproject(file: str, text: str) -> list[Requirement]:
    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequirements(f"{file}: {error}") from error
    if not isinstance(project, dict):
        raise InvalidRequirements(f"{file}: there is no [project]. Write one with dependencies")
    if "dependencies" in project.get("dynamic", []):
        raise InvalidRequirements(
            f"{file}: dynamic dependencies are not supported. List them in [project] dependencies"
        )
    listed = project.get("dependencies", [])
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InvalidRequirements(f"{file}: [project] dependencies must be a list of strings")
    lines = text.splitlines()
    return [
        Requirement(next((n for n, line in enumerate(lines, 1) if each in line), 1), each)
        for each in listed
    ]


def _check(file: str, requirement: Requirement) -> None:
    """Only packages of the index, because the platform downloads them with its own network."""
    text = re.sub(r"\s--hash[= ]\S+", "", requirement.text)
    at = f"{file}:{requirement.line}"
    if text.startswith("-") or " --" in text:
        raise InvalidRequirements(
            f"{at}: the option {text.split()[0]} is not supported. List packages by name and version"
            if text.startswith("-")
            else f"{at}: {text} has an unsupported option. List packages by name and version"
        )
    if "://" in text or "@" in text or text.startswith((".", "/")):
        raise InvalidRequirements(
            f"{at}: {text} is a path or URL, which is not supported. "
            "Use a package of the package index by name and version"
        )
    if not re.match(r"[A-Za-z0-9]", text):
        raise InvalidRequirements(f"{at}: {text} is not a requirement. Write a package's name")
