"""Processes that divide each batch: data-parallel training with torch.distributed.

The first process has rank 0. It reports, saves and returns the model. On one machine the trainer
starts the others itself. `torchrun`, and Slurm with several tasks, start all of them.
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

import runtime
from runtime import processes
from runtime.job import Job
from runtime.refusal import Refused, Stopped

PARENT, RENDEZVOUS = "PERENNIAL_RANK_PARENT", "PERENNIAL_RENDEZVOUS"
#: A process that waits so long for another one ends.
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


def ranks_of(environment: Mapping[str, str]) -> Ranks:
    """The place of this process: of the trainer itself, of torchrun, or of Slurm."""

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
    ranks, others = ranks_of(os.environ), []
    wanted = job.params["processes"]
    if ranks.world == 1 and wanted > 1:
        _forget(job)  # of an attempt that was killed
        meeting = job.directory / f".rendezvous-{os.getpid()}-{time.monotonic_ns()}"
        ranks = Ranks(0, wanted, 0, wanted, f"file://{meeting}")
        others = [
            _start(job, folder, rank, wanted, f"file://{meeting}") for rank in range(1, wanted)
        ]
    if ranks.rank > 0:
        # The first process decides when to stop, and tells the others between two steps.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if PARENT in os.environ:
            processes.die_with_parent(int(os.environ[PARENT]))
    group = Group(ranks, others)
    try:
        _connect(ranks, backend)
        yield group
    except Exception as error:
        if ranks.rank > 0:
            # Not error.json, which the first process writes.
            print(f"process {ranks.rank}: {error}", file=sys.stderr, flush=True)
            _reason_file(job.directory, ranks).write_text(json.dumps(str(error)[:1_000]))
            raise SystemExit(1) from error
        if not isinstance(error, Refused):
            _raise_reason(job.directory, group)
        raise
    except Stopped:
        if ranks.rank > 0:
            raise SystemExit(143) from None
        raise
    finally:
        _end(job, group)


def _start(
    job: Job, folder: Path, rank: int, world: int, rendezvous: str
) -> subprocess.Popen[bytes]:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
    return subprocess.Popen(
        [sys.executable, str(Path(runtime.__file__).parent / "run.py"), folder, job.directory],
        env={
            **os.environ,
            **{name: str(value) for name, value in place.items()},
            PARENT: str(os.getpid()),
            RENDEZVOUS: rendezvous,
        },
        stdin=subprocess.DEVNULL,
    )


def _connect(ranks: Ranks, backend: str) -> None:
    if ranks.world == 1:
        return
    from torch import distributed

    if ranks.rendezvous is not None and ranks.rendezvous.startswith("file://"):
        # A job has only the loopback network, where its host's name leads nowhere.
        os.environ["GLOO_SOCKET_IFNAME"] = "lo" if processes.LINUX else "lo0"
    distributed.init_process_group(
        backend,
        init_method=ranks.rendezvous,
        rank=ranks.rank,
        world_size=ranks.world,
        timeout=timedelta(seconds=MOST_SECONDS),
    )


def _raise_reason(directory: Path, group: Group) -> None:
    """Raises why another process ended first. Its end breaks the connections of all others."""
    if group.ranks.world == 1:
        return
    until = time.monotonic() + REASON_SECONDS
    while time.monotonic() < until:
        for place, other in enumerate(group.others, start=1):
            code = other.poll()
            if code is not None and code < 0:
                # As if this process had been killed, so that the job starts again.
                print(f"process {place} was killed", file=sys.stderr, flush=True)
                os.kill(os.getpid(), -code if -code != signal.SIGTERM else signal.SIGKILL)
        for path in sorted(directory.glob(".failed-*.json")):
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
    if group.others:
        _forget(job)


def _forget(job: Job) -> None:
    for path in [*job.directory.glob(".rendezvous-*"), *job.directory.glob(".failed-*.json")]:
        path.unlink(missing_ok=True)
