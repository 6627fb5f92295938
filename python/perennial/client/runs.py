"""Runs: start, follow, wait, compare."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import urllib3

from perennial.client.errors import ApiError, missing_package
from perennial.client.progress import open_progress
from perennial.client.transport import Transport, cause_of, segment

if TYPE_CHECKING:
    import pandas

ENDED = ("succeeded", "stopped", "failed", "cancelled", "lost")
RETRY_SECONDS = 0.5
#: The API sends a comment every 15 seconds.
SILENCE_SECONDS = 45.0
#: Of reading the run after its last event. The API may restart in between.
END_RETRIES = 5


@dataclass(frozen=True)
class RunEvent:
    """One event of a run."""

    seq: int
    kind: str
    stage: str | None
    data: dict[str, Any]
    #: RFC 3339.
    at: str

    @classmethod
    def of(cls, sent: Mapping[str, Any]) -> RunEvent:
        """An event of the API. A later version of the API may send more fields."""
        return cls(**{each.name: sent[each.name] for each in fields(cls)})


class Run:
    """A run as the API last returned it. `refresh` and `wait` update it."""

    def __init__(self, api: Transport, fields: dict[str, Any]):
        self._api = api
        #: All fields of the API.
        self.fields = fields

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def lifecycle(self) -> str:
        return str(self.fields["lifecycle"])

    @property
    def status(self) -> str:
        """`pending`, `running`, `waiting`, `paused`, or one of the ends: `succeeded`, `stopped`,
        `failed`, `cancelled`, `lost`."""
        return str(self.fields["status"])

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def version(self) -> int | None:
        """The model version that the run registered."""
        version = self.fields["version"]
        return None if version is None else int(version)

    @property
    def reasons(self) -> list[str]:
        """The reasons of the verdict, or the failure."""
        failure, verdict = self.fields["failure"], self.fields["verdict"]
        if failure is not None:
            return [str(failure["message"])]
        return [] if verdict is None else [str(each["message"]) for each in verdict["reasons"]]

    def refresh(self) -> Run:
        """Reads the run again. @raises ApiError"""
        self.fields = self._api.json("GET", self._path())
        return self

    def cancel(self, reason: str | None = None) -> Run:
        """Cancels the run and undoes its effects. @raises ApiError"""
        body = {} if reason is None else {"reason": reason}
        self.fields = self._api.json("POST", self._path("/cancel"), body=body)
        return self

    def events(self, *, after: int = 0, patience_seconds: float = 120) -> Iterator[RunEvent]:
        """Each event in order and once, until the run ends. Reconnects when the connection is lost.

        `after` is the number of the last event that is already known. @raises ApiError when the API
        does not respond for `patience_seconds`
        """
        return _events(self._api, self.id, after, patience_seconds, None)

    def wait(
        self,
        *,
        timeout_seconds: float | None = None,
        progress: bool | None = None,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> Run:
        """Waits for the end of the run. A failed or stopped run is returned, not raised.

        `progress` shows a bar with tqdm; by default, it does so in a notebook or terminal that has
        tqdm. @raises ApiError with the code `WaitTimeout`; the run then continues
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with open_progress(self.id, progress) as show:
            try:
                for event in _events(self._api, self.id, 0, 120, deadline):
                    show(event.kind, event.stage, event.data)
                    if on_event is not None:
                        on_event(event)
                return self._refresh_after_end()
            except _DeadlineReached:
                raise ApiError(
                    f"{self.id} has not ended within {timeout_seconds:g} s; it continues",
                    code="WaitTimeout",
                    next_step="wait again",
                ) from None

    def _refresh_after_end(self) -> Run:
        """Reads the run until it has ended, as its last event says."""
        for attempt in range(1, END_RETRIES + 1):
            try:
                if self.refresh().has_ended:
                    return self
            except ApiError as error:
                if _is_refusal(error):
                    raise
            time.sleep(attempt * RETRY_SECONDS)
        if self.refresh().has_ended:
            return self
        raise ApiError(
            f"the events of {self.id} have ended, but the run is {self.status}",
            code="Conflict",
            next_step=f"perennial run show {self.id}",
        )

    def __repr__(self) -> str:
        version = "" if self.version is None else f", version {self.version}"
        return f"<Run {self.id} of {self.lifecycle}: {self.status}{version}>"

    def _path(self, rest: str = "") -> str:
        return run_path(self.id, rest)


