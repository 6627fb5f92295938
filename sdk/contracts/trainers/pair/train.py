"""Counts steps on several nodes, which wait for each other at each step, over plain sockets.

The last node can fail. The other ones then lose their connections and stop.
"""

import os
import socket
import time

import numpy as np

from runtime.graph import GraphBuilder
from runtime.job import Job, Trained
from runtime.refusal import Stopped


def train(job: Job) -> Trained:
    try:
        return count(job)
    except ConnectionError as error:
        print(f"node {os.environ['NODE_RANK']}: {error}", flush=True)
        raise Stopped() from error


def count(job: Job) -> Trained:
    node = int(os.environ["NODE_RANK"])
    # Before the others are there, so that a test sees which nodes run.
    job.log("node runs", node=node, pid=os.getpid(), nodes=os.environ["NNODES"], **given())
    links = meet(node, job.nodes)
    restored = job.restore_checkpoint() if node == 0 else None
    first = int(together(links, node, str(restored[0] + 1 if restored else 1)))
    for step in range(first, job.params["steps"] + 1):
        time.sleep(job.params["step_seconds"])
        if node == job.nodes - 1 and step == job.params["at_step"]:
            fail(job.params["fault"])
        together(links, node, str(step))
        if node == 0:
            job.report(step, "loss", 1.0 / step)
            job.save_checkpoint(step, {"state": str(step).encode()})
    if node > 0:
        raise SystemExit(0)  # the first node returns the model
    builder = GraphBuilder(job.features)
    shape = builder.node("Shape", [job.features[0].name])
    zeros = builder.node("Cast", [builder.node("ConstantOfShape", [shape])], to=1)
    graph = builder.finish(builder.node("Add", [zeros, builder.constant(0.25, np.float32)]))
    own = job.params["steps"] + 1 - first
    return Trained(
        graph,
        lambda columns: np.full(len(next(iter(columns.values()))), 0.25),
        {"loss": 1.0 / job.params["steps"]},
        {"ownSteps": own, "nodes": job.nodes},
    )


def given() -> dict[str, object]:
    return {
        "at": time.time(),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "home": os.environ["HOME"],
    }


def meet(node: int, nodes: int) -> list[socket.socket]:
    """The connections of the first node to the others, or of another one to the first."""
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if node == 0:
        server = socket.create_server(("", address[1]), reuse_port=False)
        return [server.accept()[0] for _ in range(nodes - 1)]
    for _ in range(300):
        try:
            return [socket.create_connection(address)]
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise ConnectionError(f"the first node does not listen at {address}")


def together(links: list[socket.socket], node: int, value: str) -> str:
    """The value of the first node, when all nodes are here."""
    for link in links:
        if node > 0:
            link.sendall(b"\n")
            value = line(link)
    if node == 0:
        for link in links:
            line(link)
        for link in links:
            link.sendall(f"{value}\n".encode())
    return value


def line(link: socket.socket) -> str:
    text = b""
    while not text.endswith(b"\n"):
        part = link.recv(1)
        if not part:
            raise ConnectionError("another node closed the connection")
        text += part
    return text.decode().strip()


def fail(fault: str) -> None:
    if fault == "crash":
        raise ValueError("the learning rate fell off a cliff")
    if fault == "hang":
        time.sleep(600)
    if fault == "hog":
        held = []
        while True:
            held.append(np.ones(2 << 20))
            time.sleep(0.01)
