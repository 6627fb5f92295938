"""Encodes text columns as integer codes.

Rare categories share code 0 with unseen ones, so the model has training rows for unseen text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Categories:
    #: Sorted; the code of `known[i]` is `i + 1`.
    known: tuple[str, ...]

    @staticmethod
    def learn(values: np.ndarray, min_rows: int, most: int) -> Categories:
        """Keeps the `most` most frequent categories with at least `min_rows` rows."""
        return Categories.of_counts(counts_of(values), min_rows, most)

    @staticmethod
    def of_counts(counts: Mapping[str, int], min_rows: int, most: int) -> Categories:
        common = sorted((-rows, text) for text, rows in counts.items() if rows >= min_rows)
        return Categories(tuple(sorted(text for _, text in common[:most])))

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Returns int64 codes, one per value."""
        code = {text: index for index, text in enumerate(self.known, start=1)}
        encoded = pa.array(values, pa.string()).dictionary_encode()
        return np.array(
            [code.get(text, 0) for text in encoded.dictionary.to_pylist()], dtype=np.int64
        )[encoded.indices.to_numpy()]


def counts_of(values: np.ndarray) -> dict[str, int]:
    """The number of rows of each text."""
    counts = pc.value_counts(pa.array(values, pa.string())).to_pylist()
    return {count["values"]: count["counts"] for count in counts}
