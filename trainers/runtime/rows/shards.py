"""Reads a table in shards, so that it need not fit into memory.

A shard is a row group of one Parquet file. Row groups can be read in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.refusal import Refused

#: Rows in memory at a time when a shard is read.
BATCH_ROWS = 8_192


@dataclass(frozen=True)
class Shard:
    path: Path
    group: int
    rows: int


def shards_of(paths: Sequence[Path], columns: Sequence[str], name: str) -> list[Shard]:
    """The shards of an input in order, without empty ones.

    @raises Refused if a column is missing or there are no rows.
    """
    shards = []
    for path in paths:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            known = file.schema_arrow.names
            for column in columns:
                if column not in known:
                    raise Refused(
                        f"the column {column} is missing from input {name}; "
                        f"its columns are {', '.join(known)}"
                    )
            sizes = [
                file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)
            ]
        shards += [Shard(path, group, rows) for group, rows in enumerate(sizes) if rows > 0]
    if not shards:
        raise Refused(f"input {name} has no rows")
    return shards


def batches_of(
    shard: Shard, columns: Sequence[str], rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The rows of one shard in order, at most `rows` in a batch."""
    with pq.ParquetFile(shard.path, pre_buffer=False) as file:
        yield from file.iter_batches(
            batch_size=rows, row_groups=[shard.group], columns=list(columns), use_threads=False
        )


def sample_of(shards: Sequence[Shard], columns: Sequence[str], most: int) -> pa.Table:
    """At most `most` rows, spread evenly over all shards."""
    total = sum(shard.rows for shard in shards)
    wanted = np.unique(np.linspace(0, total - 1, min(total, most)).astype(np.int64))
    taken, first = [], 0
    for shard in shards:
        for batch in batches_of(shard, columns):
            inside = wanted[(wanted >= first) & (wanted < first + batch.num_rows)] - first
            if len(inside):
                taken.append(pa.Table.from_batches([batch.take(pa.array(inside))]))
            first += batch.num_rows
    return pa.concat_tables(taken, promote_options="permissive")
