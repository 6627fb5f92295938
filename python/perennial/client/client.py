"""The client, and where it finds the platform."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from perennial.client.datasets import Dataset, find_dataset
from perennial.client.errors import ApiError
from perennial.client.models import LoadedModel, load_model
from perennial.client.predictions import FeedbackCounts, Prediction, predict, send_feedback
from perennial.client.runs import Comparison, Run, start_run
from perennial.client.transport import Transport, segment


def connect(
    url: str | None = None,
    key: str | None = None,
    *,
    gateway_url: str | None = None,
    reason: str | None = None,
) -> Client:
    """A client of a platform.

    What is not given comes from `PERENNIAL_API_URL`, `PERENNIAL_API_KEY` and
    `PERENNIAL_GATEWAY_URL`, then from the platform that `perennial up` runs in this folder or in
    one above it. The key of that platform is used only with its own API, and with the gateway that
    you name. `reason` is recorded in the audit log. Nothing is sent yet. @raises ApiError when the address or the key is not known
    """
    local = _local_platform()
    url = url or os.environ.get("PERENNIAL_API_URL") or local.get("apiUrl")
    if url and not _is_same_address(url, local.get("apiUrl")):
        local = {}
    key = key or os.environ.get("PERENNIAL_API_KEY") or local.get("apiKey")
    gateway_url = gateway_url or os.environ.get("PERENNIAL_GATEWAY_URL") or local.get("gatewayUrl")
    if not url:
        raise ApiError(
            "the address of the platform is not known",
            code="NotConfigured",
            next_step="pass url and key, set PERENNIAL_API_URL and PERENNIAL_API_KEY, "
            "or start `perennial up` in this folder",
        )
    if not key:
        raise ApiError(
            f"no API key for {url} is known",
            code="NotConfigured",
            next_step="pass key, or set PERENNIAL_API_KEY",
        )
    return Client(url, key, gateway_url=gateway_url, reason=reason)


class Client:
    """Calls the API and the gateway of one platform. Threads may share it."""

    def __init__(
        self, url: str, key: str, *, gateway_url: str | None = None, reason: str | None = None
    ):
        self._api = Transport(url, key, name="API", reason=reason)
        self._known_gateway = (
            None if not gateway_url else Transport(gateway_url, key, name="gateway")
        )

    def start(
        self,
        lifecycle: str,
        *,
        params: Mapping[str, Any] | None = None,
        until: str | None = None,
        force: Sequence[str] | None = None,
        cache: bool | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Starts a run of an applied lifecycle.

        `params` overrides parameters. `until` ends the data window (RFC 3339). `force` names stages
        that run although their inputs are unchanged, and `cache=False` runs every stage. Starting
        twice with one `idempotency_key` makes one run. @raises ApiError
        """
        return start_run(
            self._api,
            lifecycle,
            params=params,
            until=until,
            force=force,
            cache=cache,
            reason=reason,
            idempotency_key=idempotency_key,
        )

    def run(self, id: str) -> Run:
        """A run by its id. @raises ApiError"""
        return Run(self._api, self._api.json("GET", f"/api/v1/runs/{segment(id)}"))

    def runs(
        self, *, lifecycle: str | None = None, status: str | None = None, limit: int = 50
    ) -> list[Run]:
        """Runs, newest first. @raises ApiError"""
        query = {"lifecycle": lifecycle, "status": status}
        return [Run(self._api, each) for each in self._items("/api/v1/runs", query, limit)]

    def compare(self, *runs: Run | str) -> Comparison:
        """Parameters, metrics and times of 2 to 20 runs side by side. @raises ApiError"""
        ids = ",".join(each.id if isinstance(each, Run) else each for each in runs)
        compared = self._api.json("GET", "/api/v1/runs/compare", query={"ids": ids})
        return Comparison(runs=compared["runs"], differing_params=compared["differingParams"])

    def load(self, model: str) -> LoadedModel:
        """Loads a version into this process: `churn`, which is the champion, `churn@previous` or
        `churn@7`. Needs the extra `onnx`. @raises ApiError
        """
        return load_model(self._api, model)

    def predict(
        self,
        model: str,
        rows: Any,
        *,
        entity: str | None = None,
        event_time: str | None = None,
    ) -> list[Prediction]:
        """Predictions of the gateway for rows: one dictionary, several, or a DataFrame of pandas or
        polars. `model` is `churn`, `churn@champion` or `churn@7`. @raises ApiError
        """
        return predict(self._gateway(), model, rows, entity=entity, event_time=event_time)

    def feedback(self, labels: Iterable[tuple[str | Prediction, Any]]) -> FeedbackCounts:
        """Sends labels of predictions, as pairs of a prediction or its id and the label.
        @raises ApiError
        """
        return send_feedback(self._gateway(), labels)

    def dataset(self, name: str, version: int | None = None) -> Dataset:
        """A dataset version, such as `churn.orders`; the newest by default. @raises ApiError"""
        return find_dataset(self._api, name, version)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any operation of the API, such as `call("GET", "/models/churn")`. @raises ApiError"""
        return self._api.json(method, f"/api/v1{path}", query=query, body=body, headers=headers)

    def _gateway(self) -> Transport:
        if self._known_gateway is None:
            raise ApiError(
                "the address of the gateway is not known",
                code="NotConfigured",
                next_step="pass gateway_url to connect, or set PERENNIAL_GATEWAY_URL",
            )
        return self._known_gateway

    def _items(self, path: str, query: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token = None
        while len(items) < limit:
            page = {**query, "pageSize": min(200, limit - len(items)), "pageToken": token}
            answer = self._api.json("GET", path, query=page)
            items += answer["items"]
            token = answer["nextPageToken"]
            if token is None:
                break
        return items


def _local_platform() -> dict[str, Any]:
    """What `perennial up` wrote for this machine. @raises ApiError for a damaged file"""
    state = os.environ.get("PERENNIAL_STATE_DIR")
    here = Path.cwd()
    folders = [Path(state)] if state else [each / ".perennial" for each in (here, *here.parents)]
    for folder in folders:
        file = folder / "run" / "client.json"
        try:
            content = file.read_bytes()
        except OSError:
            continue
        try:
            written = json.loads(content)
        except ValueError:
            written = None
        if isinstance(written, dict):
            return written
        raise ApiError(
            f"{file} is damaged",
            code="NotConfigured",
            next_step="delete it and restart `perennial up`, which writes it",
        )
    return {}


def _is_same_address(one: str, other: str | None) -> bool:
    return other is not None and _plain_address(one) == _plain_address(other)


def _plain_address(address: str) -> tuple[str, str, str]:
    parts = urlsplit(address)
    host = parts.netloc.lower().replace("localhost", "127.0.0.1")
    return parts.scheme.lower(), host, parts.path.rstrip("/")
