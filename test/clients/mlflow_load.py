"""Loads an exported folder by both of MLflow's loaders; prints the scores of each."""

import json
import sys

import mlflow.onnx
import mlflow.pyfunc
import numpy as np
import onnxruntime

folder, rows = sys.argv[1], json.loads(sys.argv[2])
feeds = {
    name: np.array(
        [[row[name]] for row in rows],
        dtype=object if isinstance(rows[0][name], str) else np.float32,
    )
    for name in rows[0]
}
model = mlflow.onnx.load_model(folder)
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
(score,) = session.run(["score"], feeds)
predicted = mlflow.pyfunc.load_model(folder).predict(feeds)
print(
    json.dumps(
        {"onnx": score.reshape(-1).tolist(), "pyfunc": predicted["score"].reshape(-1).tolist()}
    )
)
