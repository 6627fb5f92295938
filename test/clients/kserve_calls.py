"""Asks the gateway as a user of KServe's inference client does.

Prints one JSON object; argv: URL, API key, model.
"""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

url, key, model = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}


def request(binary, outputs=None):
    carrier = InferInput("carrier", [3, 1], "BYTES")
    carrier.set_data_from_numpy(
        np.array([["AA"]] * 3, dtype=np.object_), binary_data=binary
    )
    distance = InferInput("distance", [3, 1], "FP64")
    distance.set_data_from_numpy(
        np.arange(3, dtype=np.float64).reshape(3, 1), binary_data=binary
    )
    return InferRequest(
        model_name=model, infer_inputs=[carrier, distance], request_outputs=outputs
    )


def scores(response):
    return (
        next(each for each in response.outputs if each.name == "score")
        .as_numpy()
        .flatten()
        .round(4)
        .tolist()
    )


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    binary = [
        RequestedOutput(name, parameters={"binary_data": True})
        for name in ("score", "prediction_id")
    ]
    answers = {
        "live": await client.is_server_live(url, headers=headers),
        "ready": await client.is_server_ready(url, headers=headers),
        "modelReady": await client.is_model_ready(url, model, headers=headers),
        "json": scores(
            await client.infer(
                url, request(False), model_name=model, headers=dict(headers)
            )
        ),
        "binary": scores(
            await client.infer(
                url, request(True), model_name=model, headers=dict(headers)
            )
        ),
        "binaryOutputs": scores(
            await client.infer(
                url, request(True, binary), model_name=model, headers=dict(headers)
            )
        ),
    }
    wrong = InferRequest(model_name=model, infer_inputs=[request(False).inputs[0]])
    try:
        await client.infer(url, wrong, model_name=model, headers=dict(headers))
        answers["missingTensor"] = "no error"
    except httpx.HTTPStatusError as error:
        answers["missingTensor"] = [error.response.status_code, str(error)]
    print(json.dumps(answers))


asyncio.run(main())