@dataclass(frozen=True)
class Comparison:
    """Runs side by side."""

    #: One entry for each run: status, version, trainer, params, metrics, seconds of its stages.
    runs: list[dict[str, Any]]
    #: The parameters that differ, with one value for each run.
    differing_params: dict[str, list[Any]]

    def pandas(self) -> pandas.DataFrame:
        """One column for each run, one row for each fact. Needs the extra `pandas`."""
        try:
            import pandas
        except ImportError as error:
            raise missing_package("pandas", "pandas", "a DataFrame") from error
        return pandas.DataFrame({run["id"]: self._facts(run) for run in self.runs})

    @staticmethod
    def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
        metrics = {
            f"metric {name}": value.get("value") if isinstance(value, dict) else value
            for name, value in run["metrics"].items()
        }
        params = {f"param {name}": value for name, value in run["params"].items()}
        seconds = {f"seconds {stage}": value for stage, value in run["seconds"].items()}
        facts = {name: run[name] for name in ("lifecycle", "status", "version", "trainer")}
        return {**facts, **metrics, **params, **seconds}


def start_run(
    api: Transport,
    lifecycle: str,
    *,
    params: Mapping[str, Any] | None,
    until: str | None,
    force: Sequence[str] | None,
    cache: bool | None,
    reason: str | None,
    idempotency_key: str | None,
) -> Run:
    given = {"until": until, "cache": cache, "reason": reason}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if params is not None:
        body["params"] = dict(params)
    if force is not None:
        body["force"] = list(force)
    fields = api.json(
        "POST",
        f"/api/v1/lifecycles/{segment(lifecycle)}/runs",
        body=body,
        headers={"idempotency-key": idempotency_key or str(uuid.uuid4())},
    )
    return Run(api, fields)


def run_path(id: str, rest: str = "") -> str:
    return f"/api/v1/runs/{segment(id)}{rest}"


def _events(
    api: Transport, run: str, after: int, patience_seconds: float, deadline: float | None
) -> Iterator[RunEvent]:
    last_heard = time.monotonic()
    while True:
        response = None
        problem: Exception | None = None
        try:
            response = api.stream(
                run_path(run, "/events"),
                headers={"last-event-id": str(after)},
                silence_seconds=_silence(deadline),
            )
            for kind, data in _messages(response):
                last_heard = time.monotonic()
                if kind == "end":
                    return
                if data is not None:
                    event = RunEvent.of(data)
                    after = event.seq
                    yield event
                    # The reader may have taken long; that is no silence of the API.
                    last_heard = time.monotonic()
                _check(deadline)
        except ApiError as error:
            if _is_refusal(error):
                raise
            problem = error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            problem = error
        finally:
            if response is not None:
                response.close()
        if time.monotonic() - last_heard > patience_seconds:
            raise _lost(api, run, problem) from problem
        _check(deadline)
        time.sleep(RETRY_SECONDS)


def _is_refusal(error: ApiError) -> bool:
    """A refusal is final. A missing response, a server error and a rate limit are retried."""
    return error.status is not None and error.status < 500 and error.status != 429


def _lost(api: Transport, run: str, problem: Exception | None) -> ApiError:
    """The error for a stream that did not come back. Without a problem, it always ended early."""
    if isinstance(problem, ApiError) and problem.status is not None:
        return problem
    cause = "the stream ended before the run" if problem is None else cause_of(problem)
    return ApiError(
        f"lost the events of {run} from the API at {api.url} ({cause}); the run continues",
        code="Unreachable",
        next_step=f"perennial run watch {run}",
    )


def _messages(
    response: urllib3.BaseHTTPResponse,
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The messages of a stream of server-sent events. A comment gives a message without data."""
    kind, data = "", ""
    for line in _lines(response):
        if line == "":
            if data != "":
                yield kind, json.loads(data)
            kind, data = "", ""
        elif line.startswith(":"):
            yield "comment", None
        elif line.startswith("event:"):
            kind = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[str]:
    rest = b""
    while True:
        chunk = response.read1(1 << 16)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode().rstrip("\r")


class _DeadlineReached(Exception):
    """The time limit of a wait."""


def _silence(deadline: float | None) -> float:
    if deadline is None:
        return SILENCE_SECONDS
    return min(SILENCE_SECONDS, max(0.1, deadline - time.monotonic()))


def _check(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() > deadline:
        raise _DeadlineReached
