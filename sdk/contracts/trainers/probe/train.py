"""A trainer that behaves as a test asks:

each behaviour is a way in which real ones succeed or fail.
"""

import os
import signal
import subprocess
import sys
import time

import numpy as np

from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Refused


def train(job: Job) -> Trained:
    return globals()[job.params["behaviour"]](job)


def learn(job: Job) -> Trained:
    """Counts steps, from its checkpoint if there is one; says which process it is, and how many
    steps it did itself. Holds more memory from the middle on.
    """
    restored = job.restore_checkpoint()
    first = restored[0] + 1 if restored else 1
    job.report(first, "pid", os.getpid())
    held = []
    for step in range(first, job.params["steps"] + 1):
        time.sleep(job.params["step_seconds"])
        if step == job.params["steps"] // 2:
            held.append(np.ones(job.params["hold_mebibytes"] << 17))
            time.sleep(job.params["step_seconds"])
        job.report(step, "loss", 1.0 / step)
        job.save_checkpoint(step, {"state": str(step).encode()})
    builder = GraphBuilder(job.features)
    shape = builder.node("Shape", [job.features[0].name])
    zeros = builder.node("Cast", [builder.node("ConstantOfShape", [shape])], to=1)
    graph = builder.finish(builder.node("Add", [zeros, builder.constant(0.25, np.float32)]))
    own = job.params["steps"] + 1 - first
    return Trained(
        graph, lambda columns: np.full(len(next(iter(columns.values()))), 0.25), {"loss": 1.0 / job.params["steps"]}, {"ownSteps": own}
    )


def crash(job: Job) -> Trained:
    job.report(1, "loss", 1.0)
    raise ValueError("the learning rate fell off a cliff")


def refuse(job: Job) -> Trained:
    raise Refused("the label is always true")


def silent(job: Job) -> Trained:
    sys.exit(0)


def hang(job: Job) -> Trained:
    """Deaf to SIGTERM, with a daemon in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
    job.report(1, "daemon", daemon.pid)
    job.report(1, "pid", os.getpid())
    while True:
        pass


def hog(job: Job) -> Trained:
    job.report(1, "pid", os.getpid())
    held = []
    while True:
        held.append(np.ones(4 << 20))
        time.sleep(0.01)


def chatter(job: Job) -> Trained:
    line = "chatter " * 1000
    for _ in range(20_000):
        print(line)
    time.sleep(0.3)
    print("the last word", flush=True)
    sys.exit(3)


def nan(job: Job) -> Trained:
    job.report(7, "loss", float("nan"))
    raise AssertionError("not reached")


def secret(job: Job) -> Trained:
    print("connecting to postgres://perennial:hunter2@db/registry with api_key=abc123def", flush=True)
    sys.exit(3)
