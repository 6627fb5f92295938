"""Encodes rows as arrays, and reads them in the order of an epoch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runtime.categories import Categories, counts_of
from runtime.columns import Columns
from runtime.job import Job
from runtime.refusal import Refused

#: Values are clipped at so many standard deviations, which also limits infinity.
FARTHEST = 10.0


@dataclass(frozen=True)
class Rows:
    """Encoded rows; arrays of kinds of columns that the features do not have are None."""

    label: np.ndarray  # float64 [rows]
    image: np.ndarray | None  # float32 [rows, channels, height, width]
    numbers: np.ndarray | None  # float32 [rows, 2 * columns]
    codes: np.ndarray | None  # int64 [rows, columns]

    def __len__(self) -> int:
        return len(self.label)

    def at(self, rows: np.ndarray | slice) -> Rows:
        return Rows(*(None if part is None else part[rows] for part in self._parts()))

    @staticmethod
    def joined(parts: list[Rows]) -> Rows:
        columns = zip(*(part._parts() for part in parts), strict=True)
        return Rows(*(None if each[0] is None else np.concatenate(each) for each in columns))

    def _parts(self) -> tuple[np.ndarray | None, ...]:
        return (self.label, self.image, self.numbers, self.codes)


@dataclass(frozen=True)
class Standard:
    """Mean and inverse deviation of each column, 0 for a constant one; float32 as in the graph."""

    names: list[str]
    mean: np.ndarray
    scale: np.ndarray

    def matrix(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Standardised values, and where values are missing; [rows, columns]."""
        values = np.column_stack([columns[name] for name in self.names])
        missing = np.isnan(values)
        with np.errstate(invalid="ignore", over="ignore"):  # infinity times 0
            scaled = (np.where(missing, self.mean, values) - self.mean) * self.scale
        scaled = np.where(np.isnan(scaled), np.float32(0), scaled)
        return np.clip(scaled, -FARTHEST, FARTHEST).astype(np.float32), missing


@dataclass(frozen=True)
class Encoding:
    """Statistics of the training columns, by which values become inputs of the network."""

    #: Channels, height and width of the image.
    image: tuple[int, int, int] | None
    pixels: Standard | None
    numbers: Standard | None
    categories: dict[str, Categories]
    rows: int
    #: Mean and deviation of the label; 0 and 1 except for regression.
    label_mean: float
    label_scale: float

    @staticmethod
    def learn(job: Job) -> Encoding:
        image, pixels = _image_of(job)
        numbers = [
            feature.name
            for feature in job.features
            if feature.type == "float" and feature.name not in pixels
        ]
        texts = [feature.name for feature in job.features if feature.type == "string"]
        moments = {name: Moments() for name in [*pixels, *numbers]}
        of_label = Moments()
        counts = {name: Counter() for name in texts}
        for shard in job.shards("train"):
            for columns, label in job.read(shard):
                for name, found in moments.items():
                    found.add(columns[name])
                for name, found in counts.items():
                    found.update(counts_of(columns[name]))
                of_label.add(label)
        if job.task != "regression" and of_label.deviation == 0:
            raise Refused(
                f"the label is the same in all {of_label.rows:,} training rows, "
                "so a model cannot learn from it"
            )
        least, most = job.params["min_category_rows"], job.params["max_categories"]
        whole = Moments()  # all pixels have one scale, so that dark corners stay dark
        for name in pixels:
            whole.merge(moments[name])
        regression = job.task == "regression"
        return Encoding(
            image=image,
            pixels=_standard(pixels, [whole] * len(pixels)),
            numbers=_standard(numbers, [moments[name] for name in numbers]),
            categories={name: Categories.of_counts(counts[name], least, most) for name in texts},
            rows=of_label.rows,
            label_mean=of_label.mean if regression else 0.0,
            label_scale=(of_label.deviation or 1.0) if regression else 1.0,
        )

    def encode(self, columns: Columns, label: np.ndarray | None = None) -> Rows:
        rows = len(next(iter(columns.values())))
        image = numbers = codes = None
        if self.pixels is not None:
            image = self.pixels.matrix(columns)[0].reshape(rows, *self.image)
        if self.numbers is not None:
            values, missing = self.numbers.matrix(columns)
            numbers = np.concatenate([values, missing.astype(np.float32)], axis=1)
        if self.categories:
            codes = np.column_stack(
                [known.codes(columns[name]) for name, known in self.categories.items()]
            )
        # A copy, because PyTorch does not take read-only arrays.
        known = np.zeros(rows) if label is None else np.array(label)
        return Rows(known, image, numbers, codes)


