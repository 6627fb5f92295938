"""Rows of dataset versions."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perennial.client.errors import ApiError, missing_package
from perennial.client.transport import Transport, segment

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


@dataclass(frozen=True)
class Dataset:
    """One immutable dataset version. Reading its rows needs a key of scope `operator`."""

    name: str
    version: int
    rows: int
    #: Column → type: string, integer, number, boolean or timestamp.
    columns: dict[str, str]
    _api: Transport = field(repr=False)

    def pandas(self) -> pandas.DataFrame:
        """All rows. Needs the extra `pandas`. @raises ApiError"""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise missing_package("pandas", "pandas", "a DataFrame of pandas") from error
        frame: pandas.DataFrame = self.arrow().to_pandas()
        return frame

    def polars(self) -> polars.DataFrame:
        """All rows. Needs the extra `polars`. @raises ApiError"""
        try:
            import polars
        except ImportError as error:
            raise missing_package("polars", "polars", "a DataFrame of polars") from error
        with self._files() as paths:
            return polars.concat([polars.read_parquet(path) for path in paths])

    def arrow(self) -> pyarrow.Table:
        """All rows. Needs the extra `table`. @raises ApiError"""
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise missing_package("pyarrow", "table", "a table of Arrow") from error
        with self._files() as paths:
            return pyarrow.concat_tables(
                [pyarrow.parquet.read_table(path, memory_map=False) for path in paths]
            )

    def download(self, folder: str | Path) -> list[Path]:
        """Writes the Parquet files to a folder and returns their paths. @raises ApiError"""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        files = self._api.json("GET", self._path())["items"]
        width = len(str(len(files)))
        return [
            self._download(
                each, target / f"{self.name}@{self.version}-{each['file']:0{width}}.parquet"
            )
            for each in files
        ]

    @contextmanager
    def _files(self) -> Iterator[list[Path]]:
        with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
            yield self.download(folder)

    def _download(self, entry: dict[str, Any], path: Path) -> Path:
        """The file appears whole and verified, or not at all."""
        digest = hashlib.sha256()
        partial = path.with_name(f"{path.name}.partial")
        try:
            with partial.open("wb") as file:
                for chunk in self._api.download(self._path(f"/{entry['file']}")):
                    digest.update(chunk)
                    file.write(chunk)
            if f"sha256:{digest.hexdigest()}" != entry["digest"]:
                raise ApiError(
                    f"file {entry['file']} of {self.name}@{self.version} arrived damaged",
                    code="DigestMismatch",
                    next_step="try again",
                )
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    def _path(self, rest: str = "") -> str:
        return f"/api/v1/datasets/{segment(self.name)}/versions/{self.version}/files{rest}"


def find_dataset(api: Transport, name: str, version: int | None) -> Dataset:
    path = f"/api/v1/datasets/{segment(name)}/versions"
    if version is None:
        found = api.json("GET", path, query={"pageSize": 1})["items"][0]
    else:
        found = api.json("GET", f"{path}/{version}")
    return Dataset(
        name=found["dataset"],
        version=found["version"],
        rows=found["rows"],
        columns={each["name"]: each["type"] for each in found["columns"]},
        _api=api,
    )
