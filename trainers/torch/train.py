"""A neural network in PyTorch, trained on one or several processes, on CPUs or GPUs."""

from __future__ import annotations

from pathlib import Path

import torch

from runtime.job import Job, Trained
from runtime.refusal import Refused

from .export import graph_of
from .fit import Loop, scores_of
from .model import Inputs, build
from .processes import Group, joined
from .rows import Encoding


def train(job: Job) -> Trained:
    with joined(job, Path(__file__).parent, backend="nccl" if job.gpus else "gloo") as group:
        device = _device_of(job, group)
        # One seed gives the same bytes; slower on some GPUs.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_num_threads(max(1, job.cpus // group.ranks.local_world))
        encoding = Encoding.learn(job)
        torch.manual_seed(job.seed)
        inputs = Inputs(
            image=encoding.image,
            numbers=0 if encoding.numbers is None else 2 * len(encoding.numbers.names),
            codes=tuple(len(known.known) + 1 for known in encoding.categories.values()),
            outputs=len(job.classes) or 1,
        )
        network = build(inputs, job.params)
        loop = Loop(job, group, encoding, network, device)
        fitted = loop.run()
    if not group.is_first:
        raise SystemExit(0)  # the first process returns the model

    cpu = torch.device("cpu")
    network = network.to(cpu)
    example = encoding.encode(job.sample("train", 2))
    return Trained(
        graph=lambda: graph_of(job, encoding, network, example),
        predict=lambda columns: scores_of(job, network, encoding, columns, cpu),
        metrics=loop.figures(),
        facts={
            "rows": encoding.rows,
            "epochs": fitted.epochs,
            "steps": fitted.progress.step,
            "bestEpoch": fitted.progress.best_epoch or fitted.epochs,
            "resumedAt": fitted.resumed_at,
            "parameters": sum(each.numel() for each in network.parameters()),
            "device": str(device),
            "processes": group.ranks.world,
            "nodes": job.nodes,
            "torch": torch.__version__,
        },
        step=fitted.progress.best_epoch or fitted.epochs,
    )


def _device_of(job: Job, group: Group) -> torch.device:
    if not job.gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise Refused(
            f"the job asked for {job.gpus} GPU{'' if job.gpus == 1 else 's'}, but PyTorch {torch.__version__} sees none; "
            "install a CUDA build of PyTorch on the nodes, or remove gpus"
        )
    there = torch.cuda.device_count()
    if group.ranks.local_rank >= there:
        raise Refused(
            f"process {group.ranks.rank} has no GPU: there are {there}; "
            "ask for as many gpus as processes on a machine"
        )
    torch.cuda.set_device(group.ranks.local_rank)
    return torch.device("cuda", group.ranks.local_rank)
