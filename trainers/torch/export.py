"""Exports the encoding and the network as one ONNX graph over the feature columns."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from runtime.graph import OPSETS, GraphBuilder
from runtime.job import Job

from .fit import score_of, tensors_of
from .rows import FARTHEST, Encoding, Rows, Standard

PARTS = ("image", "numbers", "codes")


def graph_of(job: Job, encoding: Encoding, network: nn.Module, example: Rows) -> onnx.ModelProto:
    builder = GraphBuilder(job.features)
    inputs: dict[str, str] = {}
    if encoding.pixels is not None:
        values, _ = _standardised(builder, encoding.pixels)
        shape = builder.constant([-1, *encoding.image], np.int64)
        inputs["image"] = builder.node("Reshape", [values, shape])
    if encoding.numbers is not None:
        values, missing = _standardised(builder, encoding.numbers)
        marks = builder.node("Cast", [missing], to=1)
        inputs["numbers"] = builder.node("Concat", [values, marks], axis=1)
    if encoding.categories:
        codes = [builder.category_codes(name, known) for name, known in encoding.categories.items()]
        inputs["codes"] = builder.concatenate(codes)
    inner = _exported(Scored(network, job.task, encoding), example)
    return builder.finish(builder.include(inner, inputs), len(job.classes) or 1)


class Scored(nn.Module):
    """The network with the link from raw scores to scores. Takes only the parts that exist."""

    def __init__(self, network: nn.Module, task: str, encoding: Encoding):
        super().__init__()
        self._network, self._task, self._encoding = network, task, encoding
        self._names: list[str] = []

    def forward(self, *parts: Tensor) -> Tensor:
        given = dict(zip(self._names, parts, strict=True))
        raw = self._network(*(given.get(name) for name in PARTS))
        return score_of(self._task, raw, self._encoding)

    def taking(self, names: list[str]) -> Scored:
        self._names = names
        return self


def _exported(scored: Scored, example: Rows) -> onnx.ModelProto:
    parts = dict(zip(PARTS, tensors_of(example, torch.device("cpu")), strict=True))
    given = {name: part for name, part in parts.items() if part is not None}
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, which is deprecated
        # The newer exporter needs one more package, and its least opset is newer than OPSETS.
        torch.onnx.export(
            scored.taking(list(given)).eval(),
            tuple(given.values()),
            written,
            dynamo=False,
            opset_version=OPSETS[0].version,
            input_names=list(given),
            output_names=["score"],
            dynamic_axes={name: {0: "rows"} for name in [*given, "score"]},
        )
    return onnx.load_from_string(written.getvalue())


def _standardised(builder: GraphBuilder, standard: Standard) -> tuple[str, str]:
    """The same arithmetic as `Standard.matrix`: the values, and where they are missing."""
    numbers = builder.concatenate(standard.names)
    missing = builder.node("IsNaN", [numbers])
    mean = builder.constant(standard.mean.reshape(1, -1), np.float32)
    present = builder.node("Where", [missing, mean, numbers])
    centred = builder.node("Sub", [present, mean])
    scale = builder.constant(standard.scale.reshape(1, -1), np.float32)
    scaled = builder.node("Mul", [centred, scale])
    zero = builder.constant(0.0, np.float32)
    known = builder.node("Where", [builder.node("IsNaN", [scaled]), zero, scaled])
    nearest, farthest = (builder.constant(sign * FARTHEST, np.float32) for sign in (-1, 1))
    return builder.node("Clip", [known, nearest, farthest]), missing
