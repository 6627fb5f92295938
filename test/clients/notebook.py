"""What a notebook does with the package `perennial`, against a live platform.

Reads the address and the key as `perennial.connect` does. Prints one JSON object at the end.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import pandas
import perennial
import polars
from perennial.client import transport

results = {}


def refused(call):
    """The error of a call."""
    try:
        call()
    except perennial.ApiError as error:
        return {"code": error.code, "message": error.message, "next": error.next_step}
    return None


def tell(event):
    # The test kills the API when it reads of a stage.
    if event.kind == "stage.started":
        print(f"started {event.stage}", flush=True)
    seen.append(event.seq)


client = perennial.connect(reason="a notebook")

seen = []
first = client.start("visits", idempotency_key="first")
results["repeated"] = client.start("visits", idempotency_key="first").id == first.id
results["slow"] = refused(lambda: client.run(first.id).wait(timeout_seconds=0.5))
first.wait(timeout_seconds=240, on_event=tell, progress=True)
results["first"] = [first.status, first.version, first.has_ended]
results["in order"] = seen == list(range(1, len(seen) + 1))
second = client.start("visits", params={"C": 5.0}).wait(timeout_seconds=240, progress=False)
results["listed"] = [run.id for run in client.runs(lifecycle="visits")] == [second.id, first.id]

compared = client.compare(first, second)
results["differing"] = compared.differing_params
frame = compared.pandas()
results["frame"] = [list(frame.columns) == [first.id, second.id], "metric auc" in frame.index]

rows = [
    {"seen_at": "2024-04-20T10:00:00Z", "entity": "e1", "kind": "a", "x": 1.5, "y": -0.5},
    {"seen_at": "2024-04-20T11:00:00Z", "entity": "e2", "kind": None, "x": float("nan"), "y": 1.0},
]
predictions = client.predict("visits", rows)
results["versions"] = sorted({each.version for each in predictions})

model = client.load("visits@champion")
results["features"] = model.features
results["sql"] = "x * y AS xy" in model.features_sql
features = {
    "kind": [row["kind"] for row in rows],
    "x": [row["x"] for row in rows],
    "y": [row["y"] for row in rows],
    "xy": [row["x"] * row["y"] for row in rows],
}
scores = model.predict(features)
results["same scores"] = all(
    abs(score - each.score) < 1e-6 for score, each in zip(scores, predictions, strict=True)
)
results["missing"] = None
try:
    model.predict({"x": [1.0]})
except ValueError as error:
    results["missing"] = str(error)

for kind, table in (("pandas", pandas.DataFrame(rows)), ("polars", polars.DataFrame(rows))):
    again = client.predict("visits", table)
    results[kind] = [each.score for each in again] == [each.score for each in predictions]

counts = client.feedback([(predictions[0], True), (predictions[1].id, False)])
results["feedback"] = [counts.accepted, counts.unknown]

dataset = client.dataset("visits.visits")
results["dataset"] = [dataset.version, dataset.rows, dataset.columns]
in_pandas, in_polars = dataset.pandas(), dataset.polars()
results["rows"] = [
    len(in_pandas),
    in_polars.height,
    in_pandas["x"].to_list() == in_polars["x"].to_list(),
]
with tempfile.TemporaryDirectory() as folder:
    paths = dataset.download(folder)
    results["files"] = [path.name for path in paths] == sorted(os.listdir(folder))

results["unknown"] = refused(lambda: client.start("visitors"))
results["no dataset"] = refused(lambda: client.dataset("visit"))
results["no alias"] = refused(lambda: client.load("visits@best"))
results["wrong key"] = refused(lambda: perennial.connect(key="pk_wrong").runs())
results["nowhere"] = refused(lambda: perennial.connect("http://127.0.0.1:9", "pk_none").runs())
transport.VERSION = "0.2.0"
results["newer"] = refused(lambda: perennial.connect().start("visits"))
transport.VERSION = "0.0.9"
results["older"] = refused(lambda: perennial.connect().start("visits"))

here = os.getcwd()
with tempfile.TemporaryDirectory() as folder:
    for name in ("PERENNIAL_API_URL", "PERENNIAL_API_KEY", "PERENNIAL_GATEWAY_URL"):
        os.environ.pop(name, None)
    state = os.environ.pop("PERENNIAL_STATE_DIR")
    os.chdir(folder)
    results["nothing"] = refused(perennial.connect)
    (Path(folder) / "notebooks").mkdir()
    (Path(folder) / ".perennial").symlink_to(state)
    os.chdir("notebooks")
    transport.VERSION = perennial.__version__
    results["found above"] = len(perennial.connect().runs()) == 2
    os.chdir(here)

results["packages"] = sorted(
    name for name in ("onnxruntime", "pandas", "polars", "tqdm") if name in sys.modules
)
# numpy has its own class of truth values.
print(json.dumps(results, default=bool))
