"""An existing script of MLflow: only the tracking URI and the token are Perennial's."""

import json
import os
import sys
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"
mlflow.set_tracking_uri(sys.argv[1])
answers = {}
client = MlflowClient()

mlflow.set_experiment("delays")
experiment = client.get_experiment_by_name("delays")
answers["experiment"] = [experiment.name, experiment.lifecycle_stage]
client.set_experiment_tag(experiment.experiment_id, "team", "ops")
answers["experimentTags"] = client.get_experiment(experiment.experiment_id).tags["team"]

with mlflow.start_run(run_name="by hand") as run:
    mlflow.log_param("C", 0.5)
    mlflow.log_params({"depth": 3, "kind": "linear"})
    mlflow.set_tag("stage", "trial")
    for step in range(5):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    mlflow.log_metrics({"auc": 0.75, "odd": float("nan"), "huge": float("inf")})
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": 1}, "notes/a.json")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "large.bin").write_bytes(bytes(3_000_000))
        Path(folder, "empty.txt").write_bytes(b"")
        mlflow.log_artifacts(folder, "files")
by_hand = run.info.run_id

found = client.get_run(by_hand)
answers["status"] = found.info.status
answers["runName"] = found.info.run_name
answers["params"] = found.data.params
answers["loss"] = found.data.metrics["loss"]
answers["odd"] = [str(found.data.metrics["odd"]), str(found.data.metrics["huge"])]
answers["history"] = [[m.step, m.value] for m in client.get_metric_history(by_hand, "loss")]
answers["tag"] = found.data.tags["stage"]
answers["artifacts"] = [
    [file.path, file.is_dir, file.file_size] for file in client.list_artifacts(by_hand, "notes")
]
answers["root"] = [file.path for file in client.list_artifacts(by_hand)]
with tempfile.TemporaryDirectory() as folder:
    path = mlflow.artifacts.download_artifacts(
        run_id=by_hand, artifact_path="files", dst_path=folder
    )
    answers["downloaded"] = sorted(
        [file.name, file.stat().st_size] for file in Path(path).iterdir()
    )
answers["text"] = mlflow.artifacts.load_text(found.info.artifact_uri + "/notes/hello.txt")

try:
    client.log_param(by_hand, "C", "0.7")
    answers["changedParam"] = None
except MlflowException as error:
    answers["changedParam"] = error.error_code
try:
    client.get_run("0" * 32)
    answers["noRun"] = None
except MlflowException as error:
    answers["noRun"] = error.error_code

mlflow.sklearn.autolog()
rng = np.random.default_rng(7)
columns = rng.normal(size=(200, 3))
label = (columns[:, 0] - columns[:, 1] > 0).astype(int)
with mlflow.start_run(run_name="by autolog") as run:
    model = LogisticRegression(C=2.0).fit(columns, label)
logged = client.get_run(run.info.run_id)
answers["autolog"] = {
    "C": logged.data.params["C"],
    "metrics": sorted(logged.data.metrics),
    "inputs": len(logged.inputs.dataset_inputs),
    "outputs": len(logged.outputs.model_outputs),
}
[output] = logged.outputs.model_outputs
answers["loggedModel"] = str(client.get_logged_model(output.model_id).status)
loaded = mlflow.sklearn.load_model(f"models:/{output.model_id}")
answers["sameModel"] = bool((loaded.predict(columns) == model.predict(columns)).all())

runs = mlflow.search_runs(
    experiment_names=["delays"],
    filter_string="metrics.loss < 0.5 and params.kind = 'linear' and tags.stage != 'other'",
    output_format="list",
)
answers["search"] = [run.info.run_name for run in runs]
newest = client.search_runs(
    [experiment.experiment_id], order_by=["metrics.loss ASC", "attributes.start_time DESC"]
)
answers["ordered"] = [run.info.run_name for run in newest]
client.delete_run(by_hand)
answers["left"] = [
    run.info.run_name for run in client.search_runs([experiment.experiment_id])
]
client.restore_run(by_hand)
client.rename_experiment(experiment.experiment_id, "late flights")
answers["experiments"] = sorted(each.name for each in client.search_experiments())
with mlflow.start_run(experiment_id="0") as run:
    pass
answers["default"] = client.get_run(run.info.run_id).info.experiment_id

os.environ["MLFLOW_TRACKING_TOKEN"] = "pk_wrong"
try:
    client.get_run(by_hand)
    answers["wrongToken"] = None
except MlflowException as error:
    answers["wrongToken"] = error.error_code

print(json.dumps(answers))
