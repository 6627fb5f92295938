"""Evidently or NannyML at their default thresholds, on the rows that main.ts wrote.

`others.py evidently|nannyml <folder>` reads reference.csv, and chunks.csv with the column `chunk`.
Prints one JSON line: the columns that are flagged, by chunk and test.
"""

import json
import sys
from pathlib import Path

import pandas as pd

CHUNK = "chunk"


def read(file: Path) -> pd.DataFrame:
    frame = pd.read_csv(file, keep_default_na=True, low_memory=False)
    for column in frame.columns:
        if column != CHUNK and not pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = frame[column].astype(object)
    return frame


def evidently(reference: pd.DataFrame, chunks: pd.DataFrame) -> dict:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    # The whole reference would take an hour; the default tests depend little on its size.
    reference = reference.sample(min(10_000, len(reference)), random_state=1)
    flagged = {}
    for chunk, rows in chunks.groupby(CHUNK):
        # Evidently ends with an error if a column has no value, so it cannot judge such a column.
        empty = [column for column in rows.columns if rows[column].isna().all()]
        judged = rows.drop(columns=[CHUNK, *empty])
        snapshot = Report([DataDriftPreset()]).run(judged, reference.drop(columns=empty))
        found = []
        for metric in snapshot.dict()["metrics"]:
            config = metric.get("config") or {}
            if not str(config.get("type", "")).endswith("ValueDrift"):
                continue
            # Distances are flagged above the threshold, p-values below it.
            is_p_value = "p_value" in str(config.get("method", metric["metric_name"]))
            value, threshold = float(metric["value"]), float(config["threshold"])
            if value < threshold if is_p_value else value >= threshold:
                found.append(config["column"])
        flagged[str(chunk)] = {"drift": found}
    return flagged


def nannyml(reference: pd.DataFrame, chunks: pd.DataFrame) -> dict:
    from nannyml import (
        MissingValuesCalculator,
        UnivariateDriftCalculator,
        UnseenValuesCalculator,
    )

    columns = [column for column in reference.columns if column != CHUNK]
    names = [str(name) for name in chunks[CHUNK].unique()]
    start = pd.Timestamp("2020-01-01")
    chunks = chunks.copy()
    # Each chunk becomes a day of its own.
    chunks["timestamp"] = start + pd.to_timedelta(chunks[CHUNK].map(names.index), unit="D")
    reference = reference.copy()
    reference["timestamp"] = pd.Timestamp("2010-01-01") + pd.to_timedelta(
        reference[CHUNK], unit="D"
    )
    texts = [column for column in columns if reference[column].dtype == object]
    tests = {
        "drift": (UnivariateDriftCalculator, columns, "jensen_shannon"),
        "missing": (MissingValuesCalculator, columns, None),
        "unseen": (UnseenValuesCalculator, texts, None),
    }
    flagged = {name: {test: [] for test in tests} for name in names}
    for test, (calculator, tested, method) in tests.items():
        calculator = calculator(
            column_names=tested, timestamp_column_name="timestamp", chunk_period="D"
        )
        calculator.fit(reference[[*columns, "timestamp"]])
        result = calculator.calculate(chunks[[*columns, "timestamp"]])
        frame = result.filter(period="analysis").to_df()
        place = ("chunk", "start_date") if method is None else ("chunk", "chunk", "start_date")
        starts = pd.to_datetime(frame[place])
        for column in tested:
            key = (column, "alert") if method is None else (column, method, "alert")
            for at, alert in zip(starts, frame[key].astype(bool)):
                if alert:
                    flagged[names[(at - start).days]][test].append(column)
    return flagged


def main() -> None:
    tool, folder = sys.argv[1], Path(sys.argv[2])
    reference, chunks = read(folder / "reference.csv"), read(folder / "chunks.csv")
    if tool == "evidently":
        flagged = evidently(reference.drop(columns=CHUNK), chunks)
    else:
        flagged = nannyml(reference, chunks)
    print(json.dumps(flagged))


main()
