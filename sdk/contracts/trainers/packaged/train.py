import cachetools
import numpy as np
from runtime.graph import GraphBuilder
from runtime.job import Job, Trained


def train(job: Job) -> Trained:
    _, label = job.examples("train")
    share = cachetools.cached({})(lambda: float(np.mean(label)))()
    builder = GraphBuilder(job.features)
    rows = builder.node("Shape", [job.features[0].name])
    graph = builder.finish(
        builder.node("Expand", [builder.constant(share, np.float32), rows])
    )
    return Trained(
        graph,
        predict=lambda columns: np.full(len(next(iter(columns.values()))), share),
        facts={"cachetools": cachetools.__version__},
    )
