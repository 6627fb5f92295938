"""Model versions that are loaded into this process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from perennial.client.errors import ApiError, missing_package
from perennial.client.tables import columns_of
from perennial.client.transport import Transport, segment

if TYPE_CHECKING:
    import numpy

#: A missing text, as in training.
MISSING_TEXT = "__missing__"


class LoadedModel:
    """The ONNX graph of a model version in this process.

    It takes features. `Client.predict` takes rows as callers send them, and the gateway computes
    the features from them.
    """

    def __init__(self, name: str, version: int, graph: bytes, features_sql: str):
        try:
            import onnxruntime
        except ImportError as error:
            raise missing_package("onnxruntime", "onnx", "a loaded model") from error
        self.name = name
        self.version = version
        #: The query that computes the features from a row of a request.
        self.features_sql = features_sql
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        #: Feature → `number` or `text`.
        self.features: dict[str, str] = {
            each.name: "text" if each.type == "tensor(string)" else "number"
            for each in self._session.get_inputs()
        }

    def predict(self, features: Any) -> numpy.ndarray[Any, Any]:
        """Scores rows of features: one number for each, or one for each class.

        `features` is a dictionary of columns, dictionaries of rows, or a DataFrame of pandas or
        polars. Other columns are ignored. @raises ValueError for a missing column
        """
        import numpy

        columns = columns_of(features)
        missing = [name for name in self.features if name not in columns]
        if missing:
            raise ValueError(
                f"{self.name}@{self.version} needs the features {', '.join(self.features)}; "
                f"missing: {', '.join(missing)}"
            )
        inputs = {}
        for name, kind in self.features.items():
            values = columns[name]
            if kind == "text":
                texts = [MISSING_TEXT if value is None else str(value) for value in values]
                inputs[name] = numpy.array(texts, dtype=object).reshape(-1, 1)
            else:
                numbers = [numpy.nan if value is None else float(value) for value in values]
                inputs[name] = numpy.array(numbers, dtype=numpy.float32).reshape(-1, 1)
        (score,) = self._session.run(["score"], inputs)
        scores: numpy.ndarray[Any, Any] = numpy.asarray(score)
        return scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name}@{self.version}: {', '.join(self.features)}>"


def load_model(api: Transport, reference: str) -> LoadedModel:
    """`churn`, `churn@champion` or `churn@7`. @raises ApiError"""
    name, _, which = reference.partition("@")
    version = _version(api, name, which or "champion")
    graph, sql = (_file(api, name, version, file) for file in ("model.onnx", "features.sql"))
    return LoadedModel(name, version, graph, sql.decode())


def _version(api: Transport, name: str, which: str) -> int:
    if which.isdecimal():
        return int(which)
    aliases = api.json("GET", f"/api/v1/models/{segment(name)}")["aliases"]
    if which not in aliases:
        raise ApiError(
            f"{name}@{which} is not a version; use champion, challenger, previous or a number",
            code="InvalidInput",
            next_step=f"perennial model show {name}",
        )
    if aliases[which] is None:
        raise ApiError(
            f"{name} has no {which}",
            code="NotFound",
            next_step=f"perennial model show {name}",
        )
    return int(aliases[which]["version"])


def _file(api: Transport, name: str, version: int, file: str) -> bytes:
    path = f"/api/v1/models/{segment(name)}/versions/{version}/files/{file}"
    response = api.send("GET", path)
    digest = f'"sha256:{hashlib.sha256(response.data).hexdigest()}"'
    if response.headers.get("etag") != digest:
        raise ApiError(
            f"{file} of {name}@{version} arrived damaged",
            code="DigestMismatch",
            next_step="try again",
        )
    return response.data