class Moments:
    """Mean and deviation of finite values, added up in parts (Chan et al. 1983)."""

    def __init__(self) -> None:
        self.rows = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, values: np.ndarray) -> None:
        known = values[np.isfinite(values)].astype(np.float64)
        if len(known):
            self._merge(len(known), float(known.mean()), float(known.var()) * len(known))

    def merge(self, other: Moments) -> None:
        self._merge(other.rows, other.mean, other._squares)

    def _merge(self, rows: int, mean: float, squares: float) -> None:
        if rows == 0:
            return
        both, apart = self.rows + rows, mean - self.mean
        self._squares += squares + apart**2 * self.rows * rows / both
        self.mean += apart * rows / both
        self.rows = both

    @property
    def deviation(self) -> float:
        return math.sqrt(self._squares / self.rows) if self.rows else 0.0


def epoch_of(job: Job, encoding: Encoding, epoch: int, batch: int, skip: int) -> Iterator[Rows]:
    """Full batches of an epoch, without the first `skip`.

    The order depends only on the seed and the epoch: shards in a random order, and rows shuffled in
    a buffer. So a resumed training reads the same batches.
    """
    place = 0
    for rows in _shuffled(job, encoding, epoch, batch):
        for first in range(0, len(rows), batch):
            if place >= skip:
                yield rows.at(slice(first, first + batch))
            place += 1


def _shuffled(job: Job, encoding: Encoding, epoch: int, batch: int) -> Iterator[Rows]:
    """Shuffled rows, a multiple of `batch` at a time. Rows left at the end are dropped."""
    draws = np.random.default_rng([job.seed % 2**63, epoch])
    shards, buffer = job.shards("train"), max(job.params["shuffle_rows"], batch)
    waiting: list[Rows] = []

    def shuffled() -> Rows:
        rows = Rows.joined(waiting)
        rows = rows.at(draws.permutation(len(rows)))
        full = len(rows) // batch * batch
        waiting[:] = [rows.at(slice(full, None))]
        return rows.at(slice(0, full))

    for place in draws.permutation(len(shards)):
        for columns, label in job.read(shards[place]):
            waiting.append(encoding.encode(columns, label))
            if sum(map(len, waiting)) >= buffer:
                yield shuffled()
    yield shuffled()


def _image_of(job: Job) -> tuple[tuple[int, int, int] | None, list[str]]:
    asked = job.params.get("image")
    if asked is None:
        return None, []
    image = (asked.get("channels", 1), asked["height"], asked["width"])
    pixels = [
        feature.name
        for feature in job.features
        if feature.type == "float" and feature.name.startswith(asked["prefix"])
    ]
    if len(pixels) != math.prod(image):
        channels, height, width = image
        raise Refused(
            f"/params/image: {channels} × {height} × {width} pixels need {math.prod(image)} number "
            f"columns that begin with {asked['prefix']}; the features have {len(pixels)}"
        )
    return image, pixels


def _standard(names: list[str], moments: list[Moments]) -> Standard | None:
    if not names:
        return None
    scale = [
        1 / each.deviation if each.deviation > 1e-12 * max(1.0, abs(each.mean)) else 0.0
        for each in moments
    ]
    mean = np.array([each.mean for each in moments], dtype=np.float32)
    return Standard(names, mean, np.array(scale, dtype=np.float32))
