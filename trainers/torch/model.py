"""The network. Edit this file; the rest of the folder trains and exports what `build` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Inputs:
    """What a network gets. Kinds of columns that the features do not have are None."""

    #: Channels, height and width; the network gets float [rows, channels, height, width].
    image: tuple[int, int, int] | None
    #: Standardised number columns, then a mark for each that is 1 where it is missing:
    #: float [rows, 2 * columns].
    numbers: int
    #: Number of codes of each text column; int64 [rows, columns]. Code 0 is unseen text.
    codes: tuple[int, ...]
    #: Raw scores per row: one, or one per class.
    outputs: int


def build(inputs: Inputs, params: dict[str, Any]) -> nn.Module:
    """Returns a module whose `forward(image, numbers, codes)` gives raw scores [rows, outputs].

    They are logits for classification, and standardised values for regression. The operators must
    be in ONNX's opset 17. Layers whose output depends on other rows of a batch, such as BatchNorm,
    give another model with another number of processes.
    """
    return Network(inputs, params)


class Network(nn.Module):
    """Convolutions for the image and embeddings for text, then a perceptron on all together."""

    def __init__(self, inputs: Inputs, params: dict[str, Any]):
        super().__init__()
        width = inputs.numbers
        self.convolutions = None
        if inputs.image is not None:
            self.convolutions = Convolutions(inputs.image, params["filters"])
            width += self.convolutions.width
        self.embeddings = nn.ModuleList(
            nn.Embedding(codes, min(32, 1 + codes // 2)) for codes in inputs.codes
        )
        width += sum(table.embedding_dim for table in self.embeddings)
        layers: list[nn.Module] = []
        for hidden in params["hidden"]:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(params["dropout"])]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, inputs.outputs))

    def forward(self, image: Tensor | None, numbers: Tensor | None, codes: Tensor | None) -> Tensor:
        parts = []
        if self.convolutions is not None:
            parts.append(self.convolutions(image))
        if numbers is not None:
            parts.append(numbers)
        for place, table in enumerate(self.embeddings):
            parts.append(table(codes[:, place]))
        return self.layers(torch.cat(parts, dim=1))


class Convolutions(nn.Module):
    def __init__(self, image: tuple[int, int, int], filters: list[int]):
        super().__init__()
        channels, height, width = image
        self.layers = nn.ModuleList()
        for count in filters:
            self.layers.append(nn.Conv2d(channels, count, kernel_size=3, padding=1))
            channels, height, width = count, (height + 1) // 2, (width + 1) // 2
        self.width = channels * height * width

    def forward(self, image: Tensor) -> Tensor:
        for layer in self.layers:
            image = functional.max_pool2d(functional.relu(layer(image)), 2, ceil_mode=True)
        return image.flatten(1)
