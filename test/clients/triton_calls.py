"""Asks the gateway as a user of tritonclient does.

Prints one JSON object; argv: host:port, API key, model.
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, key, model = sys.argv[1:]
client = triton.InferenceServerClient(url=address)


def key_header():
    """Anew for each call:

    tritonclient adds the length of a binary request to the dictionary that it is given.
    """
    return {"Authorization": f"Bearer {key}"}


def inputs(rows, binary, dtype=np.float64, datatype="FP64"):
    carrier = triton.InferInput("carrier", [rows, 1], "BYTES")
    carrier.set_data_from_numpy(
        np.array([["AA"]] * rows, dtype=np.object_), binary_data=binary
    )
    distance = triton.InferInput("distance", [rows, 1], datatype)
    distance.set_data_from_numpy(
        np.arange(rows, dtype=dtype).reshape(rows, 1), binary_data=binary
    )
    return [carrier, distance]


def outputs(binary):
    return [
        triton.InferRequestedOutput(name, binary_data=binary)
        for name in ("score", "prediction_id")
    ]


def scores(result):
    ids = result.as_numpy("prediction_id")
    assert all(
        str(each.decode() if isinstance(each, bytes) else each).startswith("pred_")
        for each in ids.flatten()
    ), ids
    return result.as_numpy("score").flatten().round(4).tolist()


answers = {
    "live": client.is_server_live(headers=key_header()),
    "ready": client.is_server_ready(headers=key_header()),
    "modelReady": client.is_model_ready(model, headers=key_header()),
    "versionReady": client.is_model_ready(model, "1", headers=key_header()),
    "unknownReady": client.is_model_ready("nosuch", headers=key_header()),
    "extensions": client.get_server_metadata(headers=key_header())["extensions"],
    "columns": [
        each["name"]
        for each in client.get_model_metadata(model, headers=key_header())["inputs"]
    ],
    "binary": scores(client.infer(model, inputs(3, True), headers=key_header())),
    "json": scores(
        client.infer(
            model, inputs(3, False), outputs=outputs(False), headers=key_header()
        )
    ),
    "mixed": scores(
        client.infer(
            model, inputs(3, True), outputs=outputs(False), headers=key_header()
        )
    ),
    "version": scores(
        client.infer(model, inputs(1, True), model_version="1", headers=key_header())
    ),
    "float32": scores(
        client.infer(model, inputs(3, True, np.float32, "FP32"), headers=key_header())
    ),
    "int64": scores(
        client.infer(model, inputs(3, True, np.int64, "INT64"), headers=key_header())
    ),
}
for coding in ("gzip", "deflate"):
    options = {
        "request_compression_algorithm": coding,
        "response_compression_algorithm": coding,
    }
    answers[f"{coding}Binary"] = scores(
        client.infer(model, inputs(2000, True), headers=key_header(), **options)
    )[:3]
    answers[f"{coding}Json"] = scores(
        client.infer(
            model,
            inputs(2000, False),
            outputs=outputs(False),
            headers=key_header(),
            **options,
        )
    )[:3]

missing = inputs(1, True)
missing[1].set_data_from_numpy(np.array([[np.nan]]), binary_data=True)
answers["nan"] = scores(client.infer(model, missing, headers=key_header()))
answers["async"] = scores(
    client.async_infer(model, inputs(3, True), headers=key_header()).get_result()
)

for name, ask in {
    "missingTensor": lambda: client.infer(
        model, inputs(1, True)[:1], headers=key_header()
    ),
    "unknownModel": lambda: client.infer(
        "nosuch", inputs(1, True), headers=key_header()
    ),
    "noKey": lambda: client.infer(model, inputs(1, True)),
    "notHere": lambda: client.get_model_config(model, headers=key_header()),
}.items():
    try:
        ask()
        answers[name] = "no error"
    except InferenceServerException as error:
        answers[name] = [error.status(), error.message()]

print(json.dumps(answers))
