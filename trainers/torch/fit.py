"""The training loop: one pass over the shards per epoch, saved as it goes."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from runtime.checkpoint.interval import Interval
from runtime.columns import Columns, rows_of, take
from runtime.job import Job
from runtime.refusal import Refused, Stopped

from .processes import Group
from .rows import Encoding, Rows, epoch_of

#: Rows at a time when a trained network scores.
SCORED_ROWS = 4_096
#: Names of the reported loss.
LOSSES = {"classification": "logloss", "multiclass": "logloss", "regression": "rmse"}


@dataclass
class Progress:
    """What a checkpoint holds beside the states of the network, the optimizer and the scaler.

    The order of rows, dropout and the learning rate depend only on the seed and the step, so they
    have no state.
    """

    step: int = 0
    #: Sum of the losses of the steps of the current epoch.
    epoch_loss: float = 0.0
    #: Mean loss of the last whole epoch.
    train_loss: float = math.nan
    best_loss: float = math.inf
    best_epoch: int = 0
    #: Values of the objective that a trial has reported.
    reached: dict[int, float] = field(default_factory=dict)


@dataclass
class Fitted:
    progress: Progress
    epochs: int
    resumed_at: int | None
    seconds: float


class Loop:
    def __init__(
        self, job: Job, group: Group, encoding: Encoding, network: nn.Module, device: torch.device
    ):
        self._job, self._group, self._encoding, self._device = job, group, encoding, device
        self._params = job.params
        self._network = network.to(device)
        self._batch = min(job.params["batch"], encoding.rows)
        if self._batch < group.ranks.world:
            raise Refused(
                f"{group.ranks.world} processes cannot divide a batch of {self._batch} rows; "
                "raise /params/batch, or lower /params/processes or compute.nodes"
            )
        self._steps = encoding.rows // self._batch
        #: The network, whose gradients are averaged over all processes.
        self._shared: nn.Module = network
        if group.ranks.world > 1:
            ids = [device.index] if device.type == "cuda" else None
            self._shared = DistributedDataParallel(network, device_ids=ids)
        self._optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=job.params["learning_rate"],
            weight_decay=job.params["weight_decay"],
        )
        self._precision = precision_of(job.params["precision"], device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._precision == torch.float16)
        self._progress = Progress()
        self._best: dict[str, Tensor] | None = None
        self._interval = Interval(job.params["checkpoint_seconds"])

    def run(self) -> Fitted:
        """Trains to the end, or to the best epoch. The network then has the weights to keep."""
        began = time.monotonic()
        resumed_at = self._restore()
        epochs, progress = self._params["epochs"], self._progress
        for epoch in range(progress.step // self._steps, epochs):
            if self._is_enough(epoch):
                break
            for rows in self._batches(epoch):
                stopping = self._train(rows)
                if progress.step % self._steps == 0:
                    self._conclude(epoch + 1)
                # After the epoch was measured, which a resumed training does not do again.
                self._keep(stopping)
        if self._best is not None:
            self._network.load_state_dict(self._best)
        done = progress.step // self._steps
        return Fitted(progress, done, resumed_at, time.monotonic() - began)

    def _batches(self, epoch: int) -> Iterator[Rows]:
        done = self._progress.step - epoch * self._steps
        return epoch_of(self._job, self._encoding, epoch, self._batch, skip=done)

    def _train(self, rows: Rows) -> bool:
        """One step of the optimizer, on the rows of all processes. Returns whether to stop."""
        progress, ranks = self._progress, self._group.ranks
        torch.manual_seed((self._job.seed * 1_000_003 + progress.step) * ranks.world + ranks.rank)
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(progress.step, self._steps * self._params["epochs"], self._params)
        self._network.train()
        self._optimizer.zero_grad(set_to_none=True)
        mine = rows.at(self._group.part(len(rows)))
        size, loss = self._params["micro_batch"], 0.0
        for first in range(0, len(mine), size):
            is_last = first + size >= len(mine)
            with self._unshared(not is_last):
                # Gradients of processes are averaged, those of micro-batches are added up.
                piece = self._loss(mine.at(slice(first, first + size))) / len(rows)
                self._scaler.scale(piece * ranks.world).backward()
            loss += float(piece.detach())
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._network.parameters(), self._params["clip_norm"])
        self._scaler.step(self._optimizer)
        self._scaler.update()
        loss, stopping = self._group.sum([loss, float(self._job.stopping)])
        progress.step += 1
        progress.epoch_loss += loss
        if self._group.is_first and progress.step % self._params["report_steps"] == 0:
            name = f"train_{LOSSES[self._job.task]}"
            self._job.report(progress.step, name, self._figure(loss))
        return stopping > 0

    def _keep(self, stopping: bool) -> None:
        if stopping:
            self._save()
            raise Stopped()
        if self._group.is_first and self._interval.is_over():
            self._save()

    def _conclude(self, epoch: int) -> None:
        """Measures the epoch, and keeps its weights if they are the best."""
        job, progress = self._job, self._progress
        progress.train_loss, progress.epoch_loss = progress.epoch_loss / self._steps, 0.0
        patience = self._params.get("early_stopping_epochs")
        if patience is not None:
            loss = self.loss_on("tuning")
            if self._group.is_first:
                job.report(progress.step, f"tuning_{LOSSES[job.task]}", self._figure(loss))
            if loss < progress.best_loss:
                progress.best_loss, progress.best_epoch = loss, epoch
                self._best = {
                    name: value.detach().cpu().clone()
                    for name, value in self._network.state_dict().items()
                }
        if job.objective is not None and self._group.is_first:
            scores = scores_of(
                job, self._network, self._encoding, job.objective.columns, self._device
            )
            job.report_objective(epoch, scores)
            progress.reached = dict(job.reached)

    def _is_enough(self, epoch: int) -> bool:
        patience = self._params.get("early_stopping_epochs")
        return patience is not None and epoch - self._progress.best_epoch >= patience

    def _loss(self, rows: Rows) -> Tensor:
        """Sum of the losses of the rows."""
        label = torch.from_numpy(rows.label).to(self._device)
        with torch.autocast(
            self._device.type,
            dtype=self._precision,
            enabled=self._precision != torch.float32,
        ):
            raw = self._shared(*tensors_of(rows, self._device))
        return loss_of(self._job.task, raw.float(), self._encoding, label)

    @torch.no_grad()
    def loss_on(self, name: str) -> float:
        """Mean loss on the rows of an input, which the processes divide."""
        self._network.eval()
        total, rows_seen = 0.0, 0
        for shard in self._job.shards(name):
            for columns, label in self._job.read(shard):
                rows = self._encoding.encode(columns, label)
                rows = rows.at(self._group.part(len(rows)))
                if len(rows):
                    raw = self._network(*tensors_of(rows, self._device))
                    told = torch.from_numpy(rows.label).to(self._device)
                    total += float(loss_of(self._job.task, raw, self._encoding, told))
                rows_seen += len(rows)
        total, rows_seen = self._group.sum([total, rows_seen])
        return total / rows_seen

    def _figure(self, loss: float) -> float:
        """The loss as it is reported; for regression the root in units of the label."""
        if self._job.task != "regression":
            return loss
        return math.sqrt(loss) * self._encoding.label_scale

    def figures(self) -> dict[str, float]:
        name, progress = LOSSES[self._job.task], self._progress
        figures = {f"train_{name}": self._figure(progress.train_loss)}
        if self._best is not None:
            figures[f"tuning_{name}"] = self._figure(progress.best_loss)
        return figures

    def _unshared(self, alone: bool) -> contextlib.AbstractContextManager[None]:
        """Keeps gradients in this process until the last part of a batch."""
        if alone and isinstance(self._shared, DistributedDataParallel):
            return self._shared.no_sync()
        return contextlib.nullcontext()

    def _save(self) -> None:
        """All processes have the same state, so the first one saves it."""
        if not self._group.is_first:
            return
        state = io.BytesIO()
        torch.save(
            {
                "progress": asdict(self._progress),
                "network": self._network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "best": self._best,
            },
            state,
        )
        self._job.save_checkpoint(self._progress.step, {"state.pt": state.getvalue()})

    def _restore(self) -> int | None:
        self._job.stop_when_saved()
        restored = self._job.restore_checkpoint() if self._group.is_first else None
        restored = self._group.from_first(restored)
        if restored is None:
            return None
        step, files = restored
        state = torch.load(
            io.BytesIO(files["state.pt"]), weights_only=True, map_location=self._device
        )
        self._progress = Progress(**state["progress"])
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._best = state["best"]
        self._job.reached.update(self._progress.reached)
        return step


@torch.no_grad()
def scores_of(
    job: Job, network: nn.Module, encoding: Encoding, columns: Columns, device: torch.device
) -> np.ndarray:
    """Float64, one score per row; [rows, classes] for multiclass."""
    network.eval()
    parts = []
    for first in range(0, rows_of(columns), SCORED_ROWS):
        rows = encoding.encode(take(columns, slice(first, first + SCORED_ROWS)))
        raw = network(*tensors_of(rows, device))
        parts.append(score_of(job.task, raw, encoding).double().cpu().numpy())
    scores = np.concatenate(parts)
    return scores if job.classes else scores[:, 0]


def precision_of(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[name]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def rate_at(step: int, steps: int, params: dict[str, Any]) -> float:
    """The learning rate: a linear warm-up, then half a cosine down to 1 %, or constant."""
    warm = max(1, int(steps * params["warmup_share"]))
    if step < warm:
        return params["learning_rate"] * (step + 1) / warm
    if params["schedule"] == "constant":
        return params["learning_rate"]
    progress = (step - warm) / max(1, steps - warm)
    return params["learning_rate"] * (0.01 + 0.495 * (1 + math.cos(math.pi * progress)))


def tensors_of(rows: Rows, device: torch.device) -> list[Tensor | None]:
    return [
        None if part is None else torch.from_numpy(part).to(device)
        for part in (rows.image, rows.numbers, rows.codes)
    ]


def loss_of(task: str, raw: Tensor, encoding: Encoding, label: Tensor) -> Tensor:
    if task == "multiclass":
        return functional.cross_entropy(raw, label.long(), reduction="sum")
    if task == "classification":
        return functional.binary_cross_entropy_with_logits(
            raw[:, 0], label.float(), reduction="sum"
        )
    standard = ((label - encoding.label_mean) / encoding.label_scale).float()
    return functional.mse_loss(raw[:, 0], standard, reduction="sum")


def score_of(task: str, raw: Tensor, encoding: Encoding) -> Tensor:
    """Float [rows, outputs]: probabilities, or values in units of the label."""
    if task == "multiclass":
        return torch.softmax(raw, dim=1)
    if task == "classification":
        return torch.sigmoid(raw)
    return raw * encoding.label_scale + encoding.label_mean
