"""A trainer that runs long enough to lose its machine. It continues from its checkpoint."""

import time
import uuid

import numpy as np

from runtime.graph import GraphBuilder
from runtime.job import Job, Trained


def train(job: Job) -> Trained:
    restored = job.restore_checkpoint()
    first = restored[0] + 1 if restored else 1
    process = uuid.uuid4()
    for step in range(first, job.params["steps"] + 1):
        print(f"process {process} does step {step}", flush=True)
        time.sleep(job.params["step_seconds"])
        job.report(step, "loss", 1.0 / step)
        job.save_checkpoint(step, {"state": str(step).encode()})
    builder = GraphBuilder(job.features)
    shape = builder.node("Shape", [job.features[0].name])
    zeros = builder.node("Cast", [builder.node("ConstantOfShape", [shape])], to=1)
    graph = builder.finish(builder.node("Add", [zeros, builder.constant(0.25, np.float32)]))
    return Trained(
        graph,
        lambda columns: np.full(len(next(iter(columns.values()))), 0.25),
        {"loss": 0.25},
        {"firstStep": first},
    )
