"""The one class of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """The platform refused a request or did not respond, a wait timed out, or a part is missing."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        next_step: str | None = None,
        status: int | None = None,
        issues: Sequence[dict[str, Any]] = (),
    ):
        super().__init__(message if next_step is None else f"{message}\nnext: {next_step}")
        #: Without the next step.
        self.message = message
        #: Stable, for programs: a code of the API, `Unreachable`, `UnexpectedResponse`,
        #: `WaitTimeout`, `NotConfigured`, `MissingPackage` or `DigestMismatch`.
        self.code = code
        #: The next step for a person.
        self.next_step = next_step
        #: The HTTP status, if there was a response.
        self.status = status
        #: Each error in the request, with its place.
        self.issues = list(issues)


def missing_package(package: str, extra: str, purpose: str) -> ApiError:
    """An optional package that is not installed."""
    return ApiError(
        f"{purpose} needs the package {package}",
        code="MissingPackage",
        next_step=f"install {package}, or the client with its extra [{extra}]",
    )
