"""Requests to the API and the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from perennial.client.errors import ApiError
from perennial.version import VERSION

#: Requests that may be sent twice are retried while the platform restarts.
RETRIES = urllib3.Retry(
    total=4,
    backoff_factor=0.25,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)
TIMEOUT = urllib3.Timeout(connect=10, read=60)


class Transport:
    """One server with one API key. Connections are kept open and shared by threads."""

    def __init__(self, url: str, key: str, *, name: str, reason: str | None = None):
        self.url = url.rstrip("/")
        self._name = name
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT)
        self._headers = {
            "authorization": f"Bearer {key}",
            "x-perennial-client-version": VERSION,
        }
        if reason is not None:
            self._headers["x-perennial-reason"] = quote(reason, safe="")

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the response. @raises ApiError"""
        response = self.send(method, path, query=query, body=body, headers=headers)
        try:
            return json.loads(response.data)
        except ValueError as error:
            raise self.unexpected(response.status) from error

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """A successful response with its body. @raises ApiError"""
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["content-type"] = "application/json"
        is_repeatable = method in ("GET", "PUT") or "idempotency-key" in sent
        response = self._request(
            method,
            self._address(path, query),
            headers=sent,
            body=None if body is None else json.dumps(body, allow_nan=False).encode(),
            retries=RETRIES if is_repeatable else False,
        )
        if response.status >= 400:
            raise self._refusal(response)
        return response

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes of a response, in chunks. @raises ApiError"""
        response = self._request(
            "GET",
            self._address(path, None),
            headers=self._headers,
            retries=RETRIES,
            preload_content=False,
        )
        try:
            if response.status >= 400:
                raise self._refusal(response)
            yield from response.stream(1 << 20)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error
        finally:
            response.release_conn()

    def stream(
        self, path: str, *, headers: Mapping[str, str], silence_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """An open stream of server-sent events, which the caller closes. Reading it fails after a
        silence. @raises ApiError
        """
        response = self._request(
            "GET",
            self._address(path, None),
            headers={**self._headers, "accept": "text/event-stream", **headers},
            retries=False,
            timeout=urllib3.Timeout(connect=10, read=silence_seconds),
            preload_content=False,
        )
        try:
            if response.status != 200:
                raise self._refusal(response)
            kind = response.headers.get("content-type", "")
            if not kind.startswith("text/event-stream"):
                raise self.unexpected(response.status, "no stream of events")
        except BaseException:
            response.close()
            raise
        return response

    def unreachable(self, error: Exception) -> ApiError:
        return ApiError(
            f"the {self._name} at {self.url} is not reachable ({cause_of(error)})",
            code="Unreachable",
            next_step="perennial up",
        )

    def _address(self, path: str, query: Mapping[str, Any] | None) -> str:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return f"{self.url}{path}{'?' + urlencode(given) if given else ''}"

    def _request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, **options)
        except urllib3.exceptions.HTTPError as error:
            raise self.unreachable(error) from error

    def _refusal(self, response: urllib3.BaseHTTPResponse) -> ApiError:
        try:
            problem = json.loads(response.data)
        except ValueError:
            return self.unexpected(response.status)
        if not isinstance(problem, dict) or not isinstance(problem.get("detail"), str):
            return self.unexpected(response.status)
        detail = problem["detail"]
        issues = [each for each in problem.get("errors", []) if isinstance(each, dict)]
        # Short messages already contain their issues.
        lines = [
            f"  {issue['detail']}" for issue in issues if issue.get("detail", "") not in detail
        ]
        return ApiError(
            "\n".join([detail, *lines]),
            code=problem.get("code", "UnexpectedResponse"),
            next_step=problem.get("next"),
            status=response.status,
            issues=issues,
        )

    def unexpected(self, status: int, content: str = "no JSON") -> ApiError:
        """A response that is not of the platform."""
        return ApiError(
            f"the {self._name} at {self.url} responded with {status} and {content}",
            code="UnexpectedResponse",
            next_step="check the address; a proxy may have responded",
            status=status,
        )


def segment(text: str | int) -> str:
    """One part of a path."""
    return quote(str(text), safe="")


def cause_of(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(error if reason is None else reason)
