"""Grows trees so that a resumed training gives the same bytes.

Trees grow in legs. Each leg is a separate LightGBM training that starts from the scores of the legs
before it. A checkpoint is the list of finished legs, and the rest depends on nothing else.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np

from runtime.job import Job

#: Trees per leg. A crash costs about ten seconds of work. The start of a leg, one pass of the last
#: leg's trees over the rows, takes little time in comparison.
ROWS_TIMES_TREES_PER_LEG = 20_000_000
LEAST_TREES_PER_LEG, MOST_TREES_PER_LEG = 50, 250


@dataclass
class Rows:
    matrix: np.ndarray
    label: np.ndarray

    _dataset: lgb.Dataset | None = None

    def dataset(self, params: dict[str, Any], reference: Rows | None = None) -> lgb.Dataset:
        """Bins the rows at the first call; later calls must want the same bins."""
        if self._dataset is None:
            binned_by = reference.dataset(params) if reference else None
            self._dataset = lgb.Dataset(
                self.matrix, self.label, reference=binned_by, params=params, free_raw_data=False
            )
        return self._dataset

    #: Scores per row: the number of classes for multiclass.
    width: int = 1

    @cached_property
    def scores(self) -> np.ndarray:
        """Sum of all finished legs; [rows, classes] for multiclass."""
        return np.zeros(len(self.label) if self.width == 1 else (len(self.label), self.width))


@dataclass
class Forest:
    boosters: list[lgb.Booster] = field(default_factory=list)
    #: Newest loss on the training rows and best loss on the tuning rows.
    losses: dict[str, float] = field(default_factory=dict)
    #: Number of trees with the best loss on the tuning rows.
    best_trees: int = 0

    @property
    def trees(self) -> int:
        """Number of rounds; for multiclass a round is one tree per class."""
        return sum(booster.current_iteration() for booster in self.boosters)

    def raw_scores(self, matrix: np.ndarray) -> np.ndarray:
        return np.sum(
            [booster.predict(matrix, raw_score=True, num_threads=1) for booster in self.boosters],
            axis=0,
        )

    def cut(self, trees: int) -> None:
        """Keeps the first `trees` rounds."""
        kept = []
        for booster in self.boosters:
            if trees > 0:
                kept.append(
                    booster
                    if booster.current_iteration() <= trees
                    else lgb.Booster(model_str=booster.model_to_string(num_iteration=trees))
                )
            trees -= booster.current_iteration()
        self.boosters = kept


def grow(
    job: Job,
    params: dict[str, Any],
    loss: str,
    training: Rows,
    tuning: Rows | None,
    patience: int | None,
) -> Forest:
    forest = _restored(job)
    rounds = job.params["num_iterations"]
    dataset = training.dataset(params)
    parts = {
        "train": (training, dataset),
        **({"tuning": (tuning, tuning.dataset(params, training))} if tuning else {}),
    }
    # A trial needs only its objective. The loss of 100,000 training rows at every tree would take a
    # tenth of its time.
    watched = {
        name: data for name, (_, data) in parts.items() if name == "tuning" or not job.objective
    }
    if job.objective and patience is None:
        params = {**params, "metric": "None"}
    for booster in forest.boosters:
        _add_scores(booster, parts)
    # Depends only on the rows, so that a resumed training has the same legs.
    leg = min(
        MOST_TREES_PER_LEG,
        max(LEAST_TREES_PER_LEG, ROWS_TIMES_TREES_PER_LEG // len(training.label)),
    )
    enough = False
    while forest.trees < rounds and not enough:
        before = forest.trees
        if before:
            for rows, data in parts.values():
                data.set_init_score(rows.scores)
        length = min(leg, rounds - before)
        grown = lgb.train(
            {**params, **_seeds(job.seed, before)},
            dataset,
            num_boost_round=length,
            valid_sets=list(watched.values()),
            valid_names=list(watched),
            feval=_judge(job, before) if job.objective else None,
            callbacks=[_watch(job, forest, before, loss, patience)],
        )
        # Always through the model's text, which is all that a resumed training has.
        booster = lgb.Booster(model_str=grown.model_to_string(num_iteration=-1))
        forest.boosters.append(booster)
        enough = booster.current_iteration() < length or (
            patience is not None and forest.trees - forest.best_trees >= patience
        )
        if not enough and forest.trees < rounds:
            _add_scores(booster, parts)
            job.save_checkpoint(forest.trees, _saved(forest))
    if patience is not None:
        forest.cut(forest.best_trees)
    return forest


def _judge(job: Job, before: int) -> Any:
    """Reports the objective after every tree, from LightGBM's own scores of the tuning rows."""
    trees = before

    def judge(scores: np.ndarray, _rows: lgb.Dataset) -> list[Any]:
        nonlocal trees
        trees += 1
        job.report_objective(trees, scores)
        return []

    return judge


def _watch(job: Job, forest: Forest, before: int, loss: str, patience: int | None) -> Any:
    def after_round(env: lgb.callback.CallbackEnv) -> None:
        step = before + env.iteration + 1
        for part, _, value, _ in env.evaluation_result_list:
            name = f"{part}_{loss}"
            job.report(step, name, value)
            if part == "train":
                forest.losses[name] = value
            elif value < forest.losses.get(name, math.inf):
                forest.losses[name] = value
                forest.best_trees = step
        if patience is not None and step - forest.best_trees >= patience:
            raise lgb.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return after_round


def _seeds(seed: int, before: int) -> dict[str, int]:
    """Seeds of a leg. With equal seeds, every leg would draw and omit the same rows and features."""
    drawn = (seed + 7_919 * before) % 2**31
    return {"bagging_seed": drawn, "feature_fraction_seed": drawn, "extra_seed": drawn}


def _add_scores(booster: lgb.Booster, parts: dict[str, tuple[Rows, lgb.Dataset]]) -> None:
    for rows, _ in parts.values():
        rows.scores += booster.predict(rows.matrix, raw_score=True, num_threads=1)


def _saved(forest: Forest) -> dict[str, bytes]:
    state = {"losses": forest.losses, "bestTrees": forest.best_trees, "legs": len(forest.boosters)}
    legs = {
        f"leg-{index}.txt": booster.model_to_string(num_iteration=-1).encode()
        for index, booster in enumerate(forest.boosters)
    }
    return {"state.json": json.dumps(state).encode(), **legs}


def _restored(job: Job) -> Forest:
    checkpoint = job.restore_checkpoint()
    if checkpoint is None:
        return Forest()
    step, files = checkpoint
    state = json.loads(files["state.json"])
    job.log("resumed from a checkpoint", trees=step)
    return Forest(
        [
            lgb.Booster(model_str=files[f"leg-{index}.txt"].decode())
            for index in range(state["legs"])
        ],
        state["losses"],
        state["bestTrees"],
    )
