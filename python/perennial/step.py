"""Steps of a lifecycle, written in Python.

    from perennial.step import Context, Table, step

    @step
    def score_shop(shop: str, orders: Table, ctx: Context) -> float:
        ...

A decorated function stays an ordinary function, so a unit test calls it directly. Inputs and output
need annotations: `str`, `int`, `float`, `bool`, `None`, `list`, `dict`, `Literal`, `X | None`,
dataclasses, TypedDicts, `Table` and `File`. A parameter `ctx` gets the `Context`.

Needs only the standard library; `Table` needs pyarrow when it reads or writes.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import pyarrow.dataset

__all__ = ["Context", "File", "StepError", "Table", "step"]

Function = TypeVar("Function", bound=Callable[..., Any])

#: Attribute that marks a step.
MARK = "__perennial_step__"


class StepError(Exception):
    """An error that the author of the step can correct. Its message is shown as it is."""


@overload
def step(function: Function) -> Function: ...
@overload
def step(*, name: str) -> Callable[[Function], Function]: ...
def step(function: Any = None, *, name: str | None = None) -> Any:
    """Marks a function as a step, under its own name or the given one."""

    def mark(function: Any) -> Any:
        setattr(function, MARK, name or function.__name__)
        return function

    return mark if function is None else mark(function)


class Table:
    """Rows in Parquet files, which are read when they are asked for."""

    def __init__(self, paths: Sequence[str | Path], reference: Any = None):
        """`reference` is the value in the step's input from which the files come."""
        self.paths = [Path(path) for path in paths]
        self.reference = reference
        self._rows: Any = None

    @classmethod
    def of(cls, rows: Any) -> Table:
        """A table of a pyarrow Table, a pandas or polars DataFrame, or a path of a Parquet file."""
        if isinstance(rows, Table):
            return rows
        if isinstance(rows, str | Path):
            return cls([rows])
        table = cls([])
        table._rows = _arrow_of(rows)
        return table

    def arrow(self, columns: list[str] | None = None) -> pyarrow.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._rows is not None:
            return self._rows if columns is None else self._rows.select(columns)
        parts = [pq.ParquetFile(path).read(columns=columns) for path in self.paths]
        if not parts:
            return pa.table({})
        return pa.concat_tables(parts, promote_options="permissive")

    def dataset(self) -> pyarrow.dataset.Dataset:
        """A lazy pyarrow dataset, for filters and batches."""
        import pyarrow.dataset as ds

        if self._rows is not None:
            return ds.dataset(self._rows)
        return ds.dataset([str(path) for path in self.paths], format="parquet")

    def pandas(self, columns: list[str] | None = None) -> pandas.DataFrame:
        return self.arrow(columns).to_pandas()

    def polars(self) -> polars.LazyFrame:
        import polars as pl

        return (
            pl.from_arrow(self._rows).lazy()
            if self._rows is not None
            else pl.scan_parquet([str(path) for path in self.paths])
        )

    def write(self, path: str | Path) -> None:
        """Writes all rows as one Parquet file."""
        import pyarrow.parquet as pq

        if self._rows is None and len(self.paths) == 1:
            _check_parquet(self.paths[0])
            shutil.copyfile(self.paths[0], path)
        else:
            pq.write_table(self.arrow(), path)


class File:
    """A file: an input, or one that the step wrote and returns."""

    def __init__(self, path: str | Path, reference: Any = None):
        self.path = Path(path)
        self.reference = reference

    def read_bytes(self) -> bytes:
        return self.path.read_bytes()

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.path.read_text(encoding)


class Context:
    """What a step can use beside its inputs. In a unit test, `Context()` uses a new folder."""

    def __init__(self, folder: str | Path | None = None):
        #: Where the step may write. Empty when the step starts.
        self.folder = Path(folder or tempfile.mkdtemp(prefix="perennial-step-"))
        #: The newest value of each metric.
        self.metrics: dict[str, float] = {}

    def report(self, name: str, value: float, step: int = 0) -> None:
        """Reports a metric, such as the loss after an iteration. NaN ends the step."""
        if not math.isfinite(value):
            raise StepError(f"{name} became {value} at step {step}")
        self.metrics[name] = float(value)

    def progress(self, done: int, total: int) -> None:
        """Reports how much of the work is done."""
        self.report("progress", done / total if total else 1.0, done)

    def log(self, message: str, **facts: Any) -> None:
        """Writes one JSON line to the log of the step."""
        print(json.dumps({"level": "info", "msg": message, **facts}), flush=True)

    @property
    def stopping(self) -> bool:
        """Whether the step was asked to stop, by a cancellation or a worker that ends."""
        return False

    def restore_checkpoint(self) -> tuple[int, dict[str, bytes]] | None:
        """The newest saved state and its number.

        A step that calls this saves its state, so SIGTERM takes effect at its next report or save.
        """
        steps = [int(path.name) for path in self._checkpoints().iterdir()]
        if not steps:
            return None
        folder = self._checkpoints() / str(max(steps))
        return max(steps), {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def save_checkpoint(self, step: int, files: dict[str, bytes]) -> None:
        """Replaces the saved state. A killed step runs again and continues from it."""
        folder = self._checkpoints() / str(step)
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)

    def _checkpoints(self) -> Path:
        folder = self.folder / ".checkpoint"
        folder.mkdir(exist_ok=True)
        return folder


def _check_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise StepError(f"{path} is not a Parquet file: {error}") from error


def _arrow_of(rows: Any) -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise StepError(
            "a Table needs pyarrow; add it to the requirements of the project"
        ) from error
    if isinstance(rows, pa.Table):
        return rows
    if type(rows).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(rows, preserve_index=False)
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.table(rows)
    raise TypeError(
        f"{type(rows).__name__} is not a table; use a pyarrow Table, a pandas or polars DataFrame "
        "or the path of a Parquet file"
    )
