"""Processes that divide each batch: data-parallel training with torch.distributed.

The first process has rank 0. It reports, saves and returns the model. The trainer starts the others
of its node itself, on each node of a job. `torchrun`, and Slurm with several tasks, start all of
them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import runtime
from runtime import processes
from runtime.job import Job
from runtime.refusal import Refused, Stopped

PARENT, RENDEZVOUS = "PERENNIAL_RANK_PARENT", "PERENNIAL_RENDEZVOUS"
#: How long the processes wait for each other at the beginning. An engine starts all nodes at once,
#: but each fetches the data and perhaps installs packages.
MEETING_SECONDS = 300
ADVICE = "; the nodes of a job must reach each other at all ports"
#: A process that waits so long for another one between two steps ends.
MOST_SECONDS = 1_800
#: How long the first process waits for the reason of another one that ended.
REASON_SECONDS = 5.0


@dataclass(frozen=True)
class Ranks:
    rank: int = 0
    world: int = 1
    #: The place among the processes of this machine, which is also the number of its GPU.
    local_rank: int = 0
    local_world: int = 1
    #: Where the processes find each other, as torch.distributed takes it.
    rendezvous: str | None = None
    #: How many other processes of this node this one starts.
    starts: int = 0


def ranks_of(environment: Mapping[str, str], nodes: int = 1, processes: int = 1) -> Ranks:
    """The place of this process: of the trainer itself, of torchrun, or of Slurm.

    A job on several `nodes` starts with one process on each, which starts the others.
    """

    def numbers(*names: str) -> list[int]:
        missing = [name for name in names if not environment.get(name, "").isdigit()]
        if missing:
            raise Refused(
                f"several processes need the variables {', '.join(names)}; "
                f"set {' and '.join(missing)}"
            )
        return [int(environment[name]) for name in names]

    if "RANK" in environment and "WORLD_SIZE" in environment:
        rank, world = numbers("RANK", "WORLD_SIZE")
        local_rank = int(environment.get("LOCAL_RANK", rank))
        local_world = int(environment.get("LOCAL_WORLD_SIZE", world))
        return Ranks(rank, world, local_rank, local_world, environment.get(RENDEZVOUS, "env://"))
    if nodes > 1:
        node, port = numbers("NODE_RANK", "MASTER_PORT")
        rank, world = node * processes, nodes * processes
        at = f"tcp://{environment.get('MASTER_ADDR', '')}:{port}"
        return Ranks(rank, world, 0, processes, at, processes - 1)
    # A batch job of Slurm has one task, even where its variables speak of more.
    if environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        rank, world, local_rank, port = numbers(
            "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_JOB_ID"
        )
        head = environment.get("MASTER_ADDR", "")
        if not head:
            raise Refused(
                "several tasks of Slurm need MASTER_ADDR, the address of the first node: "
                'export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
            )
        # Jobs on one node must not meet at one port.
        at = environment.get("MASTER_PORT", str(20_000 + port % 20_000))
        nodes = int(environment.get("SLURM_STEP_NUM_NODES", "1"))
        return Ranks(rank, world, local_rank, -(-world // nodes), f"tcp://{head}:{at}")
    return Ranks()


@dataclass
class Group:
    """The processes of one training. Without others, every method is cheap."""

    ranks: Ranks
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def is_first(self) -> bool:
        return self.ranks.rank == 0

    def part(self, rows: int) -> slice:
        """The rows of a batch that belong to this process."""
        return slice(self.ranks.rank, rows, self.ranks.world)

    def is_any(self, flag: bool) -> bool:
        return self.sum([float(flag)])[0] > 0

    def sum(self, values: list[float]) -> list[float]:
        if self.ranks.world == 1:
            return values
        import torch
        from torch import distributed

        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        total = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        return total.tolist()

    def from_first(self, value: Any) -> Any:
        """The value of the first process, in all of them."""
        if self.ranks.world == 1:
            return value
        from torch import distributed

        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]


@contextlib.contextmanager
def joined(job: Job, folder: Path, backend: str) -> Iterator[Group]:
    """Starts or joins the processes of this training, and ends them.

    @raises Refused with the reason of another process that failed
    """
    wanted = job.params["processes"]
    ranks = ranks_of(os.environ, job.nodes, wanted)
    if ranks.world == 1 and wanted > 1:
        meeting = job.directory / f".rendezvous-{os.getpid()}-{time.monotonic_ns()}"
        ranks = Ranks(0, wanted, 0, wanted, f"file://{meeting}", wanted - 1)
    _forget(job, ranks)  # of an attempt that was killed
    others = [_start(job, folder, ranks, place) for place in range(1, ranks.starts + 1)]
    # Each node of a job has a folder of its own.
    is_reporter = ranks.rank == 0 or (job.nodes > 1 and PARENT not in os.environ)
    if ranks.rank > 0:
        # The first process decides when to stop, and tells the others between two steps.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if PARENT in os.environ:
            processes.die_with_parent(int(os.environ[PARENT]))
    group = Group(ranks, others)
    try:
        _connect(group, backend)
        yield group
    except Exception as error:
        is_of_other_node = job.nodes > 1 and _is_of_connection(error)
        if not is_reporter:
            print(f"process {ranks.rank}: {error}", file=sys.stderr, flush=True)
            if is_of_other_node:
                raise SystemExit(143) from error
            # Not error.json, which the first process of the node writes.
            _reason_file(job.directory, ranks).write_text(json.dumps(str(error)[:1_000]))
            raise SystemExit(1) from error
        if not isinstance(error, Refused):
            _raise_reason(job, group)
            if is_of_other_node:
                # Another node reports why. This one ends as if it had been stopped.
                print(f"lost the processes on other nodes: {error}", file=sys.stderr, flush=True)
                raise Stopped() from error
        raise
    except Stopped:
        if not is_reporter:
            raise SystemExit(143) from None
        raise
    finally:
        _end(job, group)


def _start(job: Job, folder: Path, first: Ranks, local_rank: int) -> subprocess.Popen[bytes]:
    place = {
        "RANK": first.rank + local_rank,
        "LOCAL_RANK": local_rank,
        "WORLD_SIZE": first.world,
        "LOCAL_WORLD_SIZE": first.local_world,
    }
    return subprocess.Popen(
        [sys.executable, str(Path(runtime.__file__).parent / "run.py"), folder, job.directory],
        env={
            **os.environ,
            **{name: str(value) for name, value in place.items()},
            PARENT: str(os.getpid()),
            RENDEZVOUS: first.rendezvous or "",
        },
        stdin=subprocess.DEVNULL,
    )


def _connect(group: Group, backend: str) -> None:
    ranks = group.ranks
    if ranks.world == 1:
        return
    from torch import distributed

    longest = timedelta(seconds=MOST_SECONDS)
    if ranks.rendezvous is None or ranks.rendezvous == "env://":  # torchrun waits for all
        distributed.init_process_group(backend, init_method="env://", timeout=longest)
        return
    if ranks.rendezvous.startswith("file://"):
        # A job has only the loopback network, where its host's name leads nowhere.
        os.environ["GLOO_SOCKET_IFNAME"] = "lo" if processes.LINUX else "lo0"
    store = _meet(group, ranks.rendezvous)
    distributed.init_process_group(
        backend, store=store, rank=ranks.rank, world_size=ranks.world, timeout=longest
    )


def _meet(group: Group, rendezvous: str) -> Any:
    """The store by which the processes find each other, when all of them use it.

    @raises Refused if one does not come
    """
    from torch import distributed

    rank, world = group.ranks.rank, group.ranks.world
    at = urlsplit(rendezvous)
    until = time.monotonic() + MEETING_SECONDS
    if at.scheme == "file":
        store = distributed.FileStore(at.path, world)
    else:
        try:
            store = distributed.TCPStore(
                at.hostname or "",
                at.port,
                world,
                is_master=rank == 0,
                # A process that cannot connect tries once more after this time.
                timeout=timedelta(seconds=MEETING_SECONDS / 2),
                wait_for_workers=False,
            )
        except (RuntimeError, ValueError) as error:
            does = "listen" if rank == 0 else "reach the first process"
            raise Refused(
                f"process {rank} of {world} cannot {does} at {at.netloc}: {error}"[:500] + ADVICE
            ) from error
    store.set(f"met-{rank}", "")
    while missing := [each for each in range(world) if not store.check([f"met-{each}"])]:
        if any(other.poll() is not None for other in group.others):
            raise RuntimeError("another process of this node ended")  # which says why
        if time.monotonic() > until:
            raise Refused(
                f"only {world - len(missing)} of {world} processes came within "
                f"{MEETING_SECONDS} s; missing: {', '.join(map(str, missing))}{ADVICE}"
            )
        time.sleep(0.1)
    return store


def _is_of_connection(error: Exception) -> bool:
    """Whether it comes from the end of another process, as far as torch tells."""
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error).lower()


def _raise_reason(job: Job, group: Group) -> None:
    """Raises why another process of this node ended first, which broke all connections."""
    if group.ranks.world == 1 or (job.nodes > 1 and not group.others):
        return
    until = time.monotonic() + REASON_SECONDS
    while time.monotonic() < until:
        for place, other in enumerate(group.others, start=group.ranks.rank + 1):
            code = other.poll()
            if code is not None and code < 0:
                # As if this process had been killed, so that the job starts again.
                print(f"process {place} was killed", file=sys.stderr, flush=True)
                os.kill(os.getpid(), -code if -code != signal.SIGTERM else signal.SIGKILL)
        for path in sorted(job.directory.glob(".failed-*.json")):
            with contextlib.suppress(ValueError):  # not yet whole
                rank = path.stem.rpartition("-")[2]
                raise Refused(f"process {rank}: {json.loads(path.read_text())}")
        time.sleep(0.05)


def _reason_file(directory: Path, ranks: Ranks) -> Path:
    return directory / f".failed-{ranks.rank}.json"


def _end(job: Job, group: Group) -> None:
    if group.ranks.world > 1:
        from torch import distributed

        with contextlib.suppress(Exception):  # the other side may be gone
            distributed.destroy_process_group()
    for other in group.others:
        # All leave after the same step; one that does not hangs.
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(timeout=REASON_SECONDS)
        other.kill()
        other.wait()
    _forget(job, group.ranks)


def _forget(job: Job, ranks: Ranks) -> None:
    if ranks.starts == 0:
        return
    for path in [*job.directory.glob(".rendezvous-*"), *job.directory.glob(".failed-*.json")]:
        path.unlink(missing_ok=True)
