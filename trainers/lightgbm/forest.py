"""Grows trees so that a resumed training gives the same bytes.

A resumed training begins from the scores of the saved trees. LightGBM adds them up in the order in
which it grew them, so they are the same numbers. The draws of rows and features depend only on the
seed and the iteration.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np

from runtime.checkpoint.interval import Interval
from runtime.job import Job

from .rows import Rows


@dataclass
class Forest:
    booster: lgb.Booster
    #: Newest loss on the training rows and best loss on the tuning rows.
    losses: dict[str, float]

    @property
    def trees(self) -> int:
        """Number of iterations; for multiclass an iteration is one tree per class."""
        return self.booster.current_iteration()

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        return self.booster.predict(matrix, raw_score=True, num_threads=1)


@dataclass
class Progress:
    """The state of a training beside its trees."""

    losses: dict[str, float] = field(default_factory=dict)
    #: Number of trees with the best loss on the tuning rows.
    best_trees: int = 0
    #: The saved trees, as model texts by the name of their file.
    parts: dict[str, bytes] = field(default_factory=dict)
    #: Number of the saved trees.
    saved: int = 0

    def is_worse_since(self, patience: int | None, trees: int) -> bool:
        return patience is not None and trees - self.best_trees >= patience


def grow(
    job: Job,
    params: dict[str, Any],
    loss: str,
    training: Rows,
    tuning: Rows | None,
    patience: int | None,
) -> Forest:
    progress = _restored(job)
    rounds = job.params["num_iterations"]
    dataset = training.dataset(params)
    watched = {"tuning": tuning.dataset(params, training)} if tuning else {}
    # A trial needs only its objective. The loss of 100,000 training rows at every tree would take a
    # tenth of its time.
    if not job.objective:
        watched = {"train": dataset, **watched}
    elif patience is None:
        params = {**params, "metric": "None"}
    draws = Draws(params, job.seed)
    booster = _merged(progress)
    if booster is None or (
        progress.saved < rounds and not progress.is_worse_since(patience, progress.saved)
    ):
        booster = lgb.train(
            {**params, **draws.at_start(progress.saved)},
            dataset,
            num_boost_round=rounds - progress.saved,
            init_model=booster,
            valid_sets=list(watched.values()),
            valid_names=list(watched),
            feval=_judge(job, progress.saved) if job.objective else None,
            callbacks=[draws.callback(), _watch(job, progress, draws, loss, patience)],
        )
    if patience is not None and progress.best_trees < booster.current_iteration():
        booster = lgb.Booster(model_str=booster.model_to_string(num_iteration=progress.best_trees))
    return Forest(booster, progress.losses)


class Draws:
    """Gives each iteration seeds of its own, where rows or features are drawn.

    LightGBM has no way to save the state of its generators.
    """

    def __init__(self, params: dict[str, Any], seed: int):
        self._seed = seed
        self._fraction = params["bagging_fraction"]
        self._rows = self._fraction < 1 and params["bagging_freq"] > 0
        #: For how many iterations rows are drawn.
        self.length = params["bagging_freq"] if self._rows else 1
        self._features = params["feature_fraction"] < 1

    def at_start(self, iteration: int) -> dict[str, Any]:
        """Parameters of a training that begins at this iteration."""
        if not self._features:
            return self._rows_at(iteration)
        # Another seed than that of the iteration, because LightGBM draws once more at the start.
        other = self._drawn(f"before {iteration}")
        return {**self._rows_at(iteration), "feature_fraction_seed": other}

    def callback(self) -> Any:
        def before_round(env: lgb.callback.CallbackEnv) -> None:
            changed = self._rows_at(env.iteration)
            if self._features:
                changed["feature_fraction_seed"] = self._drawn(f"{env.iteration}")
            if changed:
                env.model.reset_parameter(changed)

        before_round.before_iteration = True
        return before_round

    def _rows_at(self, iteration: int) -> dict[str, Any]:
        if not self._rows or iteration % self.length:
            return {}
        # LightGBM reads the seed again only if the fraction changes, here by its last bit.
        is_odd = iteration // self.length % 2
        fraction = float(np.nextafter(self._fraction, 0)) if is_odd else self._fraction
        return {"bagging_seed": self._drawn(f"{iteration}"), "bagging_fraction": fraction}

    def _drawn(self, of: str) -> int:
        """Adjacent seeds would give similar draws."""
        digest = hashlib.sha256(f"{self._seed}/{of}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1


def _judge(job: Job, before: int) -> Any:
    """Reports the objective after every tree, from LightGBM's own scores of the tuning rows."""
    trees = before

    def judge(scores: np.ndarray, _rows: lgb.Dataset) -> list[Any]:
        nonlocal trees
        trees += 1
        job.report_objective(trees, scores)
        return []

    return judge


def _watch(job: Job, progress: Progress, draws: Draws, loss: str, patience: int | None) -> Any:
    interval = Interval(job.params["checkpoint_seconds"])

    def after_round(env: lgb.callback.CallbackEnv) -> None:
        step = env.iteration + 1
        for part, _, value, _ in env.evaluation_result_list:
            name = f"{part}_{loss}"
            job.report(step, name, value)
            if part == "train":
                progress.losses[name] = value
            elif value < progress.losses.get(name, math.inf):
                progress.losses[name] = value
                progress.best_trees = step
        # Between two draws of rows, LightGBM cannot continue with the rows of the last draw.
        if step % draws.length == 0 and (job.stopping or interval.is_over()):
            _save(job, progress, env.model, step)
        if progress.is_worse_since(patience, step):
            raise lgb.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return after_round


def _save(job: Job, progress: Progress, booster: lgb.Booster, step: int) -> None:
    """Adds the trees since the last checkpoint, so that its cost does not grow with the forest."""
    if step > progress.saved:
        text = booster.model_to_string(
            num_iteration=step - progress.saved, start_iteration=progress.saved
        )
        progress.parts[f"trees-{progress.saved}.txt"] = text.encode()
        progress.saved = step
    state = {
        "losses": progress.losses,
        "bestTrees": progress.best_trees,
        "parts": list(progress.parts),
    }
    job.save_checkpoint(step, {"state.json": json.dumps(state).encode(), **progress.parts})


def _restored(job: Job) -> Progress:
    job.stop_when_saved()
    checkpoint = job.restore_checkpoint()
    if checkpoint is None:
        return Progress()
    step, files = checkpoint
    state = json.loads(files["state.json"])
    parts = {name: files[name] for name in state["parts"]}
    return Progress(state["losses"], state["bestTrees"], parts, step)


def _merged(progress: Progress) -> lgb.Booster | None:
    """One model of all saved trees, because LightGBM must add up their scores in this order."""
    if not progress.parts:
        return None
    texts = [text.decode() for text in progress.parts.values()]
    head = "\n".join(
        # Without the sizes, LightGBM reads one tree after the other.
        line
        for line in texts[0].partition("\nTree=")[0].split("\n")
        if not line.startswith("tree_sizes=")
    )
    trees = "".join(
        "Tree=" + text.partition("\nTree=")[2].partition("end of trees")[0] for text in texts
    )
    return lgb.Booster(model_str=f"{head}\n\n{trees}end of trees\n")
