"""Turns the rows of an input into LightGBM's bins without holding the table in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from runtime.categories import Categories, counts_of
from runtime.columns import Columns, Feature, columns_of
from runtime.job import Job
from runtime.rows.shards import batches_of

#: Up to this size the rows are one matrix, which LightGBM bins a little faster.
MATRIX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Encoding:
    """One number per feature: the value itself, or the code of a text."""

    features: list[Feature]
    categories: dict[str, Categories]

    @staticmethod
    def learn(job: Job) -> Encoding:
        texts = [feature for feature in job.features if feature.type == "string"]
        counts: dict[str, Counter[str]] = {feature.name: Counter() for feature in texts}
        for shard in job.shards("train") if texts else []:
            for batch in batches_of(shard, [feature.name for feature in texts]):
                for name, values in columns_of(pa.Table.from_batches([batch]), texts).items():
                    counts[name].update(counts_of(values))
        fewest, most = job.params["min_category_rows"], job.params["max_categories"]
        categories = {
            name: Categories.of_counts(found, fewest, most) for name, found in counts.items()
        }
        return Encoding(job.features, categories)

    def matrix(self, columns: Columns) -> np.ndarray:
        """float32 [rows, features]"""
        return np.column_stack(
            [
                columns[feature.name]
                if feature.type == "float"
                else self.categories[feature.name].codes(columns[feature.name]).astype(np.float32)
                for feature in self.features
            ]
        )


class StoredRows(lgb.Sequence):
    """Reads rows from the files when LightGBM asks for them.

    LightGBM asks twice in ascending order: for a sample, which gives the bins, and for all rows. So
    one batch is in memory at a time.
    """

    batch_size = 65_536

    def __init__(self, job: Job, name: str, encoding: Encoding):
        self._job, self._name, self._encoding = job, name, encoding
        self._rows = sum(shard.rows for shard in job.shards(name))
        self._rewind()

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, wanted: int | slice) -> np.ndarray:
        """float64, which LightGBM expects: one row, or [rows, features]"""
        if not isinstance(wanted, slice):
            self._find(int(wanted))
            return self._batch[int(wanted) - self._first].astype(np.float64)
        row, pieces = wanted.start, []
        while row < wanted.stop:
            self._find(row)
            piece = self._batch[row - self._first : wanted.stop - self._first]
            pieces.append(piece)
            row += len(piece)
        return np.concatenate(pieces).astype(np.float64)

    def batches(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self), self.batch_size):
            yield self[start : min(start + self.batch_size, len(self))]

    def _find(self, row: int) -> None:
        if row < self._first:
            self._rewind()
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            self._batch = self._encoding.matrix(next(self._batches))

    def _rewind(self) -> None:
        self._batches: Iterator[Columns] = self._job.batches(self._name)
        self._batch = np.empty((0, len(self._encoding.features)), np.float32)
        self._first = 0


class BinnedRows(lgb.Dataset):
    """A dataset that also continues a saved training without holding the rows in memory.

    LightGBM would read all rows one by one into a sparse matrix to score them by the saved trees.
    """

    def _set_init_score_by_predictor(self, predictor: Any, data: Any, used_indices: Any) -> Any:
        if predictor is None or not isinstance(data, StoredRows):
            return super()._set_init_score_by_predictor(predictor, data, used_indices)
        scores = np.concatenate(
            [
                predictor.predict(data=batch, raw_score=True, data_has_header=False)
                for batch in data.batches()
            ]
        )
        # One class after the other.
        self.set_init_score(scores.ravel(order="F"))
        return self


class Rows:
    """The rows of one input, binned at their first use."""

    def __init__(self, job: Job, name: str, encoding: Encoding):
        self.label = job.label(name)
        bytes_ = len(self.label) * len(job.features) * np.float32().itemsize
        is_small = bytes_ <= MATRIX_BYTES
        self._data: np.ndarray | StoredRows = (
            np.concatenate([encoding.matrix(columns) for columns in job.batches(name)])
            if is_small
            else StoredRows(job, name, encoding)
        )
        self._dataset: lgb.Dataset | None = None

    def dataset(self, params: dict[str, Any], reference: Rows | None = None) -> lgb.Dataset:
        """Bins the rows at the first call; later calls must want the same bins."""
        if self._dataset is None:
            binned_by = reference.dataset(params) if reference else None
            self._dataset = BinnedRows(
                self._data, self.label, reference=binned_by, params=params, free_raw_data=False
            )
        return self._dataset
