"""Predictions of the gateway, and the labels that follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perennial.client.tables import plain, rows_of
from perennial.client.transport import Transport, segment

#: A request may have at most 10,000 rows and 10 MiB.
ROWS_PER_REQUEST = 1_000
ITEMS_PER_REQUEST = 1_000


@dataclass(frozen=True)
class Prediction:
    """One answer of a model to one row."""

    #: `feedback` needs it.
    id: str
    #: `churn@7`
    version: str
    #: All outputs of the row. A multiclass model has `class` and `probabilities`.
    outputs: Mapping[str, Any]

    @property
    def score(self) -> float:
        """The probability of the positive class, or the predicted number."""
        if "score" not in self.outputs:
            raise AttributeError(f"{self.version} has the outputs {', '.join(self.outputs)}")
        return float(self.outputs["score"])


@dataclass(frozen=True)
class FeedbackCounts:
    """What became of labels."""

    #: Recorded, or stored on the disk of the gateway.
    accepted: int
    #: Recorded, and the prediction is stored.
    joined: int
    #: Recorded, and the prediction may still be stored.
    waiting: int
    #: On the disk of the gateway. They are checked and recorded when its registry is reachable again.
    stored: int
    #: Older than a day and not in the log.
    unknown: int


def predict(
    gateway: Transport,
    model: str,
    data: Any,
    *,
    entity: str | None,
    event_time: str | None,
) -> list[Prediction]:
    rows = rows_of(data)
    given = {"entity": entity, "event_time": event_time}
    parameters = {name: value for name, value in given.items() if value is not None}
    answers: list[Prediction] = []
    for start in range(0, len(rows), ROWS_PER_REQUEST):
        some = rows[start : start + ROWS_PER_REQUEST]
        body: dict[str, Any] = {"rows": some}
        if parameters:
            body["parameters"] = parameters
        response = gateway.send("POST", f"/v2/models/{segment(model)}/infer", body=body)
        version = response.headers.get("x-perennial-model-version", model)
        try:
            answers += _answers(json.loads(response.data)["outputs"], len(some), version)
        except (ValueError, LookupError, TypeError) as error:
            raise gateway.unexpected(response.status, "no predictions") from error
    return answers


def _answers(outputs: Sequence[Mapping[str, Any]], rows: int, version: str) -> Iterable[Prediction]:
    for row in range(rows):
        values = {}
        for output in outputs:
            width = len(output["data"]) // rows
            part = output["data"][row * width : (row + 1) * width]
            values[output["name"]] = part if len(output["shape"]) > 1 and width > 1 else part[0]
        yield Prediction(id=values.pop("prediction_id"), version=version, outputs=values)


def send_feedback(
    gateway: Transport, labels: Iterable[tuple[str | Prediction, Any]]
) -> FeedbackCounts:
    items = [_item(at, pair) for at, pair in enumerate(labels)]
    totals = dict.fromkeys(("accepted", "joined", "waiting", "stored", "unknown"), 0)
    for start in range(0, len(items), ITEMS_PER_REQUEST):
        some = items[start : start + ITEMS_PER_REQUEST]
        counts = gateway.json("POST", "/v1/feedback", body=some)
        for name in totals:
            totals[name] += counts.get(name, 0)
    return FeedbackCounts(**totals)


def _item(at: int, pair: tuple[str | Prediction, Any]) -> dict[str, Any]:
    try:
        # A text of two characters has two parts, too.
        each, label = () if isinstance(pair, str) else pair
    except (TypeError, ValueError):
        raise TypeError(
            f"label {at} must be a pair of a prediction or its id and the label, not {pair!r}"
        ) from None
    return {
        "predictionId": each.id if isinstance(each, Prediction) else each,
        "label": plain(label),
    }
